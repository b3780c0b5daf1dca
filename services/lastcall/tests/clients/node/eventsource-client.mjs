// A client with an interface of its own. It reconnects by itself, whatever the status, and takes `retry` into account.
//
// It leaves out ids that come without data, so until its first event it would come back without a position: the URL has one.

import { createEventSource } from 'eventsource-client';
import { authorization, print, url } from './protocol.mjs';

createEventSource({
  url,
  headers: { Authorization: authorization },
  onMessage: ({ id, event, data }) => print(id, event ?? 'message', data),
});

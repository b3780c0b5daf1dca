// The browser's EventSource for Node. It reconnects by itself and takes `retry` into account.
//
// It leaves out ids that come without data, so until its first event it would come back without a position: the URL has one.

import { EventSource } from 'eventsource';
import { authorization, giveUp, print, url } from './protocol.mjs';

const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: authorization } }),
});
for (const type of ['message', 'gap', 'reauth']) {
  source.addEventListener(type, (event) => print(event.lastEventId, event.type, event.data));
}
source.addEventListener('error', (event) => {
  if (source.readyState === EventSource.CLOSED) giveUp(event.message);
});

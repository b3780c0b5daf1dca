// undici's EventSource, which is also the one that Node has behind a flag. It reconnects by itself, takes `retry` into account
// and keeps ids that come without data.

import { Agent, EventSource } from 'undici';
import { authorization, giveUp, print, url } from './protocol.mjs';

class WithToken extends Agent {
  dispatch(options, handler) {
    options.headers.authorization = authorization;
    return super.dispatch(options, handler);
  }
}

const source = new EventSource(url, { node: { dispatcher: new WithToken() } });
for (const type of ['message', 'gap', 'reauth']) {
  source.addEventListener(type, (event) => print(event.lastEventId, event.type, event.data));
}
source.addEventListener('error', () => {
  if (source.readyState === EventSource.CLOSED) giveUp('it gave up');
});

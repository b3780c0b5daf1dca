// A client for browsers, on top of fetch. It reconnects by itself after an error, and after an end if onclose throws. It takes
// `retry` into account and keeps ids that come without data.

// Two things of a browser that it looks for.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

const { fetchEventSource } = await import('@microsoft/fetch-event-source');
const { authorization, giveUp, print, url } = await import('./protocol.mjs');

fetchEventSource(url, {
  headers: { Authorization: authorization },
  fetch,
  openWhenHidden: true,
  // Blocks without data come here, too.
  onmessage({ id, event, data }) {
    if (data) print(id, event || 'message', data);
  },
  onclose() {
    throw new Error('the stream has ended');
  },
  onerror() {
    // It tries again after `retry`.
  },
}).catch(giveUp);

// A client for browsers, on top of fetch. It reconnects by itself after an error, and after an end if onclose throws.
//
// It takes an id as soon as the line is there, so a connection that breaks in the middle of an event would have it ask for
// what comes after that event. So we keep the id of the last whole one, and put it in place of the library's.

// Two things of a browser that it looks for.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

const { fetchEventSource } = await import('@microsoft/fetch-event-source');
const { authorization, giveUp, print, url } = await import('./protocol.mjs');

let lastId = '';

function fetchAfterLast(input, init) {
  const headers = { ...init.headers };
  delete headers['last-event-id'];
  if (lastId) headers['last-event-id'] = lastId;
  return fetch(input, { ...init, headers });
}

fetchEventSource(url, {
  headers: { Authorization: authorization },
  fetch: fetchAfterLast,
  openWhenHidden: true,
  // Blocks without data come here, too.
  onmessage({ id, event, data }) {
    if (id) lastId = id;
    if (data) print(id, event || 'message', data);
  },
  onclose() {
    throw new Error('the stream has ended');
  },
  onerror() {
    // It tries again after `retry`.
  },
}).catch(giveUp);

// One native EventSource, from when it is opened until it is of no more use.
//
// It comes back by itself after a cut, when the service said it is to, and says so with `error` while it still is CONNECTING. It
// is of no more use when it was refused (anything but 200 closes it for good), when its URL cannot be used again, when it comes
// back in vain, and when nothing comes any more although the system believes that the connection stands: a laptop that slept,
// a network that went away. The last shows only in missing heartbeats, which an EventSource tells of only where they are
// events; that is what `heartbeat=event` asks for.

import { hear, type Receiver } from "./receiver.js";

/** Nothing for so long, and the connection is dead. Heartbeats come every 15 seconds. */
const SILENCE_MS = 45_000;
const LOOK_EVERY_MS = 5_000;
/** A connection that brings nothing for longer than this was none. */
const SHORT_MS = 1_000;
/** So many of those in a row, and the path does not bear streams. */
export const STRIKES = 3;

/** How it ended. */
export interface Ended {
  /** Connections in a row, its last one included, that were none. */
  strikes: number;
  /** How long its last connection brought something, in milliseconds. */
  lasted: number;
}

/**
 * Listens until it is of no more use, or `signal` aborts. A URL with a ticket is good for one connection, and needs no cookie.
 * `before` is the number of strikes before it; `reauth` is told that the token is about to end.
 */
export function listen(
  Source: typeof EventSource,
  url: string,
  hasTicket: boolean,
  before: number,
  receiver: Receiver,
  reauth: () => void,
  signal: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve) => {
    let strikes = before;
    let lasted = 0;
    let heard = Date.now();
    let opened = 0;

    const source = new Source(url, { withCredentials: !hasTicket });
    const timer = setInterval(() => {
      if (Date.now() - heard < SILENCE_MS) return;
      cut();
      end();
    }, LOOK_EVERY_MS);
    signal.addEventListener("abort", end);

    /** Counted to the last sign of life: a proxy that opens a stream and holds back what comes down has brought nothing. */
    function cut() {
      lasted = opened && heard - opened;
      strikes = lasted < SHORT_MS ? strikes + 1 : 0;
      opened = 0;
    }
    function end() {
      clearInterval(timer);
      signal.removeEventListener("abort", end);
      source.close();
      resolve({ strikes, lasted });
    }
    function on(name: string, then: (event: MessageEvent<string>) => void) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        if (!signal.aborted) then(event as MessageEvent<string>);
      });
    }

    on("open", () => {
      opened = heard;
      receiver.status("live");
    });
    on("message", ({ data, lastEventId: at }) => hear(receiver, at, () => receiver.event(JSON.parse(data), at)));
    on("gap", ({ data, lastEventId: at }) => hear(receiver, at, () => receiver.gap(JSON.parse(data))));
    on("heartbeat", ({ lastEventId: at }) => receiver.moved(at));
    on("reauth", reauth);
    on("error", () => {
      cut();
      if (hasTicket || strikes >= STRIKES || source.readyState === source.CLOSED) end();
      else receiver.status("connecting");
    });
  });
}

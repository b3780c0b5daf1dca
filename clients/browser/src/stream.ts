// One native EventSource, from when it is opened until it is of no more use.
//
// It comes back by itself after a cut, when the service said it is to, and says so with `error` while it still is CONNECTING. It
// is of no more use when it was refused (anything but 200 closes it for good), when its URL cannot be used again, when it comes
// back in vain, and when nothing comes any more although the system believes that the connection stands: a laptop that slept,
// a network that went away. The last shows only in missing heartbeats, which an EventSource tells of only where they are
// events; that is what `heartbeat=event` asks for.

/** Nothing for so long, and the connection is dead. Heartbeats come every 15 seconds. */
const SILENCE_MS = 45_000;
const LOOK_EVERY_MS = 5_000;
/** A stream that ends sooner was none. */
const SHORT_MS = 1_000;
/** So many of those in a row, and the path does not bear streams. */
export const STRIKES = 3;

/** What comes down a stream. */
export interface Hearing {
  opened(): void;
  /** It comes back by itself. */
  cut(): void;
  message(data: string, position: string): void;
  gap(data: string, position: string): void;
  heartbeat(position: string): void;
  /** The token is about to end. Whether to leave this stream for one with another token. */
  reauth(): boolean;
}

/** How it ended. */
export interface Ended {
  /** Connections in a row, its last one included, that brought nothing worth the name. */
  strikes: number;
  /** How long the last connection lasted, in milliseconds. */
  lasted: number;
  /** Whether it was refused, as far as one can tell. */
  refused: boolean;
}

export interface Listening {
  source: typeof EventSource;
  url: string;
  withCredentials: boolean;
  /** Whether the URL is good for a second connection. */
  reusable: boolean;
  /** Strikes before it. */
  strikes: number;
  /** Aborted to end it. */
  signal: AbortSignal;
  hearing: Hearing;
}

export function listen(listening: Listening): Promise<Ended> {
  const { source: Source, url, withCredentials, reusable, signal, hearing } = listening;
  return new Promise((resolve) => {
    let heard = Date.now();
    let opened: number | null = null;
    let { strikes } = listening;
    let vain = 0;
    let lasted = 0;

    const source = new Source(url, { withCredentials });
    const timer = setInterval(() => {
      if (Date.now() - heard <= SILENCE_MS) return;
      cut();
      end();
    }, LOOK_EVERY_MS);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();

    function end() {
      clearInterval(timer);
      signal.removeEventListener("abort", end);
      const refused = source.readyState === source.CLOSED;
      source.close();
      resolve({ strikes, lasted: opened === null ? lasted : heard - opened, refused });
    }
    function cut() {
      // Counted to the last sign of life: a proxy that opens a stream and holds back what comes down has brought nothing.
      lasted = opened === null ? 0 : heard - opened;
      strikes = lasted < SHORT_MS ? strikes + 1 : 0;
      vain = opened === null ? vain + 1 : 0;
      opened = null;
    }
    function on(name: string, then: (event: MessageEvent<string>) => void) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        if (!signal.aborted) then(event as MessageEvent<string>);
      });
    }

    on("open", () => {
      opened = heard;
      hearing.opened();
    });
    on("message", ({ data, lastEventId }) => hearing.message(data, lastEventId));
    on("gap", ({ data, lastEventId }) => hearing.gap(data, lastEventId));
    on("heartbeat", ({ lastEventId }) => hearing.heartbeat(lastEventId));
    on("reauth", () => hearing.reauth() && end());
    on("error", () => {
      cut();
      if (source.readyState === source.CLOSED || !reusable || vain > 1 || strikes >= STRIKES) end();
      else hearing.cut();
    });
  });
}

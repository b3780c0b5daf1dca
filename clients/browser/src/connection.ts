// Keeps one person's connection, whatever becomes of servers, proxies, networks and tokens.
//
// Streams as long as they work. One that came to nothing is followed by a poll that does not wait: an EventSource cannot tell
// what it was refused with, and a poll can (no token, or a proxy without an edge), brings what was missed meanwhile, and shows
// whether polling works where streams do not. If it does after three streams that came to nothing, it is polled for a while.

import type { Api } from "./api.js";
import { delay, pause } from "./backoff.js";
import type { Cursor } from "./cursor.js";
import type { Refused } from "./problem.js";
import { hear, type Gap, type Receiver } from "./receiver.js";
import { listen, STRIKES } from "./stream.js";

/** How to connect. */
export interface Way {
  source: typeof EventSource | undefined;
  transport: "auto" | "stream" | "poll" | undefined;
}

type Polled = { events: { cursor: Cursor; data: unknown }[]; gap?: Gap };

/** How long a poll waits; less than a request may take. */
const WAIT = "30s";
/** After so long on a connection that polls, a stream is tried again. */
const POLLING_MS = 300_000;
/** After so long, what went wrong before is forgotten. */
const STEADY_MS = 60_000;

/** Something that connects, until `end` aborts. */
export interface Connection {
  /** Gives up what it does, be it waiting, and connects at once. */
  renew(): void;
}

/** Connects, and stays connected. `prepare` comes first whenever there is no position. */
export function connect(
  api: Api,
  { source, transport }: Way,
  receiver: Receiver,
  prepare: (signal: AbortSignal) => Promise<void>,
  end: AbortSignal,
): Connection {
  let round = new AbortController();
  let failures = 0;
  let strikes = 0;
  let pollUntil = 0;

  const renew = () => round.abort();
  const polls = () => transport === "poll" || !source || (transport !== "stream" && Date.now() < pollUntil);
  const start = (name: string) => (receiver.position ? { [name]: receiver.position } : { from: "earliest" });
  const reauth = () => {
    if (!api.hasToken) return;
    api.renewToken();
    renew();
  };

  const stream = async (signal: AbortSignal) => {
    let ticket: string | undefined;
    if (api.hasToken) ({ ticket } = (await api.ask<{ ticket: string }>("POST", "stream/ticket", { signal })).body);
    signal.throwIfAborted();
    const url = api.url("stream", { heartbeat: "event", ...start("last_event_id"), ticket });
    const Source = source as typeof EventSource;
    let lasted: number;
    ({ strikes, lasted } = await listen(Source, url, !!ticket, strikes, receiver, reauth, signal));
    if (signal.aborted) return;
    if (lasted > STEADY_MS) failures = 0;
    receiver.status("connecting");
    await pause(delay(failures++), signal);
    if (!strikes || signal.aborted) return;
    await poll(signal);
    if (strikes < STRIKES) return;
    strikes = failures = 0;
    pollUntil = Date.now() + POLLING_MS;
  };

  /** Waits for news only where the answer before has come: until one has, nothing shows that any will. */
  const poll = async (signal: AbortSignal) => {
    const isSteady = polls() && !failures;
    if (isSteady) receiver.status("polling");
    const query = { ...start("after"), wait: isSteady ? WAIT : "0s" };
    const { body, cursor } = await api.ask<Polled>("GET", "events", { query, signal });
    if (signal.aborted) return;
    if (body.gap) receiver.gap(body.gap);
    for (const { cursor, data } of body.events) hear(receiver, cursor, () => receiver.event(data, cursor));
    if (cursor) receiver.moved(cursor);
    if (polls()) failures = 0;
  };

  const failed = async ({ problem, retryAfter = 0 }: Partial<Refused>, signal: AbortSignal) => {
    receiver.status(problem?.status === 401 ? "signed-out" : "offline");
    if (problem?.status === 400) receiver.lost();
    // What fails now fails for streams and polls alike, so that it says nothing about either.
    strikes = pollUntil = 0;
    await pause(Math.max(retryAfter, delay(failures++)), signal);
  };

  const run = async () => {
    while (!end.aborted) {
      round = new AbortController();
      const { signal } = round;
      try {
        if (!receiver.position) await prepare(signal);
        await (polls() ? poll : stream)(signal);
      } catch (error) {
        if (!signal.aborted) await failed(error as Refused, signal);
      }
    }
  };
  end.addEventListener("abort", renew);
  void run();
  return { renew };
}

// Keeps one person's connection, whatever becomes of servers, proxies, networks and tokens.
//
// Streams as long as they work. One that was refused is followed by a poll that does not wait: an EventSource cannot tell what
// it was refused with, and a poll can (no token, or a proxy without an edge), brings what was missed meanwhile, and shows
// whether polling works where streams do not. If it does after three streams that came to nothing, it is polled for a while.

import type { Api } from "./api.js";
import { delay, pause } from "./backoff.js";
import type { Cursor } from "./cursor.js";
import { Refused } from "./problem.js";
import { listen, STRIKES } from "./stream.js";

export type Status = "connecting" | "live" | "polling" | "offline" | "signed-out";

/** Something that was asked for and cannot be had; what comes after it is complete again. */
export interface Gap {
  reason: string;
  requested: string;
  resumed_from: Cursor;
}

/** Who is told what comes. */
export interface Receiver {
  /** What is heard next comes after this. */
  readonly position: Cursor | null;
  event(event: unknown, position: Cursor): void;
  gap(gap: Gap, position: Cursor): void;
  moved(position: Cursor): void;
  /** The position is none for the service: what is shown has to be loaded anew. */
  lost(): void;
  status(status: Status): void;
}

/** How to connect. */
export interface Way {
  source: typeof EventSource | undefined;
  transport: "auto" | "stream" | "poll";
}

type Polled = { events: { cursor: Cursor; data: unknown }[]; cursor: Cursor; gap?: Gap };

const WAIT_S = 30;
/** More than an answer takes that waits. */
const POLL_PATIENCE_MS = (WAIT_S + 15) * 1_000;
/** After so long on a connection that polls, a stream is tried again. */
const POLLING_MS = 5 * 60_000;
/** After so long, what went wrong before is forgotten. */
const STEADY_MS = 60_000;

export class Connection {
  readonly #api: Api;
  readonly #way: Way;
  readonly #receiver: Receiver;
  readonly #signal: AbortSignal;
  #round = new AbortController();
  #failures = 0;
  #strikes = 0;
  #pollUntil = 0;

  /** `signal` ends it for good. */
  constructor(api: Api, way: Way, receiver: Receiver, signal: AbortSignal) {
    this.#api = api;
    this.#way = way;
    this.#receiver = receiver;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#round.abort(signal.reason));
  }

  /** Gives up what it does, be it waiting, and connects at once. */
  renew(): void {
    this.#round.abort();
  }

  /** Until it is ended. `prepare` comes first each time that there is no position, and is repeated until it succeeds. */
  async run(prepare: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!this.#signal.aborted) {
      this.#round = new AbortController();
      const { signal } = this.#round;
      try {
        if (this.#receiver.position === null) await prepare(signal);
        if (this.#polls()) await this.#poll(WAIT_S, signal);
        else await this.#stream(signal);
      } catch (error) {
        if (!signal.aborted) await this.#failed(error, signal);
      }
    }
  }

  #polls(): boolean {
    const { transport, source } = this.#way;
    return transport === "poll" || !source || (transport === "auto" && Date.now() < this.#pollUntil);
  }

  async #stream(signal: AbortSignal): Promise<void> {
    const { position } = this.#receiver;
    const start = position ? { last_event_id: position } : { from: "earliest" };
    const ticket = this.#api.hasToken ? await this.#ticket(signal) : null;
    const receiver = this.#receiver;
    const ended = await listen({
      source: this.#way.source as typeof EventSource,
      url: this.#api.url("stream", { heartbeat: "event", ...start, ticket }),
      withCredentials: ticket === null,
      reusable: ticket === null,
      strikes: this.#strikes,
      signal,
      hearing: {
        opened: () => receiver.status("live"),
        cut: () => receiver.status("connecting"),
        message: (data, at) => this.#hear(at, () => receiver.event(JSON.parse(data), at)),
        gap: (data, at) => this.#hear(at, () => receiver.gap(JSON.parse(data), at)),
        heartbeat: (at) => receiver.moved(at),
        reauth: () => this.#reauth(),
      },
    });
    if (signal.aborted) return;
    if (ended.lasted >= STEADY_MS) this.#failures = 0;
    this.#strikes = ended.strikes;
    receiver.status("connecting");
    await pause(delay(this.#failures++), signal);
    if (signal.aborted || (!ended.refused && this.#strikes < STRIKES)) return;
    await this.#poll(0, signal);
    if (this.#strikes < STRIKES) return;
    this.#strikes = 0;
    this.#pollUntil = Date.now() + POLLING_MS;
  }

  async #poll(wait: number, signal: AbortSignal): Promise<void> {
    const { position } = this.#receiver;
    const start = position ? { after: position } : { from: "earliest" };
    const query = { ...start, wait: `${wait}s` };
    const { body } = await this.#api.ask<Polled>("GET", "events", { query, signal, patience: POLL_PATIENCE_MS });
    if (signal.aborted) return;
    if (this.#polls()) this.#receiver.status("polling");
    if (body.gap) this.#receiver.gap(body.gap, body.gap.resumed_from);
    for (const { cursor, data } of body.events) this.#hear(cursor, () => this.#receiver.event(data, cursor));
    this.#receiver.moved(body.cursor);
    if (wait > 0) this.#failures = 0;
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const refused = error instanceof Refused ? error : null;
    const status = refused?.problem.status;
    this.#receiver.status(status === 401 ? "signed-out" : "offline");
    if (status === 400) this.#receiver.lost();
    // What fails now failed for streams and polls alike, so that it says nothing about either.
    this.#strikes = 0;
    this.#pollUntil = 0;
    await pause(Math.max(refused?.retryAfter ?? 0, delay(this.#failures++)), signal);
  }

  async #ticket(signal: AbortSignal): Promise<string> {
    return (await this.#api.ask<{ ticket: string }>("POST", "stream/ticket", { signal })).body.ticket;
  }

  #reauth(): boolean {
    if (!this.#api.hasToken) return false;
    this.#api.renewToken();
    this.renew();
    return true;
  }

  /** What cannot be read is passed over: nobody would be helped by being told it forever. */
  #hear(position: Cursor, hear: () => void): void {
    try {
      hear();
    } catch {
      this.#receiver.moved(position);
    }
  }
}

// What one tab does for all: it hears the stream, reads the list where only the list can tell, and says what is known now.

import type { Api } from "./api.js";
import { MOST_ROWS } from "./api.js";
import { delay, pause } from "./backoff.js";
import { Connection, type Gap, type Receiver, type Status, type Way } from "./connection.js";
import { compare, type Cursor } from "./cursor.js";
import { extended, missed, moved, NOTHING, read, told, want, type Inbox, type Page } from "./inbox.js";
import { asOf, fromEvent, fundingOf, type CloudEvent, type Notification } from "./notification.js";
import { fromEvent as preferencesOf, silence, type Preferences } from "./preferences.js";
import { Refused, type Problem } from "./problem.js";

/** What all tabs of a person know; it is handed from tab to tab as it is. */
export interface Known {
  readonly inbox: Inbox;
  readonly preferences: Preferences | null;
  /** Where in the log the preferences are from. */
  readonly preferencesAt: Cursor | null;
  readonly status: Status;
  /** Why the list cannot be read, if it cannot. */
  readonly problem: Problem | null;
}

export const UNKNOWN: Known = {
  inbox: NOTHING,
  preferences: null,
  preferencesAt: null,
  status: "connecting",
  problem: null,
};

/** Who is told. */
export interface Tell {
  known(known: Known): void;
  told(row: Notification): void;
  gap(gap: Gap): void;
}

const STATE_CHANGED = "lastcall.notification.state.changed.v1";
const PREFERENCES_CHANGED = "lastcall.preferences.changed.v1";

export class Feed implements Receiver {
  readonly #api: Api;
  readonly #pageSize: number;
  readonly #tell: Tell;
  readonly #end = new AbortController();
  readonly #connection: Connection;
  #known: Known;
  #isReading = false;

  /** Goes on from what is known. */
  constructor(api: Api, way: Way, pageSize: number, known: Known, tell: Tell) {
    this.#api = api;
    this.#pageSize = pageSize;
    this.#known = { ...known, status: "connecting" };
    this.#tell = tell;
    this.#connection = new Connection(api, way, this, this.#end.signal);
  }

  get position(): Cursor | null {
    return this.#known.inbox.position;
  }

  start(): void {
    void this.#connection.run((signal) => this.#load(signal));
    void this.#catchUp();
  }

  end(): void {
    this.#end.abort();
  }

  renew(): void {
    this.#connection.renew();
  }

  /** The list is to be no older than that. */
  want(cursor: Cursor): void {
    this.#become(want(this.#known.inbox, cursor));
    void this.#catchUp();
  }

  /** The preferences as they are at that place, unless later ones are known. */
  prefer(preferences: Preferences, at: Cursor): void {
    const { preferencesAt } = this.#known;
    if (preferencesAt === null || !(compare(at, preferencesAt) < 0)) {
      this.#update({ preferences, preferencesAt: at });
    }
  }

  async loadMore(): Promise<void> {
    const { next } = this.#known.inbox;
    if (next === null) return;
    const page = await this.#api.page(this.#pageSize, { before: next }, this.#end.signal);
    this.#become(extended(this.#known.inbox, page, next));
  }

  async refresh(): Promise<void> {
    this.renew();
    await this.#load(this.#end.signal);
  }

  event(event: unknown, position: Cursor): void {
    const { type, data } = event as CloudEvent;
    if (type === STATE_CHANGED) {
      this.#become({ ...want(this.#known.inbox, position), position });
      void this.#catchUp();
    } else if (type === PREFERENCES_CHANGED) {
      this.moved(position);
      this.prefer(preferencesOf(data?.["preferences"]), position);
    } else {
      this.#news(event as CloudEvent, position);
    }
  }

  gap(gap: Gap, position: Cursor): void {
    this.#become(missed(this.#known.inbox, position));
    this.#tell.gap(gap);
    void this.#catchUp();
  }

  moved(position: Cursor): void {
    if (position) this.#become(moved(this.#known.inbox, position));
  }

  lost(): void {
    this.#become({ ...this.#known.inbox, position: null, cursor: null });
  }

  status(status: Status): void {
    if (status !== this.#known.status) this.#update({ status });
  }

  #news(event: CloudEvent, position: Cursor): void {
    const row = fromEvent(event, position, globalThis.navigator?.languages ?? []);
    if (!row) return this.moved(position);
    const now = new Date();
    const { preferences } = this.#known;
    const silenced = preferences && silence(preferences, row.type, fundingOf(event), now);
    const shown = asOf({ ...row, silenced }, now.getTime());
    this.#become(told(this.#known.inbox, shown));
    this.#tell.told(shown);
  }

  /** Everything from the beginning, preferences included. */
  async #load(signal: AbortSignal): Promise<void> {
    const [page, preferences] = await Promise.all([this.#list({}, signal), this.#api.preferences(signal)]);
    this.#become(read(this.#known.inbox, page));
    if (preferences.cursor) this.prefer(preferences.body, preferences.cursor);
    else this.#update({ preferences: preferences.body });
  }

  /** Reads the list until it reaches what is wanted; once for all that is wanted in the meantime. */
  async #catchUp(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { signal } = this.#end;
    for (let failures = 0; this.#known.inbox.wanted !== null && !signal.aborted; failures++) {
      if (failures > 0) await pause(delay(failures - 1), signal);
      await this.#readOnce(signal).catch((error: unknown) => {
        const { problem } = error as Refused;
        if (error instanceof Refused && error.isLasting) this.#update({ problem });
      });
    }
    this.#isReading = false;
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const { wanted, cursor } = this.#known.inbox;
    // After a gap the table may stand anywhere, in another log even: what it has is shown first.
    const query = cursor === null ? {} : { at_least: wanted };
    const page = await this.#list(query, signal).catch((error: unknown) => {
      if (!(error instanceof Refused && error.problem.status === 410)) throw error;
      return this.#list({}, signal);
    });
    this.#become(read(this.#known.inbox, page));
  }

  /** As much of the list as is shown, from its top. What lies behind what one answer holds is loaded when it is asked for. */
  #list(query: { at_least?: Cursor | null }, signal: AbortSignal): Promise<Page> {
    const pages = Math.max(1, Math.ceil(this.#known.inbox.rows.length / this.#pageSize));
    return this.#api.page(Math.min(pages * this.#pageSize, MOST_ROWS), query, signal);
  }

  #become(inbox: Inbox): void {
    if (inbox !== this.#known.inbox) this.#update({ inbox });
  }

  #update(part: Partial<Known>): void {
    if (this.#end.signal.aborted) return;
    const problem = part.inbox && part.inbox.wanted === null ? null : this.#known.problem;
    this.#known = { ...this.#known, problem, ...part };
    this.#tell.known(this.#known);
  }
}

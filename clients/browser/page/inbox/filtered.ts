// A list other than the inbox as a whole, which the client keeps: read from the server, with what the client knows laid over
// it, so that what arrives or changes shows at once. Whenever the client's position moves, the list is read again, no
// older than that.

import type { Notification, Snapshot } from "@lastcall/client";
import { list } from "../server.js";

const PAGE = 20;
const TOGETHER_MS = 150;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 30_000;

export type State = "inbox" | "unread" | "archived";

export interface Filter {
  readonly state: State;
  /** A type of event, or "" for every one. */
  readonly type: string;
}

type Change = Partial<Pick<Notification, "read_at" | "archived_at">>;

/** A change of this tab's that the list which was read may not have yet. */
interface Expected {
  readonly change: Change;
  /** The server has answered: a list that is read from now on has it, or it was refused. */
  settled: boolean;
}

export class Filtered {
  phase: "loading" | "ready" | "failed" = "loading";
  readonly #filter: Filter;
  readonly #changed: () => void;
  #read: readonly Notification[] = [];
  #next: string | null = null;
  /** No older than this; undefined before anything was read. */
  #at: string | null | undefined;
  #pages = 1;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round = 0;
  #failures = 0;
  readonly #expected = new Map<string, Expected>();

  constructor(filter: Filter, changed: () => void) {
    this.#filter = filter;
    this.#changed = changed;
  }

  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** What is to be shown, newest first. */
  items({ notifications }: Snapshot): Notification[] {
    const all = new Map(this.#read.map((item) => [item.id, item]));
    for (const item of notifications) all.set(item.id, item);
    const shown = [...all.values()].map((item) => ({ ...item, ...this.#expected.get(item.id)?.change }));
    return shown.filter((item) => this.#wants(item)).sort((a, b) => sequence(b) - sequence(a));
  }

  /** The client has come to a new position. */
  follow(cursor: string | null): void {
    if (cursor === this.#at) return;
    this.#at = cursor;
    this.#loadIn(TOGETHER_MS);
  }

  /** Shows a change of this tab's before the server has said it. */
  expect(id: string, change: Change, done: Promise<unknown>): void {
    const expected = { change, settled: false };
    this.#expected.set(id, expected);
    void done.finally(() => (expected.settled = true)).catch(() => this.#forget(id, expected));
    this.#changed();
  }

  async older(): Promise<void> {
    this.#pages += 1;
    await this.load();
  }

  /** Reads all that is shown. Several that overlap: only what the last one brought counts. */
  async load(): Promise<void> {
    const round = ++this.#round;
    const settled = [...this.#expected].filter(([, expected]) => expected.settled);
    try {
      const [items, next] = await this.#pagesOf(this.#at ?? null);
      if (round !== this.#round) return;
      [this.#read, this.#next, this.phase, this.#failures] = [items, next, "ready", 0];
      for (const [id, expected] of settled) this.#forget(id, expected);
    } catch {
      if (round !== this.#round) return;
      if (this.phase === "loading") this.phase = "failed";
      this.#loadIn(Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS) * (0.5 + Math.random() / 2));
    }
    this.#changed();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#round += 1;
  }

  #loadIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), milliseconds);
  }

  #forget(id: string, expected: Expected): void {
    if (this.#expected.get(id) === expected) this.#expected.delete(id);
    this.#changed();
  }

  async #pagesOf(at_least: string | null): Promise<[Notification[], string | null]> {
    const items: Notification[] = [];
    let before: string | null = null;
    for (let page = 0; page < this.#pages; page += 1) {
      const { state, type } = this.#filter;
      const answer = await list({ state, type: type || null, limit: String(PAGE), at_least, before });
      items.push(...answer.notifications);
      before = answer.next ?? null;
      if (before === null) break;
    }
    return [items, before];
  }

  #wants(item: Notification): boolean {
    const { state, type } = this.#filter;
    if (type !== "" && item.type !== type) return false;
    if (state === "archived") return item.archived_at !== null;
    return item.archived_at === null && (state === "inbox" || item.read_at === null);
  }
}

/** The place in the log, behind the dot of a cursor. */
function sequence(item: Notification): number {
  return Number(item.cursor.slice(item.cursor.indexOf(".") + 1));
}

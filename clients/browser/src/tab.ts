// A client in one tab: what is shown there, and what is done there. What is done is sent by the tab itself and shown at once.

import { Api } from "./api.js";
import type { Change, Verb } from "./change.js";
import type { Client, Listeners, Options, Snapshot } from "./client.js";
import { Feed, UNKNOWN, type Known } from "./feed.js";
import { asOf, type Notification } from "./notification.js";
import { Outbox, type Deed } from "./outbox.js";
import type { Preferences } from "./preferences.js";
import type { Problem } from "./problem.js";
import { Tabs } from "./tabs.js";

/** As many as one change may name. */
const MOST_NAMED = 200;
const DEFAULT_PAGE = 20;
/** How many ids are remembered, so that nothing is told twice. */
const REMEMBERED = 1_000;
const CLOCK_MS = 15_000;

export class Tab implements Client {
  readonly #api: Api;
  readonly #options: Options;
  readonly #tabs: Tabs;
  readonly #outbox: Outbox;
  readonly #end = new AbortController();
  readonly #subscribers = new Set<() => void>();
  readonly #listeners = { notification: new Set<Listeners["notification"]>(), gap: new Set<Listeners["gap"]>() };
  readonly #heard = new Set<string>();
  #feed: Feed | null = null;
  #known: Known = UNKNOWN;
  #error: Problem | null = null;
  #snapshot: Snapshot;
  #isStarted = false;

  constructor(options: Options) {
    const base = new URL(options.url ?? "/", globalThis.location?.href);
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    this.#options = options;
    this.#api = new Api(base, options.fetch ?? ((...request) => fetch(...request)), options.token);
    this.#outbox = new Outbox(this.#api, {
      changed: () => this.#show(),
      accepted: ({ body, cursor }, { prefer }) => {
        this.#error = null;
        if (!cursor) return;
        if (prefer) this.#tabs.ask({ says: "prefer", preferences: body as Preferences, at: cursor });
        else this.#tabs.ask({ says: "want", cursor });
      },
      refused: (problem) => {
        this.#error = problem;
      },
    });
    this.#tabs = new Tabs(`lastcall:${base.href}:${options.user ?? "default"}`, {
      lead: () => this.#lead(),
      follow: () => {
        this.#feed?.end();
        this.#feed = null;
      },
      asked: (message) => {
        if (message.says === "hello") this.#tabs.tell({ says: "known", known: this.#known });
        else if (message.says === "want") this.#feed?.want(message.cursor);
        else this.#feed?.prefer(message.preferences, message.at);
      },
      perform: async (task) => this.#feed?.[task](),
      heard: (message) => {
        if (message.says === "known") this.#learn(message.known);
        else if (message.says === "told") this.#alert(message.row);
        else this.#call(this.#listeners.gap, message.gap);
      },
    });
    this.#snapshot = this.#look();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#subscribers.add(listener);
    return () => void this.#subscribers.delete(listener);
  };

  readonly getSnapshot = (): Snapshot => this.#snapshot;

  on<Name extends keyof Listeners>(name: Name, listener: Listeners[Name]): () => void {
    const listeners = this.#listeners[name] as Set<Listeners[Name]>;
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  start(): void {
    if (this.#isStarted || this.#end.signal.aborted) return;
    this.#isStarted = true;
    const { signal } = this.#end;
    const listen = (target: EventTarget | undefined, name: string, then: () => void) =>
      target?.addEventListener?.(name, then, { signal });
    const { window, document } = globalThis;
    // A page that is kept for going back holds neither the lock nor a connection: others could not have them.
    listen(window, "pagehide", () => this.#tabs.leave());
    listen(window, "pageshow", () => this.#tabs.join());
    listen(document, "freeze", () => this.#tabs.leave());
    listen(document, "resume", () => this.#tabs.join());
    // After a change of networks an old connection may look alive for minutes.
    listen(window, "online", () => this.#feed?.renew());
    listen(document, "visibilitychange", () => document.visibilityState === "visible" && this.#wake());
    const clock = setInterval(() => this.#tick(), CLOCK_MS);
    signal.addEventListener("abort", () => clearInterval(clock));
    this.#tabs.join();
  }

  close(): void {
    this.#end.abort();
    this.#tabs.leave();
    this.#outbox.end();
    this.#subscribers.clear();
  }

  loadMore(): Promise<void> {
    return this.#tabs.perform("loadMore");
  }

  refresh(): Promise<void> {
    return this.#tabs.perform("refresh");
  }

  markSeen(ids: readonly string[]): Promise<void> {
    return this.#mark("seen", ids);
  }

  markRead(ids: readonly string[]): Promise<void> {
    return this.#mark("read", ids);
  }

  markUnread(ids: readonly string[]): Promise<void> {
    return this.#mark("unread", ids);
  }

  archive(ids: readonly string[]): Promise<void> {
    return this.#mark("archived", ids);
  }

  unarchive(ids: readonly string[]): Promise<void> {
    return this.#mark("unarchived", ids);
  }

  markAllSeen(): Promise<void> {
    return this.#markAll("seen");
  }

  markAllRead(): Promise<void> {
    return this.#markAll("read");
  }

  archiveAll(): Promise<void> {
    return this.#markAll("archived");
  }

  setPreferences(preferences: Preferences): Promise<void> {
    return this.#outbox.do({ method: "PUT", path: "preferences", body: preferences, prefer: () => preferences });
  }

  muteFunding(id: string): Promise<void> {
    return this.#mute("PUT", id, (muted) => (muted.includes(id) ? muted : [...muted, id]));
  }

  unmuteFunding(id: string): Promise<void> {
    return this.#mute("DELETE", id, (muted) => muted.filter((other) => other !== id));
  }

  #mute(method: string, id: string, muted: (muted: string[]) => string[]): Promise<void> {
    return this.#outbox.do({
      method,
      path: `preferences/muted-fundings/${encodeURIComponent(id)}`,
      prefer: (preferences) => ({ ...preferences, muted_fundings: muted(preferences.muted_fundings) }),
    });
  }

  async #mark(verb: Verb, ids: readonly string[]): Promise<void> {
    const parts: Promise<void>[] = [];
    for (let from = 0; from < ids.length; from += MOST_NAMED) {
      const target = ids.slice(from, from + MOST_NAMED);
      parts.push(this.#change({ verb, target }, { ids: target }));
    }
    await Promise.all(parts);
  }

  async #markAll(verb: Verb): Promise<void> {
    const { cursor } = this.#snapshot;
    if (cursor) await this.#change({ verb, target: cursor }, { up_to: cursor });
  }

  #change(change: Omit<Change, "at">, target: object): Promise<void> {
    const deed: Deed = {
      method: "POST",
      path: "notifications/state",
      body: { change: change.verb, ...target },
      change: { ...change, at: new Date().toISOString() },
    };
    return this.#outbox.do(deed);
  }

  #lead(): void {
    const { eventSource: source = globalThis.EventSource, transport = "auto", pageSize = DEFAULT_PAGE } = this.#options;
    this.#feed = new Feed(this.#api, { source, transport }, pageSize, this.#known, {
      known: (known) => {
        this.#learn(known);
        this.#tabs.tell({ says: "known", known });
      },
      told: (row) => {
        this.#tabs.tell({ says: "told", row });
        this.#alert(row);
      },
      gap: (gap) => {
        this.#tabs.tell({ says: "gap", gap });
        this.#call(this.#listeners.gap, gap);
      },
    });
    this.#feed.start();
  }

  #wake(): void {
    const { status } = this.#known;
    if (status !== "live" && status !== "polling") this.#feed?.renew();
    this.#tabs.check();
  }

  #tick(): void {
    const now = Date.now();
    if (this.#snapshot.notifications.some((row) => asOf(row, now) !== row)) this.#show();
  }

  #learn(known: Known): void {
    this.#known = known;
    this.#outbox.forget(known.inbox);
    this.#show();
  }

  #alert(row: Notification): void {
    if (this.#heard.has(row.id)) return;
    this.#heard.add(row.id);
    if (this.#heard.size > REMEMBERED) this.#heard.delete(this.#heard.values().next().value as string);
    if (!row.silenced && !row.expired) this.#call(this.#listeners.notification, row);
  }

  #show(): void {
    if (this.#end.signal.aborted) return;
    this.#snapshot = this.#look();
    this.#call(this.#subscribers, undefined);
  }

  #look(): Snapshot {
    const { inbox, preferences, status, problem } = this.#outbox.over(this.#known);
    const now = Date.now();
    return {
      notifications: inbox.rows.map((row) => asOf(row, now)),
      unread: inbox.unread,
      unseen: inbox.unseen,
      hasMore: inbox.next !== null,
      cursor: inbox.cursor,
      status,
      preferences,
      error: this.#error ?? problem,
    };
  }

  /** One listener that throws keeps nothing from the others. */
  #call<T>(listeners: Iterable<(value: T) => void>, value: T): void {
    for (const listener of [...listeners]) {
      try {
        listener(value);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}

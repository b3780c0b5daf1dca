// One tab of a person: what it shows, what is done there, and when it is there at all.

import { actions, type Actions } from "./actions.js";
import { createApi } from "./api.js";
import { createBoard, type Board } from "./board.js";
import { createFeed, type Feed } from "./feed.js";
import type { Notification } from "./notification.js";
import { createOutbox } from "./outbox.js";
import type { Preferences } from "./preferences.js";
import type { Problem } from "./problem.js";
import type { Gap, Status } from "./receiver.js";
import { createTabs, type Tabs } from "./tabs.js";

/** How a client is made. */
export interface Options {
  /** What `/v1` lies below. Default: the page's own origin. */
  url?: string | URL;
  /** Gets a token that was not used before. Without it the cookie says who asks. */
  token?: () => Promise<string>;
  /** Tells people apart that use one origin one after the other. Default: "default". */
  user?: string;
  /** How many notifications are loaded at a time, 200 at most. Default: 20. */
  pageSize?: number;
  fetch?: typeof fetch;
  eventSource?: typeof EventSource;
  /** "stream" never polls, "poll" always does. Default: "auto". */
  transport?: "auto" | "stream" | "poll";
}

/** What a page shows. It never changes; another one takes its place. */
export interface Snapshot {
  /** Newest first, archived ones left out. */
  readonly notifications: readonly Notification[];
  readonly unread: number;
  readonly unseen: number;
  /** Whether there are older ones to be loaded. */
  readonly hasMore: boolean;
  /** All this is what the log says up to here. Null before anything is known. */
  readonly cursor: string | null;
  readonly status: Status;
  /** Null before they are known. */
  readonly preferences: Preferences | null;
  /** What the service refused to do last; null once it did something since. */
  readonly error: Problem | null;
}

/** What `Client.on` calls back with. */
export interface Listeners {
  /** Something new that is worth an alert. */
  notification: Notification;
  /** Something that was told is lost; the list is loaded anew. */
  gap: Gap;
}

/** A person's notifications. Its functions can be handed on as they are. */
export interface Client extends Actions {
  /** Calls back when there is another snapshot. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): Snapshot;
  on<Name extends keyof Listeners>(name: Name, listener: (about: Listeners[Name]) => void): () => void;
  start(): void;
  /** Ends everything, for good. */
  close(): void;
  loadMore(): Promise<void>;
  /** Loads the list anew, and connects at once if it waits to come back. */
  refresh(): Promise<void>;
}

/** A client that does nothing before it is started. */
export function createClient(options: Options = {}): Client {
  const { eventSource: source = globalThis.EventSource, transport, pageSize = 20, token } = options;
  const base = new URL(options.url ?? "/", globalThis.location?.href);
  base.pathname = base.pathname.replace(/\/?$/, "/");
  const api = createApi(base, options.fetch ?? fetch.bind(globalThis), token);
  let feed: Feed | undefined;
  const outbox = createOutbox(
    api,
    () => board.show(),
    (cursor, problem) => {
      board.show(problem);
      if (cursor) void tabs.perform("want", cursor);
    },
  );
  const board = createBoard(outbox.over);
  const tabs = createTabs(`lastcall:${base.href}:${options.user ?? "default"}`, {
    lead() {
      feed = createFeed(api, { source, transport }, pageSize, board.known, (news) => {
        board.hear(news);
        tabs.tell(news);
      });
    },
    follow() {
      feed?.end();
      feed = undefined;
    },
    perform: async ([name, cursor = ""]) => feed?.[name](cursor),
    hear: board.hear,
  });
  const end = new AbortController();
  let isStarted = false;
  return {
    ...actions(outbox.act, () => board.snapshot.cursor),
    subscribe: (listener) => board.on("change", listener),
    getSnapshot: () => board.snapshot,
    on: (name, listener) => board.on(name, listener),
    start: () => {
      if (!isStarted) attend(tabs, board, () => feed, end.signal);
      isStarted = true;
    },
    close: () => {
      isStarted = true;
      end.abort();
      tabs.leave();
      outbox.end();
    },
    loadMore: () => tabs.perform("loadMore"),
    refresh: () => tabs.perform("refresh"),
  };
}

/** Is there when the page is, until `signal` says that it is closed. */
function attend(tabs: Tabs, board: Board, feed: () => Feed | undefined, signal: AbortSignal): void {
  const { window, document } = globalThis;
  const on = (target: EventTarget | undefined, name: string, then: () => void) =>
    target?.addEventListener(name, then, { signal });
  // A page that is kept for going back holds neither the lock nor a connection: others could not have them.
  on(window, "pagehide", () => tabs.leave());
  on(window, "pageshow", () => tabs.join());
  // After a change of networks an old connection may look alive for minutes.
  on(window, "online", () => feed()?.renew());
  on(document, "visibilitychange", () => {
    if (document.hidden) return;
    if (!/live|polling/.test(board.known.status)) feed()?.renew();
    tabs.check();
  });
  tabs.join();
}

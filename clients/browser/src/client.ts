// What a page has of this package.

import type { Gap, Status, Way } from "./connection.js";
import type { Notification } from "./notification.js";
import type { Preferences } from "./preferences.js";
import type { Problem } from "./problem.js";

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
  transport?: Way["transport"];
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
  /** What the service refused to do last. */
  readonly error: Problem | null;
}

/** Who is called back by `Client.on`. */
export interface Listeners {
  notification: (notification: Notification) => void;
  gap: (gap: Gap) => void;
}

/** A person's notifications. */
export interface Client {
  /** Calls back when there is another snapshot. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): Snapshot;
  /** `notification`: something new, that is worth an alert; `gap`: something that was told is lost, and the list loaded anew. */
  on<Name extends keyof Listeners>(name: Name, listener: Listeners[Name]): () => void;
  start(): void;
  /** Ends everything, for good. */
  close(): void;
  loadMore(): Promise<void>;
  /** Loads the list anew, and connects at once if it waits to come back. */
  refresh(): Promise<void>;
  markSeen(ids: readonly string[]): Promise<void>;
  markRead(ids: readonly string[]): Promise<void>;
  markUnread(ids: readonly string[]): Promise<void>;
  archive(ids: readonly string[]): Promise<void>;
  unarchive(ids: readonly string[]): Promise<void>;
  /** All that the snapshot knows of, loaded or not; what comes later stays as it is. */
  markAllSeen(): Promise<void>;
  markAllRead(): Promise<void>;
  archiveAll(): Promise<void>;
  setPreferences(preferences: Preferences): Promise<void>;
  muteFunding(id: string): Promise<void>;
  unmuteFunding(id: string): Promise<void>;
}

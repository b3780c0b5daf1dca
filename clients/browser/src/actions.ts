// What can be done, as requests and as what each makes of what is shown.

import type { Verb } from "./change.js";
import type { Cursor } from "./cursor.js";
import type { Deed } from "./outbox.js";
import type { Preferences } from "./preferences.js";

/** As many as one change may name. */
const MOST_NAMED = 200;

/** What a person can do. Each resolves when the service has it, and rejects with a `Refused` when it does not want it. */
export interface Actions {
  markSeen(ids: readonly string[]): Promise<void>;
  /** What is read is seen. */
  markRead(ids: readonly string[]): Promise<void>;
  markUnread(ids: readonly string[]): Promise<void>;
  /** What is archived is seen, and no longer shown. */
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

/** The actions, done by `act`; `shown` is up to where things are known. */
export function actions(act: (deed: Deed) => Promise<void>, shown: () => Cursor | null): Actions {
  const change = (verb: Verb, target: readonly string[] | Cursor, body: object) =>
    act({
      method: "POST",
      path: "notifications/state",
      body: { change: verb, ...body },
      change: { verb, target, at: new Date().toISOString() },
    });
  const mark = (verb: Verb) => async (ids: readonly string[]) => {
    const parts = [];
    for (let from = 0; from < ids.length; from += MOST_NAMED) {
      const part = ids.slice(from, from + MOST_NAMED);
      parts.push(change(verb, part, { ids: part }));
    }
    await Promise.all(parts);
  };
  const markAll = (verb: Verb) => async () => {
    const cursor = shown();
    if (cursor) await change(verb, cursor, { up_to: cursor });
  };
  const mute = (method: string, muted: (before: string[], id: string) => string[]) => (id: string) =>
    act({
      method,
      path: `preferences/muted-fundings/${encodeURIComponent(id)}`,
      prefer: (before) => ({ ...before, muted_fundings: muted(before.muted_fundings, id) }),
    });
  return {
    markSeen: mark("seen"),
    markRead: mark("read"),
    markUnread: mark("unread"),
    archive: mark("archived"),
    unarchive: mark("unarchived"),
    markAllSeen: markAll("seen"),
    markAllRead: markAll("read"),
    archiveAll: markAll("archived"),
    setPreferences: (preferences) =>
      act({ method: "PUT", path: "preferences", body: preferences, prefer: () => preferences }),
    muteFunding: mute("PUT", (before, id) => [...new Set(before).add(id)]),
    unmuteFunding: mute("DELETE", (before, id) => before.filter((other) => other !== id)),
  };
}

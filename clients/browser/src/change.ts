// What a person does with notifications, shown before the service has said that it is so.
//
// Every change is absolute (it says how a notification is to be), so that doing one that is done already changes nothing: it
// does not matter whether the list below has it or not.

import { compare, type Cursor } from "./cursor.js";
import type { Notification } from "./notification.js";

export type Verb = "seen" | "read" | "unread" | "archived" | "unarchived";

/** One change. */
export interface Change {
  verb: Verb;
  /** Ids of those concerned, or the position up to which all are. */
  target: readonly string[] | Cursor;
  /** When it was done, RFC 3339. */
  at: string;
}

/** The part of what is shown that a change touches. */
export interface Listed {
  readonly rows: readonly Notification[];
  readonly unread: number;
  readonly unseen: number;
}

/** The list with these changes done, in this order. What is archived in the end is not in it. */
export function withChanges<T extends Listed>(listed: T, changes: readonly Change[]): T {
  const after = changes.reduce(apply, listed as Listed);
  return { ...listed, ...after, rows: after.rows.filter((row) => !row.archived_at) };
}

/** What the change makes of one notification. What is so already keeps the instant since when it is. */
export function changed(row: Notification, verb: Verb, at: string): Notification {
  const seen_at = row.seen_at ?? at;
  const after = {
    seen: { seen_at },
    read: { seen_at, read_at: row.read_at ?? at },
    unread: { read_at: null },
    archived: { seen_at, archived_at: row.archived_at ?? at },
    unarchived: { archived_at: null },
  };
  return { ...row, ...after[verb] };
}

function apply(listed: Listed, { verb, target, at }: Change): Listed {
  const isAll = typeof target === "string";
  const concerns = (row: Notification) => (isAll ? compare(row.cursor, target) <= 0 : target.includes(row.id));
  const rows = listed.rows.map((row) => (concerns(row) ? changed(row, verb, at) : row));
  const total = (before: number, counts: (row: Notification) => boolean, clears: boolean) => {
    const after = rows.filter(counts).length;
    // Everything up to there is done, loaded or not: what still counts came later, and that is always loaded.
    return isAll && clears ? after : Math.max(0, before + after - listed.rows.filter(counts).length);
  };
  return {
    rows,
    unread: total(listed.unread, (row) => !row.read_at && !row.archived_at, verb !== "seen"),
    unseen: total(listed.unseen, (row) => !row.seen_at && !row.archived_at, true),
  };
}

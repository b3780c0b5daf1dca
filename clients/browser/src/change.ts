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
export function withChanges(listed: Listed, changes: readonly Change[]): Listed {
  if (changes.length === 0) return listed;
  const after = changes.reduce(apply, listed);
  return { ...after, rows: after.rows.filter((row) => row.archived_at === null) };
}

/** What the change makes of one notification; the same object where it makes nothing. */
export function changed(row: Notification, verb: Verb, at: string): Notification {
  const seen_at = row.seen_at ?? at;
  switch (verb) {
    case "seen":
      return row.seen_at ? row : { ...row, seen_at };
    case "read":
      return row.read_at ? row : { ...row, seen_at, read_at: at };
    case "unread":
      return row.read_at ? { ...row, read_at: null } : row;
    case "archived":
      return row.archived_at ? row : { ...row, seen_at, archived_at: at };
    case "unarchived":
      return row.archived_at ? { ...row, archived_at: null } : row;
  }
}

function apply(listed: Listed, { verb, target, at }: Change): Listed {
  const upTo = typeof target === "string" ? target : null;
  const concerns = (row: Notification) =>
    upTo === null ? target.includes(row.id) : compare(row.cursor, upTo) <= 0;
  const rows = listed.rows.map((row) => (concerns(row) ? changed(row, verb, at) : row));
  const count = (of: readonly Notification[], is: (row: Notification) => boolean) => of.filter(is).length;
  const total = (before: number, counts: (row: Notification) => boolean, clears: boolean) =>
    // Everything up to there is done, loaded or not: what still counts came later, and that is always loaded.
    upTo !== null && clears
      ? count(rows, counts)
      : Math.max(0, before + count(rows, counts) - count(listed.rows, counts));
  return { rows, unread: total(listed.unread, isUnread, verb !== "seen"), unseen: total(listed.unseen, isUnseen, true) };
}

function isUnread(row: Notification): boolean {
  return row.read_at === null && row.archived_at === null;
}

function isUnseen(row: Notification): boolean {
  return row.seen_at === null && row.archived_at === null;
}

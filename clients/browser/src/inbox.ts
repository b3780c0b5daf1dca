// What is known of a person's inbox: the newest of its list, its counts, and up to where that is true. Pure functions from
// what was known and what was learned to what is known then.
//
// A new notification is added without asking anybody: a broadcast must not make everybody fetch at once. What only the service
// can say (which of the rows that are not loaded were read, how many that makes) sets `wanted`: a list read from then on that
// reaches there is the truth, and until there is one, `cursor` stands still, however far the stream has gone on.

import { compare, reaches, type Cursor } from "./cursor.js";
import type { Notification } from "./notification.js";

/** A page may be open for weeks. What is older than so many can be loaded again. */
const MOST_KEPT = 999;

/** What is known of it. */
export interface Inbox {
  /** Newest first, without holes. */
  readonly rows: readonly Notification[];
  /** Where the next page begins, if there is one. */
  readonly next: Cursor | null;
  readonly unread: number;
  readonly unseen: number;
  /** Rows and counts are what the log says up to here. */
  readonly cursor: Cursor | null;
  /** The stream was heard up to here. */
  readonly position: Cursor | null;
  /** Up to here the list has to be read anew. */
  readonly wanted: Cursor | null;
}

/** One answer of the inbox. */
export interface Page {
  rows: Notification[];
  next: Cursor | null;
  unread: number;
  unseen: number;
  /** Absent where nothing was ever told to anybody. */
  cursor: Cursor | null;
}

export const EMPTY: Inbox = { rows: [], next: null, unread: 0, unseen: 0, cursor: null, position: null, wanted: null };

/** The stream was heard up to there. */
export function moved<T extends Inbox>(inbox: T, position: Cursor): T {
  return { ...inbox, position, cursor: inbox.wanted ? inbox.cursor : later(inbox.cursor, position) };
}

/** Something new was told. What is known already, or is part of what the list said, changes nothing. */
export function told<T extends Inbox>(inbox: T, row: Notification): T {
  const after = moved(inbox, row.cursor);
  const { rows, cursor, unread, unseen, next } = inbox;
  if (reaches(cursor, row.cursor) || !without([row], rows)[0]) return after;
  return {
    ...after,
    rows: [row, ...rows.slice(0, MOST_KEPT)],
    next: rows[MOST_KEPT - 1]?.cursor ?? next,
    unread: unread + 1,
    unseen: unseen + 1,
  };
}

/** Something happened up to there that only the list can tell. */
export function want<T extends Inbox>(inbox: T, target: Cursor): T {
  const known = reaches(inbox.cursor, target) || reaches(inbox.wanted, target);
  return known ? inbox : { ...inbox, wanted: target };
}

/** What the stream went over is lost, or the log is another one: nothing that was known is known to be true. */
export function missed<T extends Inbox>(inbox: T, resumed: Cursor): T {
  return { ...inbox, position: resumed, cursor: null, wanted: resumed };
}

/** The list was read from its top. What arrived while it was on its way goes before it. */
export function read<T extends Inbox>(inbox: T, page: Page): T {
  const { cursor } = page;
  const kept = without(inbox.rows, page.rows).filter((row) => cursor && compare(row.cursor, cursor) > 0);
  const wanted = inbox.wanted && reaches(cursor, inbox.wanted) ? null : inbox.wanted;
  return {
    ...inbox,
    rows: [...kept, ...page.rows],
    next: page.next,
    unread: page.unread + kept.filter((row) => !row.read_at).length,
    unseen: page.unseen + kept.filter((row) => !row.seen_at).length,
    cursor: wanted ? cursor : later(cursor, inbox.position),
    position: inbox.position || cursor,
    wanted,
  };
}

/** The page behind was read, from where the list ended then. */
export function extended<T extends Inbox>(inbox: T, page: Page, before: Cursor): T {
  if (inbox.next !== before) return inbox;
  return { ...inbox, rows: [...inbox.rows, ...without(page.rows, inbox.rows)], next: page.next };
}

/** The later of the two; of different logs, the first. */
function later(a: Cursor | null, b: Cursor | null): Cursor | null {
  return b && (!a || compare(b, a) > 0) ? b : a;
}

function without(rows: readonly Notification[], others: readonly Notification[]): Notification[] {
  return rows.filter(({ id }) => !others.some((other) => other.id === id));
}

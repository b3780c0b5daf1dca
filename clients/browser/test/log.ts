// The log and what it makes of a person's inbox, as the services have it: the list is always a replay of the log.

import { changed, type Verb } from "../src/change.js";
import { asOf, fromEvent, type CloudEvent, type Notification } from "../src/notification.js";
import type { Preferences } from "../src/preferences.js";

export interface Listing {
  notifications: Notification[];
  next?: string;
  counts: { unread: number; unseen: number };
  cursor?: string;
}

const VERBS: Record<string, Verb> = {
  STATE_CHANGE_SEEN: "seen",
  STATE_CHANGE_READ: "read",
  STATE_CHANGE_UNREAD: "unread",
  STATE_CHANGE_ARCHIVED: "archived",
  STATE_CHANGE_UNARCHIVED: "unarchived",
};

export class Log {
  epoch = "4f8a0c2e91d7";
  readonly events: { sequence: number; event: CloudEvent }[] = [];
  #last = 0;

  get head(): number {
    return this.#last;
  }

  /** Sequences have holes: they are for other people. */
  append(event: Omit<CloudEvent, "id"> & { id?: string }, hole = 0): number {
    this.#last += 1 + hole;
    this.events.push({ sequence: this.#last, event: { id: crypto.randomUUID(), ...event } });
    return this.#last;
  }

  at(sequence: number): string {
    return `${this.epoch}.${sequence}`;
  }

  /** All that was told to the person up to there, newest first, as it is there. */
  rows(upTo: number): Notification[] {
    let rows: Notification[] = [];
    for (const { sequence, event } of this.events.filter((stored) => stored.sequence <= upTo)) {
      if (event.type === "lastcall.notification.state.changed.v1") {
        const { change, notificationIds, upTo: until } = event.data as { [name: string]: unknown };
        const verb = VERBS[String(change)] as Verb;
        const concerns = (row: Notification) =>
          notificationIds ? (notificationIds as string[]).includes(row.id) : number(row.cursor) <= Number(until);
        rows = rows.map((row) => (concerns(row) ? changed(row, verb, event.time ?? "") : row));
      } else {
        const row = fromEvent(event, this.at(sequence), ["en"]);
        if (row) rows.unshift(asOf(row, Date.now()));
      }
    }
    return rows;
  }

  list(upTo: number, limit: number, before = Number.POSITIVE_INFINITY): Listing {
    const inbox = this.rows(upTo).filter((row) => row.archived_at === null);
    const behind = inbox.filter((row) => number(row.cursor) < before);
    const shown = behind.slice(0, limit);
    const last = shown.at(-1);
    return {
      notifications: shown,
      counts: {
        unread: inbox.filter((row) => row.read_at === null).length,
        unseen: inbox.filter((row) => row.seen_at === null).length,
      },
      ...(behind.length > shown.length && last ? { next: last.cursor } : {}),
      ...(upTo > 0 ? { cursor: this.at(upTo) } : {}),
    };
  }

  preferences(upTo: number): Preferences {
    const last = this.events.filter(
      ({ sequence, event }) => sequence <= upTo && event.type === "lastcall.preferences.changed.v1",
    );
    const message = (last.at(-1)?.event.data?.["preferences"] ?? {}) as Record<string, never>;
    const quiet = message["quietHours"] as { from: string; to: string; timeZone: string } | undefined;
    return {
      types_off: message["typesOff"] ?? [],
      quiet_hours: quiet ? { from: quiet.from, to: quiet.to, time_zone: quiet.timeZone } : null,
      muted_fundings: message["mutedFundings"] ?? [],
    };
  }
}

export function number(cursor: string): number {
  return Number(cursor.slice(cursor.lastIndexOf(".") + 1));
}

/** Something to tell. */
export function coupon(title: string, more: Partial<CloudEvent> = {}): Omit<CloudEvent, "id"> {
  return {
    type: "lastcall.coupon.expiring.v1",
    subject: "coupon/c771",
    time: "2026-11-21T14:59:59Z",
    ...more,
    data: { couponId: "c771", fundingId: "f-lamp", words: { locale: "en", title, body: "line" }, ...more.data },
  };
}

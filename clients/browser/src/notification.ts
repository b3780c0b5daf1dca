// A notification, as the inbox lists it, and how one is read out of an event that has just arrived.

import type { Cursor } from "./cursor.js";
import type { Silence } from "./preferences.js";

/** One notification. Instants are RFC 3339. */
export interface Notification {
  /** Id of the event; the same wherever the notification shows. */
  id: string;
  cursor: Cursor;
  /** As `lastcall.coupon.expiring.v1`. */
  type: string;
  /** What it is about, as `coupon/c771`. */
  subject: string;
  title: string;
  body: string;
  /** Language of both. */
  locale: string;
  /** An absolute URL or a path of the site. */
  link: string | null;
  time: string;
  expirytime: string | null;
  /** Whether `expirytime` is over. */
  expired: boolean;
  audience: "personal" | "everybody";
  seen_at: string | null;
  read_at: string | null;
  archived_at: string | null;
  /** Why it arrived silently, if it did. */
  silenced: Silence | null;
}

/** A CloudEvent, as far as it is used here. Nothing in it is certain: a later version may write it. */
export interface CloudEvent {
  id: string;
  type: string;
  subject?: string;
  time?: string;
  expirytime?: string;
  data?: { [name: string]: unknown };
}

interface Words {
  locale: string;
  title: string;
  body: string;
}

/** What there is nothing to say of. */
export const BLANK = {
  link: null,
  expirytime: null,
  expired: false,
  seen_at: null,
  read_at: null,
  archived_at: null,
  silenced: null,
};

const ANNOUNCEMENT = "lastcall.announcement.posted.";

/** What the event says to people, in the first of the languages that it has; null if it says nothing. */
export function fromEvent(event: CloudEvent, cursor: Cursor, languages: readonly string[]): Notification | null {
  const { id, type, subject = "", time = "", expirytime = null, data = {} } = event;
  const words = choose([data["words"] ?? []].flat() as Words[], languages);
  if (!words) return null;
  const forEverybody = type.startsWith(ANNOUNCEMENT);
  const { title, body = "", locale } = words;
  const link = (data["link"] as string) || null;
  return {
    ...BLANK,
    ...{ id, cursor, type, subject, title, body, locale, link, time, expirytime },
    audience: forEverybody ? "everybody" : "personal",
  };
}

/** The funding that an event is about. */
export function fundingOf({ subject = "", data }: CloudEvent): string | null {
  return (data?.["fundingId"] as string) || /^funding\/(.+)/.exec(subject)?.[1] || null;
}

/** As it is at that instant: the same object, unless its time ran out since. */
export function asOf(notification: Notification, now: number): Notification {
  const { expirytime } = notification;
  const expired = !!expirytime && Date.parse(expirytime) <= now;
  return expired === notification.expired ? notification : { ...notification, expired };
}

function choose(all: Words[], languages: readonly string[]): Words | undefined {
  const spoken = all.filter(({ title }) => title);
  const primary = (tag: string) => tag.split("-")[0];
  for (const language of languages) {
    const fits =
      spoken.find(({ locale }) => locale === language) ??
      spoken.find(({ locale }) => primary(locale) === primary(language));
    if (fits) return fits;
  }
  return spoken[0];
}

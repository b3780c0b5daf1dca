// Instants as people say them, in the page's language and on the person's own clock.

import { language, t } from "./language.js";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** How far away it is, such as "5 minutes ago". */
export function ago(instant: string | number): string {
  const seconds = (new Date(instant).getTime() - Date.now()) / 1_000;
  if (Math.abs(seconds) < 45) return seconds > 0 ? t().inAMoment : t().justNow;
  const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? (["minute", 60] as const);
  const whole = Math.trunc(seconds / length) || Math.sign(seconds);
  return words.format(whole, unit);
}

/** Date and time in this zone; the year only where it is another one. */
export function onTheirClock(instant: string | number, zone: string | null): string {
  const day: Intl.DateTimeFormatOptions = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const thisYear = new Date(instant).getFullYear() === new Date().getFullYear();
  return format(instant, thisYear ? day : { year: "numeric", ...day }, zone);
}

/** The time of day here. */
export function timeOfDay(instant: number): string {
  return format(instant, { timeStyle: "short", hourCycle: "h23" }, null);
}

function format(instant: string | number, form: Intl.DateTimeFormatOptions, zone: string | null): string {
  const known = zone === null ? {} : { timeZone: zone };
  return new Intl.DateTimeFormat(language(), { ...form, ...known }).format(new Date(instant));
}

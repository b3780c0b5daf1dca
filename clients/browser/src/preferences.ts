// What a person wants to be alerted of, and the rule that says what arrives silently. The inbox has the same rule; both are
// tested with one table of cases.

/** Why something arrives silently: in the list, but not as an alert. */
export type Silence = "type_off" | "funding_muted" | "quiet_hours";

/** A part of each day on a clock: from the one minute until before the other, on the next day where that is earlier. */
export interface QuietHours {
  /** `HH:MM`. */
  from: string;
  /** `HH:MM`. */
  to: string;
  /** IANA name, such as `Asia/Seoul`. Left out in what is set: the one that the service knows of the person, else UTC. */
  time_zone?: string;
}

/** What arrives silently. */
export interface Preferences {
  /** Types of events that always do. */
  types_off: string[];
  /** When everything does, if ever. */
  quiet_hours: QuietHours | null;
  /** Fundings of which everything does. */
  muted_fundings: string[];
}

/** As an event has them: in the JSON form of Protocol Buffers, where what is empty is left out. */
interface Message {
  typesOff?: string[];
  quietHours?: { from: string; to: string; timeZone: string };
  mutedFundings?: string[];
}

/** Reads what an event has. */
export function fromEvent({ typesOff = [], quietHours: quiet, mutedFundings = [] }: Message): Preferences {
  return {
    types_off: typesOff,
    quiet_hours: quiet ? { from: quiet.from, to: quiet.to, time_zone: quiet.timeZone } : null,
    muted_fundings: mutedFundings,
  };
}

/** Why an event of that type, about that funding, arrives silently at that instant, if it does: the first reason that holds. */
export function silence(preferences: Preferences, type: string, funding: string | null, at: Date): Silence | null {
  if (preferences.types_off.includes(type)) return "type_off";
  if (funding && preferences.muted_fundings.includes(funding)) return "funding_muted";
  const { quiet_hours: hours } = preferences;
  return hours && isQuiet(hours, at) ? "quiet_hours" : null;
}

function isQuiet({ from, to, time_zone = "UTC" }: QuietHours, at: Date): boolean {
  try {
    const now = at.toLocaleTimeString("en-GB", { timeZone: time_zone, timeStyle: "short" });
    return from < to ? from <= now && now < to : from <= now || now < to;
  } catch {
    // A zone younger than the browser. To be told too much is the lesser evil.
    return false;
  }
}

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

/** The preferences in the data of an event, which has them in the JSON form of Protocol Buffers: what is empty is left out. */
export function fromEvent(data: unknown): Preferences {
  const message = data as {
    typesOff?: string[];
    quietHours?: { from: string; to: string; timeZone: string };
    mutedFundings?: string[];
  };
  const quiet = message.quietHours;
  return {
    types_off: message.typesOff ?? [],
    quiet_hours: quiet ? { from: quiet.from, to: quiet.to, time_zone: quiet.timeZone } : null,
    muted_fundings: message.mutedFundings ?? [],
  };
}

/** Why an event of that type, about that funding, arrives silently at that instant, if it does: the first reason that holds. */
export function silence(preferences: Preferences, type: string, funding: string | null, at: Date): Silence | null {
  if (preferences.types_off.includes(type)) return "type_off";
  if (funding !== null && preferences.muted_fundings.includes(funding)) return "funding_muted";
  return preferences.quiet_hours && isQuiet(preferences.quiet_hours, at) ? "quiet_hours" : null;
}

function isQuiet({ from, to, time_zone = "UTC" }: QuietHours, at: Date): boolean {
  let now: string;
  try {
    const clock = { timeZone: time_zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    now = new Intl.DateTimeFormat("en-GB", clock).format(at);
  } catch {
    // A zone younger than the browser. To be told too much is the lesser evil.
    return false;
  }
  return from < to ? from <= now && now < to : from <= now || now < to;
}

// What comes from the log, whichever way it comes.

import type { Cursor } from "./cursor.js";

export type Status = "connecting" | "live" | "polling" | "offline" | "signed-out";

/** Something that was asked for and cannot be had; what comes after it is complete again. */
export interface Gap {
  reason: string;
  requested: string;
  resumed_from: Cursor;
}

/** Who is told. */
export interface Receiver {
  /** What is heard next comes after this. */
  readonly position: Cursor | null;
  event(event: unknown, position: Cursor): void;
  gap(gap: Gap): void;
  moved(position: Cursor): void;
  /** The position is none for the service: what is shown has to be loaded anew. */
  lost(): void;
  status(status: Status): void;
}

/** What cannot be read is passed over: nobody would be helped by hearing it forever. */
export function hear(receiver: Receiver, position: Cursor, told: () => void): void {
  try {
    told();
  } catch {
    receiver.moved(position);
  }
}

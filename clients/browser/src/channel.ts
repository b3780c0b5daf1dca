// What the tabs of a person tell one another.

import type { Gap } from "./connection.js";
import type { Cursor } from "./cursor.js";
import type { Known } from "./feed.js";
import type { Notification } from "./notification.js";
import type { Preferences } from "./preferences.js";
import type { Problem } from "./problem.js";

/** From the one that leads. */
export type Told =
  | { says: "known"; known: Known }
  | { says: "told"; row: Notification }
  | { says: "gap"; gap: Gap }
  | { says: "done"; request: string; problem: Problem | null };

/** To the one that leads. */
export type Asked =
  | { says: "hello" }
  | { says: "want"; cursor: Cursor }
  | { says: "prefer"; preferences: Preferences; at: Cursor }
  | { says: "do"; task: Task; request: string };

/** What the others leave to the one that leads. */
export type Task = "loadMore" | "refresh";

export type Message = Told | Asked;

import type { Client, Options } from "./client.js";
import { Tab } from "./tab.js";

export type { Client, Listeners, Options, Snapshot } from "./client.js";
export type { Gap, Status } from "./connection.js";
export type { Notification } from "./notification.js";
export type { Preferences, QuietHours, Silence } from "./preferences.js";
export { Refused, type Problem } from "./problem.js";

/** A client that does nothing before it is started. */
export function createClient(options: Options = {}): Client {
  return new Tab(options);
}

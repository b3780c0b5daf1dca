export { createClient } from "./client.js";
export type { Actions } from "./actions.js";
export type { Client, Listeners, Options, Snapshot } from "./client.js";
export type { Notification } from "./notification.js";
export type { Preferences, QuietHours, Silence } from "./preferences.js";
export { Refused, type Problem } from "./problem.js";
export type { Gap, Status } from "./receiver.js";

// The connection, the bell and the count, and what a screen reader hears of the connection: only when it is away for longer
// than a moment, and when it is back after that.

import type { Snapshot } from "@lastcall/client";
import { timeOfDay } from "./clock.js";
import { byId } from "./dom.js";
import { t } from "./language.js";

const MOMENT_MS = 3_000;
const MANY = 999;

let liveAt: number | null = null;
let away: ReturnType<typeof setTimeout> | undefined;
let saidAway = false;

export function showHeader(snapshot: Snapshot): void {
  const { unread, status, cursor } = snapshot;
  const bell = byId("bell");
  bell.dataset["unread"] = String(unread);
  byId("bell-says").textContent = t().bell(unread);
  const badge = byId("unread");
  badge.textContent = unread > MANY ? `${MANY}+` : String(unread);
  badge.hidden = unread === 0;
  document.title = unread > 0 ? `(${unread}) Lastcall` : "Lastcall";

  byId("summary").textContent = t().unreadOf(unread);
  const readAll = byId("read-all");
  readAll.textContent = t().markAllRead;
  readAll.toggleAttribute("disabled", unread === 0);

  const pill = byId("connection");
  pill.dataset["state"] = status;
  pill.dataset["cursor"] = cursor ?? "";
  pill.firstElementChild!.textContent = t().status[status];
  byId("cursor").textContent = cursor ?? "–";
  showConnection(status);
}

/** Nobody is signed in any more: another person's connection has another history. */
export function forgetConnection(): void {
  clearTimeout(away);
  [liveAt, away, saidAway] = [null, undefined, false];
  showBanner(null);
}

export function showBanner(text: string | null): void {
  const banner = byId("trouble");
  banner.hidden = text === null;
  banner.textContent = text ?? "";
}

function showConnection(status: Snapshot["status"]): void {
  if (status === "live" || status === "polling") {
    clearTimeout(away);
    away = undefined;
    liveAt = Date.now();
    showBanner(null);
    if (saidAway) byId("spoken").textContent = t().connectionBack;
    saidAway = false;
  } else {
    away ??= setTimeout(sayAway, MOMENT_MS);
  }
}

function sayAway(): void {
  showBanner(liveAt === null ? t().noServer : t().offlineSince(timeOfDay(liveAt)));
  if (liveAt === null) return;
  byId("spoken").textContent = t().connectionLost;
  saidAway = true;
}

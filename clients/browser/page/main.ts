// The page of `lastcall dev`: a person's inbox, on the browser client that any site can use.

import { openAnnouncement } from "./announce.js";
import { byId } from "./dom.js";
import { forgetConnection, showBanner, showHeader } from "./header.js";
import { fillTypes, Inbox, onOlder, startFilters } from "./inbox/inbox.js";
import { showJobs } from "./jobs.js";
import { onLanguage, startLanguage, t } from "./language.js";
import { openPreferences } from "./preferences.js";
import { startSessions, type Session } from "./session.js";
import { startShortcuts } from "./shortcuts.js";
import { startTheme } from "./theme.js";
import { forgetToasts, startToasts, tell, tellOf } from "./toasts.js";

const CLOCK_MS = 15_000;

let session: Session | null = null;
let inbox: Inbox | null = null;
let arrived = 0;

/** Somebody has been picked. */
function begin(picked: Session): void {
  const { client, ended } = picked;
  [session, arrived] = [picked, 0];
  inbox = new Inbox(picked);
  forgetToasts();
  forgetConnection();
  show();
  const while_here = (listener: () => void) => () => void (ended.aborted || listener());
  client.subscribe(while_here(show));
  client.on("notification", (item) => {
    if (ended.aborted) return;
    arrived += 1;
    showArrived();
    tell(item);
  });
  client.on("gap", while_here(() => tellOf(t().gap, t().gapHint)));
}

function show(): void {
  if (session === null) return;
  showHeader(session.client.getSnapshot());
  inbox?.show();
  showArrived();
}

function showArrived(): void {
  byId("arrived").textContent = String(arrived);
}

function tick(): void {
  inbox?.tick();
  showJobs().catch(() => undefined);
}

startTheme();
startLanguage();
startToasts();
startFilters(() => inbox?.refilter());
startShortcuts(() => inbox);
onOlder(async () => inbox?.older());
onLanguage(() => {
  fillTypes();
  inbox?.retell();
  show();
  tick();
});
byId("read-all").addEventListener("click", () => inbox?.actions.readAll());
byId("preferences-open").addEventListener("click", () => session && openPreferences(session));
byId("announce-open").addEventListener("click", openAnnouncement);
setInterval(tick, CLOCK_MS);
tick();
if ((await startSessions(begin)) === "nobody") showBanner(t().noUsers);

// Single keys, for whoever wants them: they can be turned off, and rest while something is being written or a dialog is open.

import { openDialog, toggle } from "./dialog.js";
import { byId, h } from "./dom.js";
import { t } from "./language.js";
import type { Inbox } from "./inbox/inbox.js";
import { takeLastBack } from "./toasts.js";

const KEPT = "lastcall:shortcuts";

type Action = keyof ReturnType<typeof t>["keys"];
const KEYS: Readonly<Record<string, Action>> = { j: "next", k: "previous", u: "read", e: "archive", a: "all", z: "undo", "?": "help" };

export function startShortcuts(inbox: () => Inbox | null): void {
  byId("shortcuts-open").addEventListener("click", openHelp);
  addEventListener("keydown", (event) => {
    const action = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
    const target = event.target as Element;
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey || !areOn()) return;
    if (target.closest("input:not([type=radio]), textarea, select, dialog") !== null) return;
    event.preventDefault();
    perform(action, inbox());
  });
}

function perform(action: Action, inbox: Inbox | null): void {
  if (action === "help") openHelp();
  else if (action === "undo") takeLastBack();
  else if (action === "next") move(1);
  else if (action === "previous") move(-1);
  else if (action === "all") inbox?.actions.readAll();
  else {
    const row = inbox?.focused();
    if (!row) return;
    if (action === "read") inbox?.actions.toggleRead(row.item);
    else inbox?.actions.toggleArchived(row.item);
  }
}

function move(by: 1 | -1): void {
  const rows = [...byId("notifications").querySelectorAll<HTMLElement>(".row")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? rows[0] : rows[at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function areOn(): boolean {
  return localStorage.getItem(KEPT) !== "off";
}

function openHelp(): void {
  const rows = Object.entries(KEYS).map(([key, action]) =>
    h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, t().keys[action])),
  );
  const [element, input] = toggle(t().shortcutsOn, areOn());
  input.addEventListener("change", () => localStorage.setItem(KEPT, input.checked ? "on" : "off"));
  openDialog("shortcuts", t().shortcuts, h("dl", {}, ...rows), element);
}

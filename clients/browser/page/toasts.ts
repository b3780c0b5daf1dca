// What pops up: news, a few at a time, and the outcome of what was just done, with a way back.
//
// Several that come at once are said as one, so that neither eyes nor screen readers are flooded. Nothing pops up in a tab
// that nobody sees. What stands there stays while it is pointed at or has the focus.

import type { Notification } from "@lastcall/client";
import { byId, h } from "./dom.js";
import { glyph, kindOf } from "./glyphs.js";
import { t } from "./language.js";
import { bodyOf, linkOf, titleOf } from "./inbox/words.js";

const AT_ONCE = 3;
const GATHERED_MS = 250;
const NEWS_MS = 8_000;
const OUTCOME_MS = 10_000;

type Undo = () => void;

const gathered: Notification[] = [];
let undo: Undo | null = null;

export function startToasts(): void {
  byId("toasts").addEventListener("keydown", (event) => {
    if (event.key === "Escape") (event.target as Element).closest(".toast")?.remove();
  });
}

/** Something new has come. */
export function tell(item: Notification): void {
  if (document.visibilityState !== "visible") return;
  gathered.push(item);
  if (gathered.length === 1) setTimeout(tellGathered, GATHERED_MS);
}

/** Something other than a notification is to be known. */
export function tellOf(title: string, body: string): void {
  show(byId("news"), NEWS_MS, glyph("warning"), h("div", {}, h("p", { class: "title" }, title), h("p", { class: "body" }, body)));
}

/** What was done, with how to take it back. A later one takes the place of an earlier one. */
export function confirm(what: string, takeBack: Undo | null = null): void {
  byId("snack").replaceChildren();
  undo = takeBack;
  const button = h("button", { type: "button", class: "button quiet", onclick: takeLastBack }, t().undo);
  show(byId("snack"), OUTCOME_MS, h("p", {}, what), ...(takeBack === null ? [] : [button]));
}

/** Takes back what was done last, if it can be. */
export function takeLastBack(): void {
  const last = undo;
  undo = null;
  byId("snack").replaceChildren();
  last?.();
}

/** When somebody else is picked, what stands there is not theirs. */
export function forgetToasts(): void {
  gathered.length = 0;
  undo = null;
  byId("news").replaceChildren();
  byId("snack").replaceChildren();
}

function tellGathered(): void {
  const items = gathered.splice(0);
  if (items.length > AT_ONCE) {
    tellOfMany(items);
    return;
  }
  for (const item of items) {
    const link = linkOf(item);
    const lines = h("div", {}, titleOf(item, "p"), bodyOf(item), ...(link === null ? [] : [link]));
    const box = show(byId("news"), NEWS_MS, glyph(kindOf(item.type)), lines);
    box.dataset["kind"] = kindOf(item.type);
    box.dataset["notification"] = item.id;
  }
}

function tellOfMany(items: readonly Notification[]): void {
  const lines = h("div", {}, h("p", { class: "title" }, t().severalNew(items.length)), h("p", { class: "body" }, t().severalNewHint));
  show(byId("news"), NEWS_MS, glyph("unmute"), lines);
}

function show(region: HTMLElement, lasting: number, ...children: Node[]): HTMLElement {
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t().dismiss }, glyph("close"));
  const box = h("div", { class: "toast" }, ...children, close);
  close.addEventListener("click", () => box.remove());
  region.append(box);
  while (region.children.length > AT_ONCE) region.firstElementChild?.remove();
  leave(box, lasting);
  return box;
}

/** Goes by itself after this long without pointer, focus or anybody looking. */
function leave(box: HTMLElement, lasting: number): void {
  setTimeout(() => {
    const held = box.matches(":hover, :focus-within") || document.visibilityState !== "visible";
    if (held && box.isConnected) leave(box, lasting / 2);
    else box.remove();
  }, lasting);
}

// What stands in the place of the list when there is nothing to list: loading, empty, failed.

import { h } from "../dom.js";
import { glyph, type Glyph } from "../glyphs.js";
import { t } from "../language.js";
import type { Filter } from "./filtered.js";

export type Notice = "loading" | "empty" | "failed";

export function noticeOf(notice: Notice, filter: Filter, retry: () => void): HTMLElement[] {
  if (notice === "loading") return [skeleton()];
  if (notice === "failed") {
    const again = h("button", { type: "button", class: "button", onclick: retry }, t().retry);
    return said("warning", t().failed, null, again);
  }
  if (filter.type !== "") return said("check", t().emptyType, t().emptyTypeHint);
  if (filter.state === "unread") return said("check", t().emptyUnread, t().emptyUnreadHint);
  if (filter.state === "archived") return said("archive", t().emptyArchived, t().emptyArchivedHint);
  return said("unmute", t().emptyInbox, t().emptyInboxHint);
}

function said(picture: Glyph, title: string, hint: string | null, ...more: HTMLElement[]): HTMLElement[] {
  const figure = h("span", { class: "figure" }, glyph(picture));
  return [figure, h("p", { class: "title" }, title), ...(hint === null ? [] : [h("p", { class: "hint" }, hint)]), ...more];
}

/** Grey shapes where rows will be. */
function skeleton(): HTMLElement {
  const bars = () => h("li", {}, h("span"), h("div", {}, h("span"), h("span")));
  return h("div", { class: "card skeleton" }, h("p", { class: "vh" }, t().loading), h("ul", { "aria-hidden": "true" }, bars(), bars(), bars(), bars()));
}

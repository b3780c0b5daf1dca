// One notification in the bell's list.

import type { Notification } from "../notification.js";
import { BOX, element, picture, write } from "./dom.js";
import { ago, type Words } from "./words.js";

export interface Row {
  readonly node: HTMLLIElement;
  /** Shows how it is now. */
  show(notification: Notification, words: Words, language: string): void;
  /** Where the focus goes. */
  focus(): void;
}

/** `opened` may refuse that the browser follows the link. */
export function createRow(first: Notification, opened: (event: Event) => void, archived: () => void): Row {
  const href = safe(first.link);
  const title = element("span", { class: "title", part: "title", dir: "auto" });
  const body = element("span", { class: "body", part: "body", dir: "auto" });
  const note = element("span", { class: "note", part: "note" });
  const open = href
    ? element("a", { class: "open", part: "open", href }, title, body, note)
    : element("button", { class: "open", part: "open", type: "button" }, title, body, note);
  const put = element("button", { class: "put", part: "archive", type: "button" }, picture(BOX));
  open.addEventListener("click", opened);
  put.addEventListener("click", archived);
  const node = element("li", { part: "item" }, open, put);
  return {
    node,
    show(notification, words, language) {
      for (const line of [title, body]) line.lang = notification.locale;
      write(title, notification.title);
      write(body, notification.body);
      const said = [ago(notification.time, language)];
      if (notification.expired) said.push(words.ended);
      if (notification.silenced) said.push(words.silent);
      write(note, said.filter(Boolean).join(" · "));
      put.setAttribute("aria-label", `${words.archive}: ${notification.title}`);
      put.title = words.archive;
      node.toggleAttribute("data-unread", !notification.read_at);
      node.toggleAttribute("data-expired", notification.expired);
      node.toggleAttribute("data-silenced", !!notification.silenced);
    },
    focus: () => open.focus(),
  };
}

/** A link to a page; one that would run as a script is none. */
function safe(link: string | null): string | null {
  if (!link || !URL.canParse(link, document.baseURI)) return null;
  return /^https?:$/.test(new URL(link, document.baseURI).protocol) ? link : null;
}

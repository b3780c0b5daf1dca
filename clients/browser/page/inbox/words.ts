// What a notification says, as elements. Its language may be another than the page's.

import type { Notification } from "@lastcall/client";
import { h } from "../dom.js";
import { glyph } from "../glyphs.js";
import { t } from "../language.js";

/** A title may be all somebody's own words, in any script; its first letters say which way it runs. */
export function titleOf(item: Notification, name: "h3" | "p"): HTMLElement {
  return h(name, { class: "title", lang: item.locale, dir: "auto" }, item.title);
}

/** A sentence of ours runs as its language does, also where it begins with a quoted title of another script. */
export function bodyOf(item: Notification): HTMLElement {
  return h("p", { class: "body", lang: item.locale, dir: direction(item.locale) }, item.body);
}

/** Where it leads, if anywhere that a browser may be led. */
export function linkOf(item: Notification): HTMLElement | null {
  if (item.link === null || !/^(https?:\/\/|\/)/i.test(item.link)) return null;
  return h("a", { class: "link", href: item.link, target: "_blank", rel: "noopener noreferrer" }, t().openLink, glyph("open"));
}

function direction(tag: string): string {
  const known = new Intl.Locale(tag || "en") as Intl.Locale & {
    getTextInfo?: () => { direction: string };
    textInfo?: { direction: string };
  };
  return (known.getTextInfo?.() ?? known.textInfo)?.direction ?? "ltr";
}

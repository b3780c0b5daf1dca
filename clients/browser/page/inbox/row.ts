// One notification in the list: made once, brought up to date in place, so that focus and pointer stay where they are.

import type { Notification, Preferences } from "@lastcall/client";
import { ago, onTheirClock } from "../clock.js";
import { h } from "../dom.js";
import { glyph, kindOf, type Glyph } from "../glyphs.js";
import { t } from "../language.js";
import { bodyOf, linkOf, titleOf } from "./words.js";

export interface RowActions {
  toggleRead(item: Notification): void;
  toggleArchived(item: Notification): void;
  toggleMuted(funding: string, preferences: Preferences | null): void;
}

/** The funding that a notification is about, as far as its subject says. */
export function fundingOf(item: Notification): string | null {
  return item.subject.startsWith("funding/") ? item.subject.slice("funding/".length) : null;
}

export class Row {
  readonly element: HTMLLIElement;
  item: Notification;
  #preferences: Preferences | null = null;
  readonly #when: HTMLTimeElement;
  readonly #unread = h("span", { class: "vh" });
  readonly #notes = h("span", { class: "notes" });
  readonly #read: HTMLButtonElement;
  readonly #archive: HTMLButtonElement;
  readonly #mute: HTMLButtonElement;
  readonly #zone: string | null;

  constructor(item: Notification, zone: string | null, actions: RowActions) {
    this.item = item;
    this.#zone = zone;
    this.#when = h("time", { class: "when", datetime: item.time, title: onTheirClock(item.time, zone) });
    this.#read = button(() => actions.toggleRead(this.item));
    this.#archive = button(() => actions.toggleArchived(this.item));
    this.#mute = button(() => actions.toggleMuted(fundingOf(this.item) ?? "", this.#preferences));
    const title = titleOf(item, "h3");
    title.prepend(this.#unread);
    const link = linkOf(item);
    this.element = h(
      "li",
      { class: "row", tabindex: "-1", "data-id": item.id, "data-kind": kindOf(item.type) },
      glyph(kindOf(item.type)),
      h("div", { class: "said" }, title, bodyOf(item), ...(link === null ? [] : [link])),
      h("p", { class: "meta" }, this.#when, this.#notes),
      h("div", { class: "actions" }, this.#mute, this.#read, this.#archive),
    );
  }

  show(item: Notification, preferences: Preferences | null): void {
    this.item = item;
    this.#preferences = preferences;
    const over = item.expired || (item.expirytime !== null && Date.parse(item.expirytime) < Date.now());
    this.element.toggleAttribute("data-read", item.read_at !== null);
    this.element.toggleAttribute("data-unseen", item.seen_at === null);
    this.element.toggleAttribute("data-over", over);
    this.#unread.textContent = item.read_at === null ? `${t().unread}: ` : "";
    this.#notes.replaceChildren(...this.#marks(over));
    this.tick();

    const unread = item.read_at === null;
    const archived = item.archived_at !== null;
    this.#label(this.#read, unread ? "read" : "unread", unread ? t().markRead : t().markUnread);
    this.#label(this.#archive, archived ? "unarchive" : "archive", archived ? t().unarchive : t().archive);
    const funding = fundingOf(item);
    const muted = preferences?.muted_fundings.includes(funding ?? "") === true;
    this.#mute.hidden = funding === null;
    this.#label(this.#mute, muted ? "unmute" : "mute", muted ? t().unmute : t().mute);
  }

  /** Time goes by. */
  tick(): void {
    this.#when.textContent = ago(this.item.time);
  }

  #marks(over: boolean): HTMLElement[] {
    const { expirytime, silenced, audience } = this.item;
    const marks = [];
    if (expirytime !== null) {
      const until = onTheirClock(expirytime, this.#zone);
      marks.push(h("span", { class: over ? "mark over" : "mark until" }, over ? t().ended(until) : t().ends(until)));
    }
    if (audience === "everybody") marks.push(h("span", { class: "mark" }, t().everybody));
    if (silenced !== null) marks.push(h("span", { class: "mark silent" }, glyph("moon"), t().silenced[silenced]));
    return marks;
  }

  #label(button: HTMLButtonElement, picture: Glyph, action: string): void {
    if (button.title === action) return;
    button.title = action;
    button.setAttribute("aria-label", t().actionsFor(action, this.item.title));
    button.dataset["action"] = picture;
    button.replaceChildren(glyph(picture));
  }
}

function button(press: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "icon-button", onclick: press });
}

// `<lastcall-bell>`: a bell with a count, and the list below it.
//
// It shows the client that its property `client` is set to. With the attribute `url` it makes one of its own, which lives as long
// as the bell is on the page.

import { createClient, type Client, type Notification } from "./index.js";
import { BELL, element, picture, write } from "./bell/dom.js";
import { createPanel, type Panel } from "./bell/panel.js";
import { STYLE } from "./bell/style.js";
import { languageAt, wordsIn } from "./bell/words.js";

const MOST_COUNTED = 99;
const CLOCK_MS = 60_000;
/** Between the bell and what opens below it, and to the edge of the window. */
const ROOM_PX = 8;

/** Sends `lastcall-open` with the notification as `detail` when one is opened; `preventDefault` keeps its link from being followed. */
export class LastcallBell extends HTMLElement {
  static readonly observedAttributes = ["url", "lang"];

  readonly #button = element("button", { class: "bell", part: "button", type: "button", "aria-haspopup": "dialog" });
  readonly #badge = element("span", { class: "badge", part: "badge", "aria-hidden": "true" });
  readonly #said = element("span", { class: "unheard", role: "status" });
  readonly #panel: Panel = createPanel(() => this.#client, (notification, event) => this.#opened(notification, event));
  /** Asked to be marked seen: one that the service refuses is not asked again. */
  readonly #seen = new Set<string>();
  #client: Client | null = null;
  #own: Client | null = null;
  #leave: AbortController | null = null;
  #unread = 0;

  constructor() {
    super();
    const button = this.#button;
    button.append(picture(BELL), this.#badge);
    button.setAttribute("aria-controls", "panel");
    button.popoverTargetElement = this.#panel.node;
    const style = element("style", {}, STYLE);
    this.attachShadow({ mode: "open" }).append(style, button, this.#said, this.#panel.node);
    this.#panel.node.addEventListener("toggle", () => this.#toggled());
  }

  /** Whose notifications it shows. It neither starts nor closes it. */
  get client(): Client | null {
    return this.#client;
  }

  set client(client: Client | null) {
    if (client !== this.#own) this.#drop();
    this.#client = client;
    this.#seen.clear();
    if (this.isConnected) this.connectedCallback();
  }

  connectedCallback(): void {
    this.#leave?.abort();
    const { signal } = (this.#leave = new AbortController());
    const url = this.getAttribute("url");
    if (!this.#client && url !== null) {
      this.#own = this.#client = createClient({ url: url || "/" });
      this.#own.start();
    }
    const leave = this.#client?.subscribe(() => this.#show());
    const clock = setInterval(() => this.#show(), CLOCK_MS);
    signal.addEventListener("abort", () => {
      leave?.();
      clearInterval(clock);
    });
    for (const name of ["resize", "scroll"]) window.addEventListener(name, () => this.#place(), { signal, passive: true });
    this.#show();
  }

  disconnectedCallback(): void {
    this.#leave?.abort();
    this.#drop();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (name === "url") this.#drop();
    this.connectedCallback();
  }

  /** Closes the client that it made. */
  #drop(): void {
    if (!this.#own) return;
    this.#own.close();
    this.#own = this.#client = null;
  }

  get #isOpen(): boolean {
    return this.#panel.node.matches(":popover-open");
  }

  #show(): void {
    const snapshot = this.#client?.getSnapshot();
    const language = languageAt(this);
    const words = wordsIn(language);
    const unread = snapshot?.unread ?? 0;
    const count = words.unread(unread);
    this.#button.setAttribute("aria-label", `${words.title}, ${count}`);
    this.#button.setAttribute("aria-expanded", `${this.#isOpen}`);
    this.#badge.hidden = unread === 0;
    write(this.#badge, unread > MOST_COUNTED ? `${MOST_COUNTED}+` : `${unread}`);
    if (unread > this.#unread) write(this.#said, count);
    this.#unread = unread;
    if (!snapshot) return;
    this.#panel.show(snapshot, words, language);
    if (this.#isOpen) this.#markSeen(snapshot.notifications);
  }

  #markSeen(notifications: readonly Notification[]): void {
    const ids = notifications.filter(({ id, seen_at }) => !seen_at && !this.#seen.has(id)).map(({ id }) => id);
    for (const id of ids) this.#seen.add(id);
    if (ids.length > 0) void this.#client?.markSeen(ids);
  }

  #toggled(): void {
    this.#place();
    this.#show();
    if (this.#isOpen) this.#panel.node.focus();
    // A browser gives the focus back to what had it as the page sees it, which is the whole bell, and that takes none.
    else if ([document.body, this, null].includes(document.activeElement as HTMLElement | null)) this.#button.focus();
  }

  /** Below the bell, or above it where there is more room, and within the window. */
  #place(): void {
    if (!this.#isOpen) return;
    const { style, offsetWidth } = this.#panel.node;
    const { clientWidth, clientHeight } = document.documentElement;
    const { top, bottom, right } = this.#button.getBoundingClientRect();
    const isBelow = clientHeight - bottom >= top;
    style.top = isBelow ? `${bottom + ROOM_PX}px` : "auto";
    style.bottom = isBelow ? "auto" : `${clientHeight - top + ROOM_PX}px`;
    style.maxHeight = `min(36rem, ${(isBelow ? clientHeight - bottom : top) - 2 * ROOM_PX}px)`;
    style.left = `${Math.max(ROOM_PX, Math.min(right - offsetWidth, clientWidth - offsetWidth - ROOM_PX))}px`;
  }

  #opened(notification: Notification, event: Event): void {
    const told = new CustomEvent("lastcall-open", { detail: notification, bubbles: true, composed: true, cancelable: true });
    if (!this.dispatchEvent(told)) event.preventDefault();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "lastcall-bell": LastcallBell;
  }
}

if (!customElements.get("lastcall-bell")) customElements.define("lastcall-bell", LastcallBell);

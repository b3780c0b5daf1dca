// The list: the client's snapshot, or a filtered list of its own, as rows.

import type { Snapshot } from "@lastcall/client";
import { busy, byId, h, onChoice, place } from "../dom.js";
import { t } from "../language.js";
import type { Session } from "../session.js";
import { Actions } from "./actions.js";
import { Filtered, type Filter, type State } from "./filtered.js";
import { noticeOf, type Notice } from "./notice.js";
import { Row } from "./row.js";
import { Seen } from "./seen.js";

const WHOLE: Filter = { state: "inbox", type: "" };

export class Inbox {
  readonly actions: Actions;
  readonly #session: Session;
  readonly #seen: Seen;
  readonly #rows = new Map<string, Row>();
  #filter: Filter;
  #filtered: Filtered | null = null;
  #notice: string | null = null;
  /** Whether the client has ever had the list: before that, an empty one says nothing. */
  #loaded = false;

  constructor(session: Session) {
    this.#session = session;
    this.#seen = new Seen(session.client, session.ended);
    this.actions = new Actions(session.client, () => this.#filtered);
    this.#filter = chosen();
    session.ended.addEventListener("abort", () => this.#filtered?.close());
    this.#open();
  }

  /** Another filter has been chosen. */
  refilter(): void {
    this.#filter = chosen();
    this.#open();
  }

  /** Another language has been chosen: every row says the same in other words. */
  retell(): void {
    for (const row of this.#rows.values()) this.#seen.unwatch(row.element);
    this.#rows.clear();
    this.#notice = null;
    this.show();
  }

  async older(): Promise<void> {
    await (this.#filtered?.older() ?? this.#session.client.loadMore());
  }

  tick(): void {
    for (const row of this.#rows.values()) row.tick();
  }

  /** The row that has the focus, or is next to it. */
  focused(): Row | null {
    const id = document.activeElement?.closest<HTMLElement>(".row")?.dataset["id"];
    return id === undefined ? null : (this.#rows.get(id) ?? null);
  }

  show(): void {
    const snapshot = this.#session.client.getSnapshot();
    this.#loaded ||= snapshot.status === "live" || snapshot.status === "polling" || snapshot.notifications.length > 0;
    this.#filtered?.follow(snapshot.cursor);
    const items = this.#filtered?.items(snapshot) ?? snapshot.notifications;
    const lost = lostFocus(new Set(items.map((item) => item.id)));

    const rows = items.map((item) => {
      const row = this.#rows.get(item.id) ?? this.#row(item.id, item);
      row.show(item, snapshot.preferences);
      return row.element;
    });
    place(byId("notifications"), rows);
    this.#forget(new Set(items.map((item) => item.id)));
    if (lost !== null) (rows[Math.min(lost, rows.length - 1)] ?? byId("list")).focus();

    byId("notifications").hidden = rows.length === 0;
    byId("more").hidden = !(this.#filtered?.hasMore ?? snapshot.hasMore) || rows.length === 0;
    this.#sayWhy(rows.length === 0, snapshot);
    this.#seen.look();
  }

  #open(): void {
    this.#filtered?.close();
    const whole = this.#filter.state === WHOLE.state && this.#filter.type === WHOLE.type;
    this.#filtered = whole ? null : new Filtered(this.#filter, () => this.show());
    this.show();
  }

  #row(id: string, item: Snapshot["notifications"][number]): Row {
    const row = new Row(item, this.#session.user.time_zone, this.actions);
    this.#rows.set(id, row);
    this.#seen.watch(row.element);
    return row;
  }

  #forget(shown: ReadonlySet<string>): void {
    for (const [id, row] of this.#rows) {
      if (shown.has(id)) continue;
      this.#seen.unwatch(row.element);
      this.#rows.delete(id);
    }
  }

  #sayWhy(nothing: boolean, { error }: Snapshot): void {
    const phase = this.#filtered?.phase ?? (this.#loaded ? "ready" : error === null ? "loading" : "failed");
    const notice: Notice = phase === "ready" ? "empty" : phase;
    const key = nothing ? `${notice} ${this.#filter.state} ${this.#filter.type}` : null;
    if (key === this.#notice) return;
    this.#notice = key;
    const place = byId("notice");
    place.hidden = !nothing;
    place.dataset["notice"] = notice;
    place.replaceChildren(...(nothing ? noticeOf(notice, this.#filter, () => this.#retry()) : []));
  }

  #retry(): void {
    void (this.#filtered?.load() ?? this.#session.client.refresh());
  }
}

/** Fills the choice of types, and calls back when another filter is chosen. */
export function startFilters(chose: () => void): void {
  onChoice("state-filter", chose);
  byId("type-filter").addEventListener("change", chose);
  fillTypes();
}

export function fillTypes(): void {
  const select = byId<HTMLSelectElement>("type-filter");
  const { value } = select;
  const types = Object.entries(t().types).map(([type, name]) => h("option", { value: type }, name));
  select.replaceChildren(h("option", { value: "" }, t().allTypes), ...types);
  select.value = value;
}

export function onOlder(older: () => Promise<void>): void {
  const button = byId("more");
  button.addEventListener("click", () => void busy(button, older));
}

function chosen(): Filter {
  const state = byId("state-filter").querySelector<HTMLInputElement>("input:checked")?.value;
  return { state: (state ?? "inbox") as State, type: byId<HTMLSelectElement>("type-filter").value };
}

/** Where the focus is among the rows, if its row is about to go: it must not fall back to the top of the page. */
function lostFocus(staying: ReadonlySet<string>): number | null {
  const row = document.activeElement?.closest<HTMLElement>(".row");
  if (!row || staying.has(row.dataset["id"] ?? "")) return null;
  return [...(row.parentElement?.children ?? [])].indexOf(row);
}

// What opens below the bell: the list, and what can be done with all of it.

import type { Client, Snapshot } from "../client.js";
import type { Notification } from "../notification.js";
import { element, write } from "./dom.js";
import { createRow, type Row } from "./row.js";
import type { Words } from "./words.js";

export interface Panel {
  readonly node: HTMLElement;
  show(snapshot: Snapshot, words: Words, language: string): void;
}

/** `opened` is told of a notification that is opened, before the browser follows its link. */
export function createPanel(client: () => Client | null, opened: (notification: Notification, event: Event) => void): Panel {
  const title = element("h2", { id: "title" });
  const allRead = element("button", { class: "action", part: "action", type: "button" });
  const say = element("p", { class: "say", part: "status", role: "status" });
  const list = element("ul", { role: "list", part: "list", "aria-labelledby": "title" });
  const more = element("button", { class: "action more", part: "action", type: "button" });
  const head = element("div", { class: "head", part: "head" }, title, allRead);
  const node = element(
    "div",
    { id: "panel", class: "panel", part: "panel", role: "dialog", popover: "auto", tabindex: "-1", "aria-labelledby": "title" },
    ...[head, say, list, more],
  );
  const rows = new Map<string, Row>();

  allRead.addEventListener("click", () => void client()?.markAllRead());
  more.addEventListener("click", () => void client()?.loadMore().catch(() => {}));

  const make = (notification: Notification): Row => {
    const { id } = notification;
    const row: Row = createRow(
      notification,
      (event) => {
        opened(notification, event);
        void client()?.markRead([id]);
      },
      () => {
        // What has the focus goes away; without this, readers by keyboard would begin at the top of the page.
        const { nextElementSibling: next, previousElementSibling: last } = row.node;
        const heir = [...rows.values()].find(({ node }) => node === (next ?? last));
        void client()?.archive([id]);
        if (heir) heir.focus();
        else node.focus();
      },
    );
    rows.set(id, row);
    return row;
  };

  return {
    node,
    show({ notifications, unread, hasMore, status, cursor }, words, language) {
      write(title, words.title);
      write(allRead, words.allRead);
      write(more, words.older);
      allRead.hidden = unread === 0;
      more.hidden = !hasMore;
      const trouble = status === "signed-out" ? words.signedOut : status === "offline" ? words.offline : "";
      const nothing = notifications.length > 0 ? "" : cursor ? words.empty : words.loading;
      write(say, trouble || nothing);
      say.hidden = !say.textContent;
      const shown = new Set(notifications.map(({ id }) => id));
      for (const [id, row] of rows) {
        if (shown.has(id)) continue;
        row.node.remove();
        rows.delete(id);
      }
      // Rows that stay are left where they are, so that nothing jumps and the focus stays.
      notifications.forEach((notification, place) => {
        const row = rows.get(notification.id) ?? make(notification);
        row.show(notification, words, language);
        if (list.children[place] !== row.node) list.insertBefore(row.node, list.children[place] ?? null);
      });
    },
  };
}

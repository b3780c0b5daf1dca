// What one tab shows: what is known, with what was done there over it; and whom that is told.

import type { Listeners, Snapshot } from "./client.js";
import { UNKNOWN, type Known, type News } from "./feed.js";
import { asOf, type Notification } from "./notification.js";
import type { Problem } from "./problem.js";

/** How many ids are remembered, so that nothing is told twice. */
const REMEMBERED = 1_000;

type Name = "change" | keyof Listeners;
type Listener = (about: never) => void;

export interface Board {
  readonly known: Known;
  readonly snapshot: Snapshot;
  on(name: Name, listener: Listener): () => void;
  hear(news: News): void;
  /** Shows what is to be shown now, with what the service refused last. */
  show(error?: Problem | null): void;
}

/** `over` puts what was done over what is known. */
export function createBoard(over: (known: Known) => Known): Board {
  const listeners: { [name in Name]: Set<Listener> } = { change: new Set(), notification: new Set(), gap: new Set() };
  const heard = new Set<string>();
  let known = UNKNOWN;
  let snapshot = look(known, null);

  /** One listener that throws keeps nothing from the others. */
  const call = (name: Name, about?: unknown) => {
    for (const listener of listeners[name]) {
      try {
        listener(about as never);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
  };

  const alert = (row: Notification) => {
    if (heard.has(row.id)) return;
    heard.add(row.id);
    if (heard.size > REMEMBERED) heard.delete(heard.values().next().value as string);
    if (!row.silenced && !asOf(row, Date.now()).expired) call("notification", row);
  };

  const board: Board = {
    get known() {
      return known;
    },
    get snapshot() {
      return snapshot;
    },
    on(name, listener) {
      listeners[name].add(listener);
      return () => void listeners[name].delete(listener);
    },
    hear(news) {
      if (news.says === "known") {
        known = news.known;
        board.show();
      } else if (news.says === "gap") {
        call("gap", news.gap);
      } else {
        alert(news.row);
      }
    },
    show(error = snapshot.error) {
      snapshot = look(over(known), error);
      call("change");
    },
  };
  return board;
}

function look({ rows, next, position, wanted, ...rest }: Known, error: Problem | null): Snapshot {
  const now = Date.now();
  return { ...rest, notifications: rows.map((row) => asOf(row, now)), hasMore: !!next, error };
}

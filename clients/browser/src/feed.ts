// What one tab does for all: it hears the stream, reads the list where only the list can tell, and says what is known now.

import { MOST_ROWS, type Api } from "./api.js";
import { delay, pause } from "./backoff.js";
import { connect, type Way } from "./connection.js";
import type { Cursor } from "./cursor.js";
import { EMPTY, extended, missed, moved, read, told, want, type Inbox } from "./inbox.js";
import { fromEvent, fundingOf, type CloudEvent, type Notification } from "./notification.js";
import { fromEvent as preferencesOf, silence, type Preferences } from "./preferences.js";
import type { Refused } from "./problem.js";
import type { Gap, Receiver, Status } from "./receiver.js";

/** What all tabs of a person know; it is handed from tab to tab as it is. */
export interface Known extends Inbox {
  readonly status: Status;
  readonly preferences: Preferences | null;
}

export const UNKNOWN: Known = { ...EMPTY, status: "connecting", preferences: null };

/** What it says to all tabs. */
export type News =
  | { says: "known"; known: Known }
  | { says: "told"; row: Notification }
  | { says: "gap"; gap: Gap };

const STATE_CHANGED = "lastcall.notification.state.changed.v1";
const PREFERENCES_CHANGED = "lastcall.preferences.changed.v1";

/** What the tab that leads does. */
export interface Feed {
  end(): void;
  /** Connects at once, and anew. */
  renew(): void;
  /** The list is to be no older than that. */
  want(cursor: Cursor): Promise<void>;
  loadMore(): Promise<void>;
  refresh(): Promise<void>;
}

/** Goes on from what is known. */
export function createFeed(api: Api, way: Way, size: number, before: Known, tell: (news: News) => void): Feed {
  const ending = new AbortController();
  const { signal } = ending;
  let known = before;
  let isReading = false;
  /** Whether more than the list may be other than is known: until a list reaches what is wanted since then. */
  let lost: unknown;

  const become = (next: Known) => {
    if (signal.aborted || next === known) return;
    known = next;
    tell({ says: "known", known });
  };

  /** Reads the list, no older than what is known or wanted; and behind it the preferences, if all is lost. */
  const readList = async (signal: AbortSignal) => {
    const { wanted, cursor, preferences } = known;
    // As much as is shown. What lies behind what one answer holds is loaded when it is asked for. After a gap the table may stand
    // anywhere: what it has is shown first.
    const shown = Math.min(Math.ceil(known.rows.length / size) * size || size, MOST_ROWS);
    const page = await api.page(shown, { at_least: cursor && (wanted || cursor) }, signal);
    if ((lost ||= !cursor)) {
      const { body } = await api.ask<Preferences>("GET", "preferences", { signal });
      // Those that an event has brought meanwhile are later.
      if (preferences === known.preferences) known = { ...known, preferences: body };
    }
    become(read(known, page));
    lost &&= known.wanted;
  };

  /** Reads the list until it reaches what is wanted; once for all that is wanted in the meantime. */
  const catchUp = async () => {
    if (isReading) return;
    isReading = true;
    let failures = 0;
    for (let wanted; (wanted = known.wanted) && !signal.aborted; ) {
      await readList(signal).catch(({ problem }: Partial<Refused>) => {
        // The table is of another log. What it has is shown first.
        if (problem?.status === 410) become({ ...known, cursor: null });
      });
      if (known.wanted === wanted) await pause(delay(failures++), signal);
    }
    isReading = false;
  };

  const news = (event: CloudEvent, position: Cursor) => {
    const row = fromEvent(event, position, globalThis.navigator?.languages ?? []);
    if (!row) return receiver.moved(position);
    row.silenced = known.preferences && silence(known.preferences, row.type, fundingOf(event), new Date());
    become(told(known, row));
    tell({ says: "told", row });
  };

  const receiver: Receiver = {
    get position() {
      return known.position;
    },
    event(event, position) {
      const { type, data } = event as CloudEvent;
      if (type === STATE_CHANGED) {
        become({ ...want(known, position), position });
        void catchUp();
      } else if (type === PREFERENCES_CHANGED) {
        become(moved({ ...known, preferences: preferencesOf(data?.["preferences"] as object) }, position));
      } else {
        news(event as CloudEvent, position);
      }
    },
    gap(gap) {
      become(missed(known, gap.resumed_from));
      tell({ says: "gap", gap });
      void catchUp();
    },
    moved: (position) => become(moved(known, position)),
    lost: () => become({ ...known, position: null, cursor: null }),
    status: (status) => become({ ...known, status }),
  };

  receiver.status("connecting");
  void catchUp();
  const { renew } = connect(api, way, receiver, readList, signal);
  return {
    renew,
    end: () => ending.abort(),
    async want(cursor) {
      become(want(known, cursor));
      await catchUp();
    },
    async loadMore() {
      const { next } = known;
      if (next) become(extended(known, await api.page(size, { before: next }, signal), next));
    },
    async refresh() {
      renew();
      await readList(signal);
    },
  };
}

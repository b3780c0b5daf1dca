// What a person did and the service does not know yet, or has not shown yet.
//
// One request at a time and in order, so that "read" and then "unread" cannot change places. Each has a key that it keeps over
// all attempts: an answer that got lost does not make it happen twice. What was done is shown until what is known from the log
// includes it; if the service lastingly refuses it, it is taken back.

import type { Api } from "./api.js";
import { delay, pause } from "./backoff.js";
import { withChanges, type Change } from "./change.js";
import { compare, type Cursor } from "./cursor.js";
import type { Known } from "./feed.js";
import type { Preferences } from "./preferences.js";
import type { Problem, Refused } from "./problem.js";

/** One thing done. */
export interface Deed {
  method: string;
  path: string;
  body?: unknown;
  /** What it makes of notifications. */
  change?: Change;
  /** What it makes of preferences. */
  prefer?: (preferences: Preferences) => Preferences;
}

interface Entry extends Deed {
  key: string;
  /** Where it shows, once that is known; null where the service does not say, so that it cannot be waited for. */
  cursor?: Cursor | null;
  accept(): void;
  refuse(error: unknown): void;
}

/** Who is told what became of it: where it shows, or why it does not. */
export type Settled = (cursor: Cursor | null, problem: Problem | null) => void;

export interface Outbox {
  /** Resolves when the service has it, and rejects when it does not want it. */
  act(deed: Deed): Promise<void>;
  /** What is known, with everything that is not in it yet. What is of another log will never be. */
  over(known: Known): Known;
  end(): void;
}

/** `changed` is told when something is to be shown, or no longer. */
export function createOutbox(api: Api, changed: () => void, settled: Settled): Outbox {
  const ending = new AbortController();
  const { signal } = ending;
  let entries: readonly Entry[] = [];
  let isSending = false;

  const keep = (isOpen: (entry: Entry) => boolean) => {
    entries = entries.filter(isOpen);
  };

  /** Until it is accepted, or lastingly refused. */
  const insist = async ({ method, path, body, key }: Entry) => {
    for (let failures = 0; ; ) {
      try {
        return (await api.ask(method, path, { body, key, signal })).cursor;
      } catch (error) {
        const { isLasting, retryAfter } = error as Refused;
        if (isLasting) throw error;
        await pause(Math.max(retryAfter, delay(failures++)), signal);
        signal.throwIfAborted();
      }
    }
  };

  const send = async () => {
    if (isSending) return;
    isSending = true;
    for (let entry: Entry | undefined; (entry = entries.find(({ cursor }) => cursor === undefined)); ) {
      try {
        entry.cursor = await insist(entry);
        settled(entry.cursor, null);
        entry.accept();
      } catch (error) {
        if (signal.aborted) return;
        keep((other) => other !== entry);
        settled(null, (error as Refused).problem);
        entry.refuse(error);
      }
      changed();
    }
    isSending = false;
  };

  return {
    act(deed) {
      const done = new Promise<void>((accept, refuse) => {
        // `crypto.randomUUID` is there only where the page came over TLS.
        entries = [...entries, { ...deed, key: crypto.getRandomValues(new Uint32Array(4)).join("-"), accept, refuse }];
      });
      // Whoever does not wait for it is told by the snapshot.
      done.catch(() => {});
      changed();
      void send();
      return done;
    },
    over(known) {
      keep(({ cursor, prefer }) => {
        const at = prefer ? known.position : known.cursor;
        return cursor === undefined || (cursor !== null && (!at || compare(at, cursor) < 0));
      });
      let { preferences } = known;
      const changes: Change[] = [];
      for (const { change, prefer } of entries) {
        if (change) changes.push(change);
        if (prefer && preferences) preferences = prefer(preferences);
      }
      return { ...withChanges(known, changes), preferences };
    },
    end() {
      ending.abort();
      for (const { refuse } of entries) refuse(signal.reason);
    },
  };
}

// What a person did and the service does not know yet, or has not shown yet.
//
// One request at a time and in order, so that "read" and then "unread" cannot change places. Each has a key that it keeps over
// all attempts: an answer that got lost does not make it happen twice. What was done is shown until what is known from the log
// includes it; if the service lastingly refuses it, it is taken back.

import type { Answer, Api } from "./api.js";
import { delay, pause } from "./backoff.js";
import { withChanges, type Change } from "./change.js";
import { compare, type Cursor } from "./cursor.js";
import type { Known } from "./feed.js";
import type { Preferences } from "./preferences.js";
import { Refused, type Problem } from "./problem.js";

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
  /** Where it shows, once that is known. */
  cursor: Cursor | null;
  accept(): void;
  refuse(error: unknown): void;
}

/** Who is told. */
export interface Listener {
  /** Something is to be shown or no longer. */
  changed(): void;
  /** The service has it; what is known from there on includes it. */
  accepted(answer: Answer<unknown>, deed: Deed): void;
  refused(problem: Problem): void;
}

export class Outbox {
  readonly #api: Api;
  readonly #listener: Listener;
  readonly #end = new AbortController();
  #entries: readonly Entry[] = [];
  #isSending = false;

  constructor(api: Api, listener: Listener) {
    this.#api = api;
    this.#listener = listener;
  }

  /** Resolves when the service has it, and rejects when it does not want it. */
  do(deed: Deed): Promise<void> {
    const done = new Promise<void>((accept, refuse) => {
      const entry = { ...deed, key: crypto.randomUUID(), cursor: null, accept, refuse };
      this.#entries = [...this.#entries, entry];
    });
    // Whoever does not wait for it is told by the snapshot.
    done.catch(() => {});
    this.#listener.changed();
    void this.#send();
    return done;
  }

  /** What is known, with everything that is not in it yet. */
  over(known: Known): Known {
    const { inbox, preferencesAt } = known;
    const changes = this.#entries.flatMap(({ change }) => change ?? []);
    const preferences = this.#entries.reduce((before, { prefer, cursor }) => {
      const isKnown = cursor !== null && preferencesAt !== null && compare(preferencesAt, cursor) >= 0;
      return prefer && before && !isKnown ? prefer(before) : before;
    }, known.preferences);
    return { ...known, inbox: { ...inbox, ...withChanges(inbox, changes) }, preferences };
  }

  /** Forgets what is part of what is known now; what is of another log will not become part of it. */
  forget({ cursor }: { cursor: Cursor | null }): void {
    const isOpen = (entry: Entry) => entry.cursor === null || cursor === null || compare(cursor, entry.cursor) < 0;
    this.#entries = this.#entries.filter(isOpen);
  }

  end(): void {
    this.#end.abort();
    for (const { refuse } of this.#entries) refuse(this.#end.signal.reason);
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let entry; (entry = this.#entries.find(({ cursor }) => cursor === null)); ) {
      const answer = await this.#insist(entry).catch((error: unknown) => this.#refused(entry, error));
      if (this.#end.signal.aborted) return;
      if (!answer) continue;
      // An answer that says no position cannot be waited for.
      entry.cursor = answer.cursor;
      if (answer.cursor === null) this.#drop(entry);
      this.#listener.accepted(answer, entry);
      entry.accept();
    }
    this.#isSending = false;
  }

  /** Until it is accepted, or lastingly refused. */
  async #insist({ method, path, body, key }: Entry): Promise<Answer<unknown>> {
    const { signal } = this.#end;
    for (let failures = 0; ; failures++) {
      try {
        return await this.#api.ask<unknown>(method, path, { body, key, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Refused) || error.isLasting) throw error;
        await pause(Math.max(error.retryAfter, delay(failures)), signal);
        signal.throwIfAborted();
      }
    }
  }

  #refused(entry: Entry, error: unknown): void {
    if (this.#end.signal.aborted) return;
    this.#drop(entry);
    entry.refuse(error);
    if (error instanceof Refused) this.#listener.refused(error.problem);
    this.#listener.changed();
  }

  #drop(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}

// What a person does with notifications, with what is said of it and how it is taken back.

import type { Client, Notification, Preferences } from "@lastcall/client";
import { t } from "../language.js";
import { confirm } from "../toasts.js";
import type { Filtered } from "./filtered.js";
import type { RowActions } from "./row.js";

/** As many as one request may name. */
const NAMED_AT_ONCE = 200;

export class Actions implements RowActions {
  readonly #client: Client;
  readonly #filtered: () => Filtered | null;

  constructor(client: Client, filtered: () => Filtered | null) {
    this.#client = client;
    this.#filtered = filtered;
  }

  toggleRead(item: Notification): void {
    if (item.read_at === null) this.read(item);
    else this.#changeOne(item.id, { read_at: null }, this.#client.markUnread([item.id]));
  }

  read(item: Notification): void {
    if (item.read_at !== null) return;
    this.#changeOne(item.id, { read_at: now() }, this.#client.markRead([item.id]));
  }

  toggleArchived({ id, archived_at }: Notification): void {
    if (archived_at === null) {
      this.#archive(id);
      confirm(t().archived, () => this.#unarchive(id));
    } else {
      this.#unarchive(id);
      confirm(t().unarchived, () => this.#archive(id));
    }
  }

  toggleMuted(funding: string, preferences: Preferences | null): void {
    const muted = preferences?.muted_fundings.includes(funding) === true;
    const mute = () => attempt(this.#client.muteFunding(funding));
    const unmute = () => attempt(this.#client.unmuteFunding(funding));
    (muted ? unmute : mute)();
    confirm(muted ? t().unmuted : t().muted, muted ? mute : unmute);
  }

  /** Can be taken back while all that was unread is known here. */
  readAll(): void {
    const { notifications, unread } = this.#client.getSnapshot();
    const ids = notifications.filter((item) => item.read_at === null).map((item) => item.id);
    const all = ids.length === unread && ids.length <= NAMED_AT_ONCE;
    attempt(this.#client.markAllRead());
    confirm(t().allRead, all ? () => attempt(this.#client.markUnread(ids)) : null);
  }

  #archive(id: string): void {
    this.#changeOne(id, { archived_at: now() }, this.#client.archive([id]));
  }

  #unarchive(id: string): void {
    this.#changeOne(id, { archived_at: null }, this.#client.unarchive([id]));
  }

  #changeOne(id: string, change: Parameters<Filtered["expect"]>[1], done: Promise<void>): void {
    this.#filtered()?.expect(id, change, done);
    attempt(done);
  }
}

/** Says so where it is refused. */
export function attempt(done: Promise<void>): void {
  done.catch((error: unknown) => confirm(t().actionFailed(error instanceof Error ? error.message : String(error))));
}

function now(): string {
  return new Date().toISOString();
}

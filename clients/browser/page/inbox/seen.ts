// A notification has been seen once it stood on the screen, for a moment, in the tab that the person is in.

import type { Client } from "@lastcall/client";

const LOOKED_AT_MS = 1_000;

/** Watches rows on the screen and marks those seen that are not yet. */
export class Seen {
  readonly #client: Client;
  readonly #shown = new Map<Element, string>();
  readonly #reported = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const id = (target as HTMLElement).dataset["id"];
      if (isIntersecting && id !== undefined) this.#shown.set(target, id);
      else this.#shown.delete(target);
    }
    this.look();
  });

  constructor(client: Client, ended: AbortSignal) {
    this.#client = client;
    const again = () => this.look();
    addEventListener("focus", again, { signal: ended });
    ended.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#observer.disconnect();
    });
  }

  watch(row: HTMLElement): void {
    this.#observer.observe(row);
  }

  unwatch(row: HTMLElement): void {
    this.#observer.unobserve(row);
    this.#shown.delete(row);
  }

  /** What is on the screen may have changed. */
  look(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (document.hasFocus()) this.#mark();
    }, LOOKED_AT_MS);
  }

  #mark(): void {
    const unseen = [...this.#shown].filter(([row]) => row.hasAttribute("data-unseen")).map(([, id]) => id);
    const ids = unseen.filter((id) => !this.#reported.has(id)).slice(0, 200);
    if (ids.length === 0) return;
    for (const id of ids) this.#reported.add(id);
    this.#client.markSeen(ids).catch(() => {
      for (const id of ids) this.#reported.delete(id);
    });
  }
}

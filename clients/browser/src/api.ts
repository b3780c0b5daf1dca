// The requests of a client, each with a bound on how long it may take, and with the token that is good now.

import type { Page } from "./inbox.js";
import type { Notification } from "./notification.js";
import type { Preferences } from "./preferences.js";
import { refusal, unreachable } from "./problem.js";
import type { Cursor } from "./cursor.js";

const PATIENCE_MS = 30_000;
/** The most rows that the inbox gives at once. */
export const MOST_ROWS = 200;

export type Query = { [name: string]: string | number | null | undefined };

export interface Request {
  query?: Query;
  body?: unknown;
  /** Makes a repeated write the same write. */
  key?: string;
  signal: AbortSignal;
  patience?: number;
}

/** An answer: its body, and up to where that is true. */
export interface Answer<T> {
  body: T;
  cursor: Cursor | null;
}

type ListBody = {
  notifications: Notification[];
  next?: Cursor;
  counts: { unread: number; unseen: number };
  cursor?: Cursor;
};

export class Api {
  readonly #base: URL;
  readonly #fetch: typeof fetch;
  readonly #token: (() => Promise<string>) | undefined;
  #bearer: Promise<string> | null = null;

  constructor(base: URL, request: typeof fetch, token: (() => Promise<string>) | undefined) {
    this.#base = base;
    this.#fetch = request;
    this.#token = token;
  }

  /** Whether requests carry a token of their own; else the cookie says who asks. */
  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  url(path: string, query: Query = {}): string {
    const url = new URL(`v1/${path}`, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) url.searchParams.set(name, `${value}`);
    }
    return url.href;
  }

  /** Uses no token that was used before. */
  renewToken(): void {
    this.#bearer = null;
  }

  /** Asks, with a new token once more where the one at hand is refused. Rejects with a `Refused`. */
  async ask<T>(method: string, path: string, request: Request): Promise<Answer<T>> {
    const first = await this.#send(method, path, request);
    if (first.status !== 401 || !this.#token) return this.#read(first);
    this.renewToken();
    return this.#read(await this.#send(method, path, request));
  }

  /** Some of the list, newest first: from its top, or what comes behind `before`. */
  async page(limit: number, query: Query, signal: AbortSignal): Promise<Page> {
    const answer = await this.ask<ListBody>("GET", "notifications", { query: { limit, ...query }, signal });
    const { notifications, next, counts } = answer.body;
    const rows = notifications.map((row) => ({ ...BLANK, ...row }));
    return { rows, next: next ?? null, ...counts, cursor: answer.cursor };
  }

  preferences(signal: AbortSignal): Promise<Answer<Preferences>> {
    return this.ask("GET", "preferences", { signal });
  }

  async #send(method: string, path: string, { query, body, key, signal, patience }: Request): Promise<Response> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["content-type"] = "application/json";
    if (key) headers["idempotency-key"] = key;
    const limit = new AbortController();
    const abort = () => limit.abort(signal.reason);
    signal.addEventListener("abort", abort);
    const timer = setTimeout(() => limit.abort(new Error("no answer in time")), patience ?? PATIENCE_MS);
    try {
      signal.throwIfAborted();
      if (this.#token) headers["authorization"] = `Bearer ${await (this.#bearer ??= this.#token())}`;
      const answer = await this.#fetch(this.url(path, query), {
        method,
        headers,
        credentials: this.#token ? "omit" : "include",
        signal: limit.signal,
        // A click on a link that marks a row read and leaves the page must not take the mark back.
        keepalive: method !== "GET",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // Read here, where the bound on time still holds.
      const text = answer.status === 204 ? null : await answer.text();
      return new Response(text, answer);
    } catch (error) {
      signal.throwIfAborted();
      this.renewToken();
      throw unreachable(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  async #read<T>(answer: Response): Promise<Answer<T>> {
    if (!answer.ok) throw await refusal(answer);
    const body = await answer.json().catch((error: unknown) => {
      throw unreachable(error);
    });
    // The browser's cache may give an older body that is still right, with the headers of now.
    return { body, cursor: answer.headers.get("lastcall-cursor") ?? body.cursor ?? null };
  }
}

/** What the inbox leaves out where there is nothing to say. */
const BLANK = { link: null, expirytime: null, expired: false, silenced: null, seen_at: null, read_at: null, archived_at: null };

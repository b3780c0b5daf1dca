// The requests of a client, each with a bound on how long it may take, and with the token that is good now.

import type { Cursor } from "./cursor.js";
import type { Page } from "./inbox.js";
import { BLANK, type Notification } from "./notification.js";
import { Refused, refusal, unreachable } from "./problem.js";

/** How long an answer may take. */
const PATIENCE_MS = 45_000;
/** The most rows that the inbox gives at once. */
export const MOST_ROWS = 200;

export interface Request {
  query?: Query;
  body?: unknown;
  /** Makes a repeated write the same write. */
  key?: string;
  signal: AbortSignal;
}

/** What is empty is left out. */
export type Query = { [name: string]: string | number | null | undefined };

/** An answer: what its body says, and up to where that is true. */
export interface Answer<T> {
  body: T;
  cursor: Cursor | null;
}

type ListBody = {
  notifications: Notification[];
  next?: Cursor;
  counts: { unread: number; unseen: number };
};

export interface Api {
  /** Whether requests carry a token of their own; else the cookie says who asks. */
  readonly hasToken: boolean;
  url(path: string, query?: Query): string;
  /** Uses no token that was used before. */
  renewToken(): void;
  /** Asks, with a new token once more where the one at hand is refused. Rejects with a `Refused`. */
  ask<T>(method: string, path: string, request: Request): Promise<Answer<T>>;
  /** Some of the list, newest first: from its top, or what comes behind `before`. */
  page(limit: number, query: Query, signal: AbortSignal): Promise<Page>;
}

/** The requests below `base`. `token` gets a new token. */
export function createApi(base: URL, fetch: typeof globalThis.fetch, token?: () => Promise<string>): Api {
  let bearer: Promise<string> | undefined;

  const send = async (method: string, path: string, { query, body, key, signal }: Request): Promise<Response> => {
    try {
      return await fetch(api.url(path, query), {
        method,
        headers: {
          ...(body ? { "content-type": "application/json" } : {}),
          ...(key ? { "idempotency-key": key } : {}),
          ...(token ? { authorization: `Bearer ${await (bearer ??= token())}` } : {}),
        },
        body: body ? JSON.stringify(body) : null,
        credentials: token ? "omit" : "include",
        signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
        // A click on a link that marks a row read and leaves the page must not take the mark back.
        keepalive: method !== "GET",
      });
    } catch (error) {
      signal.throwIfAborted();
      api.renewToken();
      throw error instanceof Refused ? error : unreachable(error);
    }
  };

  const api: Api = {
    hasToken: !!token,
    url(path, query = {}) {
      const said = Object.entries(query).filter(([, value]) => value) as string[][];
      return new URL(`v1/${path}?${new URLSearchParams(said)}`, base).href;
    },
    renewToken() {
      bearer = undefined;
    },
    async ask(method, path, request) {
      let answer = await send(method, path, request);
      if (answer.status === 401 && token) {
        api.renewToken();
        answer = await send(method, path, request);
      }
      const { cursor, ...body } = await answer.json().catch((error: unknown) => {
        if (answer.ok) throw unreachable(error);
        return {};
      });
      if (!answer.ok) throw refusal(answer, body);
      // The browser's cache may give an older body that is still right, with the headers of now.
      return { body, cursor: answer.headers.get("lastcall-cursor") || cursor || null };
    },
    async page(limit, query, signal) {
      const { body, cursor } = await api.ask<ListBody>("GET", "notifications", { query: { limit, ...query }, signal });
      const rows = body.notifications.map((row) => ({ ...BLANK, ...row }));
      return { rows, next: body.next ?? null, ...body.counts, cursor };
    },
  };
  return api;
}

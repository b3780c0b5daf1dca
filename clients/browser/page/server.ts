// What the page asks of the server besides what the client does.

import type { Notification } from "@lastcall/client";
import { language } from "./language.js";

/** An answer other than 2xx, in the server's words. */
export class Refused extends Error {}

export interface User {
  readonly id: string;
  readonly locale: string | null;
  readonly time_zone: string | null;
}

export interface Job {
  readonly name: string;
  readonly cron: string;
  readonly zone: string;
  readonly next: string | null;
}

export interface RunCounts {
  readonly emitted: number;
  readonly already_emitted: number;
  readonly skipped: number;
}

export interface Page {
  readonly notifications: readonly Notification[];
  readonly next?: string;
}

export interface Announcement {
  readonly words: readonly { readonly locale: string; readonly title: string; readonly body: string }[];
  readonly link?: string;
  readonly expires_at?: string;
}

/** `fetch`, asking for announcements in the language that the page is in. */
export function fetchInLanguage(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("accept-language", language());
  return fetch(input, { ...init, headers });
}

export function users(): Promise<User[]> {
  return call("/dev/users");
}

export function jobs(): Promise<Job[]> {
  return call("/dev/jobs");
}

export function runJob(name: string): Promise<RunCounts> {
  return call(`/dev/jobs/${encodeURIComponent(name)}/run`, { method: "POST" });
}

export async function signIn(user: string): Promise<void> {
  await call("/dev/session", json({ user }));
}

/** One page of a list with filters. */
export function list(query: Readonly<Record<string, string | null>>): Promise<Page> {
  const set = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== null);
  return call(`/v1/notifications?${new URLSearchParams(set)}`);
}

/** Posts as an operator. With the same key, the same announcement: a repeated attempt posts it once. */
export async function announce(announcement: Announcement, key: string): Promise<void> {
  const { token } = await call<{ token: string }>("/dev/operator", { method: "POST" });
  const options = json(announcement);
  await call("/v1/announcements", {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${token}`, "idempotency-key": key },
  });
}

function json(body: unknown): { method: string; headers: Record<string, string>; body: string } {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function call<T>(path: string, options: RequestInit = {}): Promise<T> {
  const answer = await fetchInLanguage(path, options);
  if (!answer.ok) {
    const problem: { detail?: string } = await answer.json().catch(() => ({}));
    throw new Refused(problem.detail ?? `${path}: ${answer.status}`);
  }
  return answer.status === 204 ? (undefined as T) : await answer.json();
}

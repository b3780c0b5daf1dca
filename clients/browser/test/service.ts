// A server that speaks the bytes of docs/CLIENTS.md and the inbox's JSON over real HTTP, and fails as it is told to.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { CloudEvent } from "../src/notification.js";
import { Log, number } from "./log.js";

/** What a request gets instead of its answer, if anything. */
export type Fault = (request: IncomingMessage, path: string) => { status: number; headers?: object } | "cut" | "hang" | null;

export class Service {
  readonly log = new Log();
  /** Every request, as `GET /v1/notifications?limit=20`. */
  readonly requests: string[] = [];
  /** Bodies of writes, in the order in which they were answered, with their keys. */
  readonly writes: { key: string | undefined; body: Record<string, unknown> }[] = [];
  fault: Fault = () => null;
  /** Up to where the table is; else to the end of the log. */
  projected: number | null = null;
  /** The tokens that are good; null: nobody has to say who they are. */
  tokens: Set<string> | null = null;
  heartbeatMs = 100;
  retryMs = 20;
  /** The log has forgotten what is at or below this. */
  expired = 0;
  /** What else is served, by its path. */
  readonly pages = new Map<string, { type: string; body: string }>();
  readonly streams = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Map<string, object>();
  readonly #tickets = new Set<string>();
  readonly #waiting = new Set<() => void>();

  static async start(): Promise<Service> {
    const service = new Service();
    await service.listen(0);
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  port = 0;

  listen(port: number): Promise<void> {
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    return new Promise((resolve) => {
      this.#server.listen(port, "127.0.0.1", () => {
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Ends every connection in the middle of whatever it does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    return stopped;
  }

  /** Appends, and sends it down every stream. */
  publish(event: Omit<CloudEvent, "id"> & { id?: string }): string {
    const sequence = this.log.append(event);
    const stored = this.log.events.at(-1)?.event;
    for (const stream of this.streams) stream.write(this.block(`data: ${JSON.stringify(stored)}\n`, sequence));
    this.#wake();
    return this.log.at(sequence);
  }

  /** Appends without telling any stream. */
  append(event: Omit<CloudEvent, "id">): string {
    return this.log.at(this.log.append(event));
  }

  block(lines: string, sequence = this.log.head): string {
    return `${lines}id: ${this.log.at(sequence)}\n\n`;
  }

  /** Does a write as if it had come with that key. */
  repeat(key: string, body: Record<string, unknown>): void {
    this.writes.push({ key, body });
    this.#answers.set(key, this.#write("POST /v1/notifications/state", body) as object);
  }

  /** How many requests there were for that. */
  count(path: string): number {
    return this.requests.filter((line) => line.includes(path)).length;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const page = this.pages.get(url.pathname);
    if (page) return void response.writeHead(200, { "content-type": page.type }).end(page.body);
    this.requests.push(`${request.method} ${request.url}`);
    const fault = this.fault(request, url.pathname);
    if (fault === "cut") return void request.socket.destroy();
    if (fault === "hang") return;
    if (fault) return problem(response, fault.status, fault.headers);
    const ticket = url.searchParams.get("ticket");
    const token = request.headers.authorization?.replace("Bearer ", "");
    const isKnown = ticket ? this.#tickets.delete(ticket) : this.tokens === null || this.tokens.has(token ?? "");
    if (!isKnown) return problem(response, 401);
    const body = Buffer.concat(chunks).toString();
    const route = `${request.method} ${url.pathname}`;
    if (route === "GET /v1/stream") return this.#stream(request, response, url.searchParams);
    if (route === "GET /v1/events") return this.#poll(response, url.searchParams);
    if (route === "POST /v1/stream/ticket") {
      const made = crypto.randomUUID();
      this.#tickets.add(made);
      return json(response, 201, { ticket: made, expires_at: "2026-11-22T09:30:00Z" });
    }
    const parsed = body ? (JSON.parse(body) as Record<string, unknown>) : {};
    this.#inbox(route, response, url.searchParams, parsed, request.headers["idempotency-key"] as string | undefined);
  }

  #start(after: string | null | undefined): { from: number; gap: object | null } {
    if (!after) return { from: this.log.head, gap: null };
    const resumed = (reason: string) => ({
      from: this.log.head,
      gap: { reason, requested: after, resumed_from: this.log.at(this.log.head) },
    });
    if (!after.startsWith(`${this.log.epoch}.`)) return resumed("epoch_changed");
    if (number(after) > this.log.head) return resumed("ahead_of_log");
    if (number(after) < this.expired) return resumed("expired");
    return { from: number(after), gap: null };
  }

  #stream(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    const header = request.headers["last-event-id"] as string | undefined;
    const isAll = !header && query.get("from") === "earliest";
    const { from, gap } = isAll ? { from: 0, gap: null } : this.#start(header || query.get("last_event_id"));
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const first = gap ? `event: gap\ndata: ${JSON.stringify(gap)}\n` : "";
    response.write(this.block(`retry: ${this.retryMs}\n${first}`, from));
    for (const { sequence, event } of this.log.events) {
      if (sequence > from) response.write(this.block(`data: ${JSON.stringify(event)}\n`, sequence));
    }
    this.streams.add(response);
    const beat = query.get("heartbeat") === "event" ? "event: heartbeat\ndata:\n" : ": heartbeat\n";
    const timer = setInterval(() => response.write(this.block(beat)), this.heartbeatMs);
    response.on("close", () => {
      clearInterval(timer);
      this.streams.delete(response);
    });
  }

  async #poll(response: ServerResponse, query: URLSearchParams): Promise<void> {
    const { from, gap } = query.get("from") ? { from: 0, gap: null } : this.#start(query.get("after"));
    const wait = Number.parseFloat(query.get("wait") ?? "30") * 1_000;
    if (this.log.head <= from && wait > 0 && !gap) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
        response.on("close", () => clearTimeout(timer));
      });
    }
    const events = this.log.events
      .filter(({ sequence }) => sequence > from)
      .map(({ sequence, event }) => ({ cursor: this.log.at(sequence), type: "message", data: event }));
    json(response, 200, { events, cursor: this.log.at(this.log.head), ...(gap ? { gap } : {}) });
  }

  #inbox(route: string, response: ServerResponse, query: URLSearchParams, body: Record<string, unknown>, key?: string): void {
    const at = Math.min(this.projected ?? this.log.head, this.log.head);
    const least = query.get("at_least");
    if (least && !least.startsWith(`${this.log.epoch}.`)) return problem(response, 410);
    if (least && number(least) > at) return problem(response, 503, { "retry-after": "0" });
    const before = query.get("before");
    switch (route) {
      case "GET /v1/notifications":
        return json(response, 200, this.log.list(at, Number(query.get("limit")), before ? number(before) : undefined));
      case "GET /v1/preferences":
        return json(response, 200, { ...this.log.preferences(at), cursor: this.log.at(at) });
    }
    const known = this.#answers.get(key ?? "");
    if (known) return json(response, 200, known);
    this.writes.push({ key, body });
    const answer = this.#write(route, body);
    if (!answer) return problem(response, 404);
    if (key) this.#answers.set(key, answer);
    json(response, 200, answer);
  }

  #write(route: string, body: Record<string, unknown>): object | null {
    const time = new Date().toISOString();
    if (route === "POST /v1/notifications/state") {
      const ids = body["ids"] as string[] | undefined;
      const known = new Set(this.log.rows(this.log.head).map((row) => row.id));
      if (ids?.some((id) => !known.has(id))) return null;
      const target = ids ? { notificationIds: ids } : { upTo: `${number(body["up_to"] as string)}` };
      const change = `STATE_CHANGE_${(body["change"] as string).toUpperCase()}`;
      const type = "lastcall.notification.state.changed.v1";
      const cursor = this.publish({ type, subject: "inbox/u1", time, data: { userId: "u1", change, ...target } });
      return { cursor, changed: true };
    }
    const preferences = preferencesAfter(route, body, this.log.preferences(this.log.head));
    if (!preferences) return null;
    const { types_off: typesOff, quiet_hours: quiet, muted_fundings: mutedFundings } = preferences;
    const quietHours = quiet && { from: quiet.from, to: quiet.to, timeZone: quiet.time_zone ?? "UTC" };
    const data = { userId: "u1", preferences: { typesOff, mutedFundings, ...(quietHours ? { quietHours } : {}) } };
    const type = "lastcall.preferences.changed.v1";
    const cursor = this.publish({ type, subject: "preferences/u1", time, data });
    return { ...preferences, cursor };
  }
}

type Preferences = ReturnType<Log["preferences"]>;

function preferencesAfter(route: string, body: Record<string, unknown>, before: Preferences): Preferences | null {
  if (route === "PUT /v1/preferences") return body as unknown as Preferences;
  const [, method, id = ""] = /^(PUT|DELETE) \/v1\/preferences\/muted-fundings\/(.+)$/.exec(route) ?? [];
  if (!method) return null;
  const others = before.muted_fundings.filter((other) => other !== decodeURIComponent(id));
  return { ...before, muted_fundings: method === "PUT" ? [...others, decodeURIComponent(id)] : others };
}

function json(response: ServerResponse, status: number, body: object, headers: object = {}): void {
  const cursor = (body as { cursor?: string }).cursor;
  response.writeHead(status, { "content-type": "application/json", ...(cursor ? { "lastcall-cursor": cursor } : {}), ...headers });
  response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, headers?: object): void {
  const body = { type: "urn:lastcall:problem:test", title: "Refused", status, detail: `it is ${status}` };
  json(response, status, body, headers);
}

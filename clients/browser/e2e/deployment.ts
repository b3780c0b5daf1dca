// Everything that runs in one test: `lastcall dev` with page, inbox, projector and nats-server, an edge beside it, and a proxy
// before both. And one person, with the inbox as it says itself.

import { test as base } from "@playwright/test";
import { CLOCK_OFF, Dev, Edge, eventually } from "./processes.js";
import { Proxy } from "./proxy.js";

export const READER = "reader";

export interface Listed {
  readonly id: string;
  readonly title: string;
  readonly read_at: string | null;
  readonly silenced?: string | null;
}

export interface Inbox {
  readonly notifications: readonly Listed[];
  readonly counts: { readonly unread: number; readonly unseen: number };
}

export class Deployment {
  edge: Edge;
  readonly dev: Dev;
  readonly proxy: Proxy;
  readonly #token: string;
  #coupons = 0;

  private constructor(dev: Dev, edge: Edge, proxy: Proxy, token: string) {
    [this.dev, this.edge, this.proxy, this.#token] = [dev, edge, proxy, token];
  }

  static async start(...options: readonly string[]): Promise<Deployment> {
    const dev = await Dev.start("--seed=none", ...CLOCK_OFF, ...options);
    const edge = await Edge.start(dev.endpoints);
    await dev.import("users", ["id", "locale", "time_zone"], [
      [READER, "en", "Asia/Seoul"],
      ["another", "ko", "Europe/Berlin"],
    ]);
    const token = (await dev.run("token", `--user=${READER}`)).trim();
    return new Deployment(dev, edge, await Proxy.start(dev.http, edge.http), token);
  }

  /** Tells the reader of so many coupons, and waits until the inbox has them. */
  async tell(count: number): Promise<void> {
    const rows = Array.from({ length: count }, () => [`c${this.#coupons++}`, READER, tomorrow()]);
    await this.dev.import("coupons", ["id", "user_id", "expires_on"], rows);
    const before = (await this.inbox("all")).notifications.length;
    await this.dev.run("jobs", "run", "coupon-expiring");
    await eventually("the inbox has them", async () => {
      const { notifications } = await this.inbox("all");
      return notifications.length === before + count ? true : null;
    });
  }

  /** What the inbox has for the reader, newest first. */
  async inbox(state = "inbox"): Promise<Inbox> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await fetch(`${this.dev.http}/v1/notifications?limit=100&state=${state}`, { headers });
    if (!answer.ok) throw new Error(`the inbox answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Inbox;
  }

  async killEdge(): Promise<void> {
    await this.edge.kill();
  }

  async startEdge(): Promise<void> {
    this.edge = await Edge.start(this.dev.endpoints);
    this.proxy.edge = this.edge.http;
  }

  async stop(): Promise<void> {
    this.proxy.stop();
    await this.edge.stop();
    await this.dev.stop();
  }
}

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
}

/** `options` are those of `lastcall dev`. */
export const test = base.extend<{ options: readonly string[]; deployment: Deployment }>({
  options: [[], { option: true }],
  deployment: async ({ options }, use) => {
    const deployment = await Deployment.start(...options);
    await use(deployment);
    await deployment.stop();
  },
});

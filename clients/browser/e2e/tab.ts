// A tab with the page, and what a person sees and does in it.

import { expect, type BrowserContext, type Page, type Request } from "@playwright/test";
import { READER, type Deployment } from "./deployment.js";

export interface Seen {
  readonly unread: number;
  readonly badge: number;
  readonly rows: readonly { readonly id: string; readonly read: boolean }[];
}

export class Tab {
  readonly page: Page;
  /** What was thrown, and each time that count and list were not of one mind. */
  readonly errors: string[] = [];
  /** Whether it ever asked for the stream. */
  asked = false;
  readonly #streams = new Set<Request>();

  private constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("request", (request) => {
      if (new URL(request.url()).pathname !== "/v1/stream") return;
      this.#streams.add(request);
      this.asked = true;
    });
    for (const end of ["requestfinished", "requestfailed"] as const) {
      page.on(end as "requestfinished", (request) => void this.#streams.delete(request));
    }
  }

  static async open(context: BrowserContext, deployment: Deployment, user = READER): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    await tab.page.exposeFunction("disagreed", (how: string) => void tab.errors.push(how));
    await tab.page.addInitScript(watchCounts);
    await tab.page.goto(`${deployment.proxy.url}/?user=${user}`);
    await tab.isLive();
    return tab;
  }

  /** Whether the one connection is this tab's. */
  get leads(): boolean {
    return this.#streams.size > 0;
  }

  async isLive(): Promise<void> {
    await expect(this.page.locator("#connection")).toHaveAttribute("data-state", "live");
  }

  async see(): Promise<Seen> {
    return this.page.evaluate(() => {
      const text = (id: string) => document.getElementById(id)?.textContent ?? "";
      const rows = [...document.querySelectorAll<HTMLElement>("#notifications .row")];
      return {
        unread: Number(document.getElementById("bell")?.dataset["unread"]),
        badge: Number(text("unread")),
        rows: rows.map((row) => ({ id: row.dataset["id"] ?? "", read: row.hasAttribute("data-read") })),
      };
    });
  }

  /** How many notifications it was told of as news. */
  async arrived(): Promise<number> {
    return Number(await this.page.locator("#arrived").textContent());
  }

  /** Presses the button of one row, by what it does. */
  async press(row: number, action: "read" | "unread" | "archive" | "unarchive" | "mute" | "unmute"): Promise<void> {
    const line = this.page.locator("#notifications .row").nth(row);
    await line.hover();
    await line.locator(`[data-action=${action}]`).click();
  }

  async undo(): Promise<void> {
    await this.page.locator("#snack button").first().click();
  }
}

/** Waits until all tabs show what the inbox has, and this many unread. */
export async function agree(tabs: readonly Tab[], deployment: Deployment, unread: number): Promise<void> {
  const inbox = await deployment.inbox();
  const rows = inbox.notifications.map(({ id, read_at }) => ({ id, read: read_at !== null }));
  for (const tab of tabs) {
    await expect.poll(() => tab.see(), { intervals: [50] }).toEqual({ unread, badge: unread, rows });
  }
  // What the tabs agree on has to be what the service says at the end as well, not only before.
  expect((await deployment.inbox()).counts.unread).toBe(unread);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  for (const tab of tabs) expect(tab.errors).toEqual([]);
}

/** Waits until the inbox says so many: what was done in a tab has arrived. */
export async function inboxHas(deployment: Deployment, unread: number, listed: number): Promise<void> {
  const look = async () => {
    const { counts, notifications } = await deployment.inbox();
    return { unread: counts.unread, listed: notifications.length };
  };
  await expect.poll(look, { intervals: [50] }).toEqual({ unread, listed });
}

/**
 * Runs in the page: whenever anything has changed there, the count has to be that of the list, where all of it is shown, and
 * nothing may be in it twice. At every instant, not only in the end: what is wrong for a second has been wrong.
 */
function watchCounts(): void {
  const { disagreed } = globalThis as unknown as { disagreed: (how: string) => void };
  const look = () => {
    const chosen = document.querySelector<HTMLInputElement>("#state-filter input:checked")?.value;
    const type = document.querySelector<HTMLSelectElement>("#type-filter")?.value;
    const partly = document.querySelector<HTMLElement>("#more")?.hidden === false;
    if (chosen !== "inbox" || type !== "" || partly) return;
    const rows = [...document.querySelectorAll<HTMLElement>("#notifications .row")];
    const ids = new Set(rows.map((row) => row.dataset["id"]));
    if (ids.size !== rows.length) disagreed(`something is listed twice: ${rows.length} rows, ${ids.size} ids`);
    const listed = rows.filter((row) => !row.hasAttribute("data-read")).length;
    const counted = Number(document.querySelector<HTMLElement>("#bell")?.dataset["unread"]);
    if (listed !== counted) disagreed(`${listed} unread are listed, ${counted} are counted`);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}

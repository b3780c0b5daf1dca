// Takes the pictures of the page that the README shows.

import { expect, test, type BrowserContextOptions, type Page } from "@playwright/test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dev } from "./processes.js";

const IMAGES = join(dirname(fileURLToPath(import.meta.url)), "../../../docs/images");
const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const WORDS = {
  light: [
    { locale: "en", title: "Payments pause tonight", body: "Cards cannot be charged from 02:00 to 02:20 UTC. Pledges are kept." },
    { locale: "ko", title: "오늘 밤 결제가 잠시 멈춥니다", body: "UTC 2시부터 2시 20분까지 카드 결제가 되지 않습니다. 후원은 보관됩니다." },
  ],
  dark: [
    { locale: "en", title: "Pledge together", body: "Several people can now back a funding as one group." },
    { locale: "ko", title: "함께 후원하기", body: "이제 여러 사람이 한 모임으로 후원할 수 있습니다." },
  ],
};

let dev: Dev;

test.beforeAll(async () => {
  dev = await Dev.start("--seed=demo");
  await dev.import("fundings", ["id", "title", "goal", "currency", "closes_at"], [
    ["f-press", "A letterpress for the school", "4000", "EUR", inHours(7)],
    ["f-coast", "Maps of Vanishing Coastlines", "9000", "EUR", inHours(9)],
    ["f-choir", "새벽 합창단 첫 음반", "2000000", "KRW", inHours(8)],
  ]);
  await dev.import("follows", ["funding_id", "user_id"], [
    ["f-press", "jonas"],
    ["f-coast", "jonas"],
    ["f-choir", "mina"],
  ]);
  await call("jonas", "PUT", "/v1/preferences/muted-fundings/f-press");
  await call("mina", "PUT", "/v1/preferences/muted-fundings/f-choir");
  await dev.run("jobs", "run", "coupon-expiring");
  await dev.run("jobs", "run", "funding-closing");
});

test.afterAll(async () => dev.stop());

for (const colorScheme of ["light", "dark"] as const) {
  test(`desktop, ${colorScheme}`, async ({ browser }) => {
    const context = await browser.newContext({ ...DESKTOP, colorScheme, locale: "en-US" });
    const page = await open(await context.newPage(), "jonas");
    await markRead(page, 2);
    await announce(colorScheme);
    await expect(page.locator("#news .toast")).toHaveCount(1);
    await page.locator(".row").nth(1).hover();
    await take(page, `desktop-${colorScheme}`);
  });

  test(`phone, ${colorScheme}`, async ({ browser }) => {
    const locale = colorScheme === "light" ? "ko-KR" : "en-US";
    const context = await browser.newContext({ ...PHONE, colorScheme, locale });
    const page = await open(await context.newPage(), colorScheme === "light" ? "mina" : "jonas");
    if (colorScheme === "light") await markRead(page, 3);
    await take(page, `phone-${colorScheme}`);
  });
}

async function open(page: Page, user: string): Promise<Page> {
  await page.goto(`${dev.http}/?user=${user}`);
  await expect(page.locator("#connection")).toHaveAttribute("data-state", "live");
  await expect(page.locator(".row").nth(2)).toBeVisible();
  return page;
}

/** All but the first so many. */
async function markRead(page: Page, unread: number): Promise<void> {
  const left = page.locator(".row:not([data-read])");
  for (let count = await left.count(); count > unread; count -= 1) {
    await left.last().locator("[data-action=read]").click({ force: true });
    await expect(left).toHaveCount(count - 1);
  }
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    scrollTo(0, 0);
  });
}

function inHours(hours: number): string {
  return new Date(Date.now() + hours * 3_600_000).toISOString();
}

async function announce(id: "light" | "dark"): Promise<void> {
  const announcement = { id, words: WORDS[id], link: "/status", expires_at: inHours(12) };
  await call("operator", "POST", "/v1/announcements", announcement, "--scope=announcements:write");
}

async function call(user: string, method: string, path: string, body?: object, ...options: string[]): Promise<void> {
  const token = (await dev.run("token", `--user=${user}`, ...options)).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(dev.http + path, { method, headers, body: body ? JSON.stringify(body) : null });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

async function take(page: Page, name: string): Promise<void> {
  // Whatever is still on its way in has come to rest.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((each) => each.effect?.getComputedTiming().iterations !== Infinity).map((each) => each.finished)));
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
}

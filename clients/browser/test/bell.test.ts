// The bell in a real Chromium, on a page of 320 pixels.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium, type Browser, type Page } from "@playwright/test";
import axe from "axe-core";
import { build } from "esbuild";
import { browser as settings } from "../e2e/browser.js";
import { coupon } from "./log.js";
import { Service } from "./service.js";
import { until } from "./until.js";

const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Bell</title>
<meta name="viewport" content="width=device-width"><style>:root { color-scheme: light dark }</style>
<script type="module" src="/bell.js"></script>
<main><h1>Shop</h1><lastcall-bell url></lastcall-bell> <a href="#after">after</a></main></html>`;

let code: string;
let browser: Browser;
let service: Service;
let page: Page;
const broken: string[] = [];

before(async () => {
  const bundle = { bundle: true, format: "esm", target: "es2022", write: false } as const;
  code = (await build({ entryPoints: ["src/bell.ts"], ...bundle })).outputFiles[0]!.text;
  browser = await chromium.launch(settings.launchOptions);
});

after(() => browser.close());

beforeEach(async () => {
  service = await Service.start();
  service.pages.set("/", { type: "text/html", body: HTML });
  service.pages.set("/bell.js", { type: "text/javascript", body: code });
  page = await browser.newPage({ viewport: { width: 320, height: 640 } });
  page.on("pageerror", (error) => broken.push(`${error}`));
});

afterEach(async () => {
  await page.close();
  await service.stop();
  assert.deepEqual(broken.splice(0), []);
});

const bell = () => page.locator("lastcall-bell").getByRole("button", { name: /^(Notifications|알림),/ });
const rows = () => page.locator("lastcall-bell").getByRole("listitem");
const dialog = () => page.locator("lastcall-bell").getByRole("dialog");
const written = (verb: string) => service.writes.filter(({ body }) => body["change"] === verb);

async function named(name: string): Promise<void> {
  await page.locator("lastcall-bell").getByRole("button", { name, exact: true }).waitFor();
}

test("the bell counts, opens by keyboard, marks seen what it shows, and gives the focus back", async () => {
  service.append(coupon("one"));
  await page.goto(service.url);
  await named("Notifications, 1 unread");
  service.publish(coupon("two"));
  await named("Notifications, 2 unread");
  assert.equal(await bell().getAttribute("aria-expanded"), "false");
  assert.equal(written("seen").length, 0);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await dialog().waitFor();
  assert.equal(await bell().getAttribute("aria-expanded"), "true");
  await until("seen", () => written("seen").length === 1);
  assert.equal((written("seen")[0]!.body["ids"] as string[]).length, 2);
  service.publish(coupon("three"));
  await until("seen while open", () => written("seen").length === 2);
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "hidden" });
  await page.waitForFunction(() => document.querySelector("lastcall-bell")?.shadowRoot?.activeElement?.matches(".bell"));
  assert.equal(await bell().getAttribute("aria-expanded"), "false");
});

test("what is opened is read, what is archived goes and leaves the focus to the next, and all can be read at once", async () => {
  for (const title of ["one", "two", "three"]) service.append(coupon(title));
  await page.goto(service.url);
  await named("Notifications, 3 unread");
  await bell().click();
  await rows().first().getByText("three").click();
  await named("Notifications, 2 unread");
  await rows().first().getByRole("button", { name: "Archive: three" }).click();
  await until("archived", () => written("archived").length === 1);
  assert.deepEqual(await rows().locator(".title").allTextContents(), ["two", "one"]);
  assert.equal(await rows().first().locator(".open").evaluate((open) => open.matches(":focus")), true);
  await page.locator("lastcall-bell").getByRole("button", { name: "Mark all read" }).click();
  await named("Notifications, none unread");
});

test("what others wrote is text, and a link that would run is none", async () => {
  const title = "<img src=x onerror=\"document.title='broken'\">";
  service.append(coupon(title));
  for (const link of ["javascript:document.title='broken'", "/shop"]) {
    const words = [{ locale: "en", title: link, body: "line" }];
    service.append({ type: "lastcall.announcement.posted.v1", data: { words, link } });
  }
  await page.goto(service.url);
  await bell().click();
  await rows().nth(2).waitFor();
  assert.deepEqual((await rows().locator(".title").allTextContents()).at(-1), title);
  assert.deepEqual(await rows().locator("a").evaluateAll((all) => all.map((one) => one.getAttribute("href"))), ["/shop"]);
  await rows().nth(1).locator(".open").click();
  assert.equal(await page.title(), "Bell");
  assert.equal(await page.evaluate(() => document.querySelector("lastcall-bell")!.shadowRoot!.querySelector("img")), null);
});

test("a page can take over what happens when one is opened", async () => {
  service.append({ type: "lastcall.announcement.posted.v1", data: { words: [{ locale: "en", title: "t", body: "" }], link: "/shop" } });
  await page.goto(service.url);
  await page.evaluate(() =>
    document.addEventListener("lastcall-open", (event) => {
      event.preventDefault();
      document.title = (event as CustomEvent<{ link: string }>).detail.link;
    }),
  );
  await bell().click();
  await rows().first().locator("a").click();
  await page.waitForFunction(() => document.title === "/shop");
  assert.equal(new URL(page.url()).pathname, "/");
});

test("it speaks the language of the page around it", async () => {
  await page.goto(service.url);
  await page.evaluate(() => {
    document.documentElement.lang = "ko-KR";
    document.querySelector("lastcall-bell")!.setAttribute("lang", "ko");
  });
  await named("알림, 읽지 않은 알림 없음");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`it fits on 320 pixels and is accessible, ${colorScheme}`, async () => {
    await page.emulateMedia({ colorScheme });
    service.append(coupon("a-title-without-any-space-".repeat(6)));
    for (let count = 0; count < 30; count++) service.append(coupon(`${count}`));
    service.append(coupon("over", { expirytime: "2001-01-01T00:00:00Z" }));
    await page.goto(service.url);
    await bell().click();
    await page.locator("lastcall-bell").getByRole("button", { name: "Show older" }).click();
    await until("all are loaded", () => service.count("before=") === 1);
    await rows().nth(31).waitFor();
    const box = await dialog().boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 320, JSON.stringify(box));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= 320), true);
    assert.equal(await dialog().evaluate((panel) => panel.scrollWidth <= panel.clientWidth), true, "nothing sticks out");
    await page.addScriptTag({ content: axe.source });
    const found = await page.evaluate(async () => (await (window as never as { axe: typeof axe }).axe.run("lastcall-bell")).violations);
    assert.deepEqual(found.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
  });
}

test("a bell that leaves the page ends its connection", async () => {
  await page.goto(service.url);
  await until("a stream", () => service.streams.size === 1);
  await page.evaluate(() => document.querySelector("lastcall-bell")!.remove());
  await until("no stream", () => service.streams.size === 0);
});

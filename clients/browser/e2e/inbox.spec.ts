// What the page does besides showing what is new: filters, preferences, announcements, people who take turns.

import { expect, type Locator } from "@playwright/test";
import { test } from "./deployment.js";
import { agree, inboxHas, Tab } from "./tab.js";

const rowsOf = (tab: Tab): Locator => tab.page.locator("#notifications .row");
const filter = (tab: Tab, state: "inbox" | "unread" | "archived"): Promise<void> =>
  tab.page.locator(`#state-filter input[value=${state}]`).check();

test("filters show what the inbox says, and follow what happens in other tabs", async ({ context, deployment }) => {
  const [here, there] = [await Tab.open(context, deployment), await Tab.open(context, deployment)];
  await deployment.tell(3);
  await agree([here, there], deployment, 3);
  await filter(here, "unread");
  await expect(rowsOf(here)).toHaveCount(3);
  await there.press(0, "read");
  await expect(rowsOf(here)).toHaveCount(2);
  await deployment.tell(1);
  await expect(rowsOf(here)).toHaveCount(3);

  await filter(here, "archived");
  await expect(here.page.locator("#notice")).toContainText("Nothing archived");
  await there.press(0, "archive");
  await expect(rowsOf(here)).toHaveCount(1);
  await here.press(0, "unarchive");
  await expect(rowsOf(here)).toHaveCount(0);
  await inboxHas(deployment, 3, 4);

  await filter(here, "inbox");
  await here.page.locator("#type-filter").selectOption("lastcall.funding.closing.v1");
  await expect(here.page.locator("#notice")).toContainText("None of this kind");
  await here.page.locator("#type-filter").selectOption("lastcall.coupon.expiring.v1");
  await expect(rowsOf(here)).toHaveCount(4);
  await here.page.locator("#type-filter").selectOption("");
  await agree([here, there], deployment, 3);
});

test("what is turned off arrives silently, and says so", async ({ context, deployment }) => {
  const [here, there] = [await Tab.open(context, deployment), await Tab.open(context, deployment)];
  await here.page.locator("#preferences-open").click();
  await here.page.getByRole("switch", { name: "Coupons that expire" }).uncheck();
  await here.page.getByRole("button", { name: "Save" }).click();
  await expect(here.page.locator("#preferences")).toBeHidden();

  await there.page.locator("#preferences-open").click();
  await expect(there.page.getByRole("switch", { name: "Coupons that expire" })).not.toBeChecked();
  await there.page.keyboard.press("Escape");

  await deployment.tell(2);
  await agree([here, there], deployment, 2);
  for (const tab of [here, there]) {
    await expect(tab.page.locator(".mark.silent")).toHaveText(["Silent: this kind is off", "Silent: this kind is off"]);
    expect(await tab.arrived()).toBe(0);
    await expect(tab.page.locator("#news .toast")).toHaveCount(0);
  }
  const { notifications } = await deployment.inbox();
  expect(notifications.map(({ silenced }) => silenced)).toEqual(["type_off", "type_off"]);
});

test("an announcement reaches everybody, once, in every tab", async ({ context, deployment }) => {
  const [here, there] = [await Tab.open(context, deployment), await Tab.open(context, deployment)];
  await here.page.locator("#announce-open").click();
  await here.page.getByLabel("Title").fill("Payments pause tonight");
  await here.page.getByLabel("Text").fill("From two to half past two.");
  await here.page.getByLabel("Link").fill("/status");
  await here.page.getByRole("button", { name: "Post to everybody" }).click();
  await expect(here.page.locator("#announce")).toBeHidden();
  await expect(there.page.locator("#news .title")).toHaveText("Payments pause tonight");
  await agree([here, there], deployment, 1);
  await expect(rowsOf(there).first()).toContainText("To everybody");
  await expect(rowsOf(there).first().getByRole("link")).toHaveAttribute("href", "/status");
  await there.press(0, "read");
  await inboxHas(deployment, 0, 1);
  await agree([here, there], deployment, 0);

  const another = await context.newPage();
  await another.goto(`${deployment.proxy.url}/?user=another`);
  await expect(another.locator("#bell")).toHaveAttribute("data-unread", "1");
});

test("all tabs go over to another person together, and back", async ({ context, deployment }) => {
  const [here, there] = [await Tab.open(context, deployment), await Tab.open(context, deployment)];
  await deployment.tell(2);
  await agree([here, there], deployment, 2);
  await here.page.locator("#user").selectOption("another");
  for (const tab of [here, there]) {
    await expect(tab.page.locator("#user")).toHaveValue("another");
    await tab.isLive();
    await expect(rowsOf(tab)).toHaveCount(0);
  }
  await expect.poll(() => deployment.edge.streams()).toBe(1);
  await there.page.locator("#user").selectOption("reader");
  for (const tab of [here, there]) await tab.isLive();
  await agree([here, there], deployment, 2);
  await expect.poll(() => deployment.edge.streams()).toBe(1);
});

test("toasts pop up only where somebody looks, and many at once are one", async ({ context, deployment }) => {
  const tab = await Tab.open(context, deployment);
  await deployment.tell(2);
  await expect(tab.page.locator("#news .toast")).toHaveCount(2);
  await deployment.tell(9);
  await expect(tab.page.locator("#news .toast").last()).toContainText("9 new notifications");

  const hidden = await Tab.open(context, deployment);
  await hidden.page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden" });
  });
  await deployment.tell(1);
  await expect.poll(() => hidden.arrived()).toBe(1);
  await agree([tab, hidden], deployment, 12);
  await expect(hidden.page.locator("#news .toast")).toHaveCount(0);
});

test("the page speaks Korean to those who do, and in the language that is chosen", async ({ browser, deployment }) => {
  const context = await browser.newContext({ locale: "ko-KR" });
  const tab = await Tab.open(context, deployment);
  await expect(tab.page.getByRole("heading", { name: "알림함" })).toBeVisible();
  const other = await Tab.open(context, deployment);
  await other.page.locator("#language input[value=en]").check();
  for (const { page } of [tab, other]) {
    await expect(page.getByRole("heading", { name: "Inbox" })).toBeVisible();
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
  }
  await context.close();
});

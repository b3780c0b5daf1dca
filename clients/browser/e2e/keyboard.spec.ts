// Everything without a mouse.

import { expect, type Page } from "@playwright/test";
import { test } from "./deployment.js";
import { agree, inboxHas, Tab } from "./tab.js";

/** What can have the focus by Tab: of each group of radio buttons the chosen one. */
const REACHABLE = "a[href], button:not(:disabled), select:not(:disabled), input:not([type=radio]), input[type=radio]:checked";

interface Focused {
  readonly key: string;
  readonly outlined: boolean;
}

async function focused(page: Page): Promise<Focused | null> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return null;
    // A radio button itself is not to be seen: what stands behind it shows the focus.
    const shown = element.matches("[type=radio]") ? (element.nextElementSibling as HTMLElement) : element;
    const { outlineStyle, outlineWidth } = getComputedStyle(shown);
    const all = [...document.querySelectorAll("*")];
    return { key: String(all.indexOf(element)), outlined: outlineStyle !== "none" && outlineWidth !== "0px" };
  });
}

test("everything can be reached by Tab, and it shows where one is", async ({ context, deployment }) => {
  const tab = await Tab.open(context, deployment);
  await deployment.tell(2);
  await agree([tab], deployment, 2);
  await expect(tab.page.locator("#news .toast")).toHaveCount(2);
  await tab.page.locator("#news").evaluate((news) => news.querySelectorAll("button").forEach((close) => close.click()));

  const wanted = await tab.page.evaluate((reachable) => {
    const all = [...document.querySelectorAll("*")];
    const shown = [...document.querySelectorAll<HTMLElement>(reachable)].filter((element) => element.checkVisibility());
    return shown.map((element) => String(all.indexOf(element)));
  }, REACHABLE);
  expect(wanted.length).toBeGreaterThan(15);
  const reached = new Map<string, Focused>();
  for (let step = 0; step < wanted.length + 5; step += 1) {
    await tab.page.keyboard.press("Tab");
    const at = await focused(tab.page);
    if (at !== null) reached.set(at.key, at);
  }
  expect([...reached.keys()].sort()).toEqual([...wanted].sort());
  expect([...reached.values()].filter(({ outlined }) => !outlined)).toEqual([]);
});

test("a list is worked through with single keys, which can be turned off", async ({ context, deployment }) => {
  const tab = await Tab.open(context, deployment);
  const { keyboard } = tab.page;
  await deployment.tell(3);
  await agree([tab], deployment, 3);
  const ids = (await tab.see()).rows.map(({ id }) => id);
  const at = () => tab.page.evaluate(() => document.activeElement?.closest<HTMLElement>(".row")?.dataset["id"]);

  await keyboard.press("j");
  expect(await at()).toBe(ids[0]);
  await keyboard.press("j");
  expect(await at()).toBe(ids[1]);
  await keyboard.press("u");
  await inboxHas(deployment, 2, 3);
  await keyboard.press("e");
  await inboxHas(deployment, 2, 2);
  // The focus goes on to the row that has taken the place.
  await expect.poll(at).toBe(ids[2]);
  await keyboard.press("k");
  expect(await at()).toBe(ids[0]);
  await keyboard.press("z");
  await inboxHas(deployment, 2, 3);
  await keyboard.press("a");
  await inboxHas(deployment, 0, 3);
  await agree([tab], deployment, 0);

  await keyboard.press("?");
  await expect(tab.page.locator("#shortcuts")).toBeVisible();
  await tab.page.getByRole("switch", { name: "Use single-key shortcuts" }).press("Space");
  await keyboard.press("Escape");
  await expect(tab.page.locator("#shortcuts")).toBeHidden();
  await keyboard.press("?");
  await expect(tab.page.locator("#shortcuts")).toBeHidden();
});

test("notifications and preferences can be worked on by Tab, Enter and Space alone", async ({ context, deployment }) => {
  const tab = await Tab.open(context, deployment);
  const { page } = tab;
  await deployment.tell(1);
  await agree([tab], deployment, 1);

  await page.keyboard.press("Tab");
  await expect(page.locator(".skip")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#list")).toBeFocused();
  const archive = page.locator(".row [data-action=archive]");
  await tabTo(page, ".row [data-action=archive]");
  await expect(archive).toBeVisible();
  await page.keyboard.press("Enter");
  await inboxHas(deployment, 0, 0);

  await page.locator("#preferences-open").focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("#preferences")).toBeVisible();
  await tabTo(page, "#quiet-on");
  await page.keyboard.press("Space");
  await tabTo(page, "#preferences [type=submit]");
  await page.keyboard.press("Enter");
  await expect(page.locator("#preferences")).toBeHidden();
  await expect(page.locator("#preferences-open")).toBeFocused();
  await expect(page.locator("#snack")).toContainText("Preferences saved");
});

async function tabTo(page: Page, selector: string): Promise<void> {
  const there = () => page.evaluate((selector) => document.activeElement?.matches(selector) === true, selector);
  for (let step = 0; step < 60 && !(await there()); step += 1) await page.keyboard.press("Tab");
  await expect(page.locator(selector)).toBeFocused();
}

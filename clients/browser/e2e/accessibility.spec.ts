// What axe finds, in each state of the page, and whether it fits on a small phone.

import { expect, type Page } from "@playwright/test";
import axe from "axe-core";
import { test } from "./deployment.js";
import { agree, Tab } from "./tab.js";

/** Straight into the page, past its policy, which lets in no script of another one. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const locale of ["en-US", "ko-KR"]) {
    test(`axe finds nothing to say about the page, ${colorScheme}, ${locale}`, async ({ browser, deployment }) => {
      // What moves is measured half-way, in colours that stay for no time.
      const context = await browser.newContext({ colorScheme, locale, reducedMotion: "reduce" });
      const tab = await Tab.open(context, deployment);
      const { page } = tab;
      expect(await violations(page), "nothing to list").toEqual([]);

      await deployment.tell(2);
      await agree([tab], deployment, 2);
      await tab.press(0, "read");
      await expect(page.locator(".row[data-read]")).toHaveCount(1);
      await page.locator(".row").first().hover();
      expect(await violations(page), "a list and toasts").toEqual([]);

      for (const dialog of ["preferences", "announce", "shortcuts"]) {
        await page.locator(`#${dialog}-open`).click();
        await expect(page.locator(`#${dialog}`)).toBeVisible();
        expect(await violations(page), dialog).toEqual([]);
        await page.keyboard.press("Escape");
      }
      deployment.proxy.refuse("everything");
      await expect(page.locator("#trouble")).toBeVisible();
      expect(await violations(page), "offline").toEqual([]);
      await context.close();
    });
  }
}

for (const locale of ["en-US", "ko-KR"]) {
  test(`the page fits on a screen of 360 pixels, with room for fingers, ${locale}`, async ({ browser, deployment }) => {
    const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, locale });
    const tab = await Tab.open(context, deployment);
    const { page } = tab;
    await deployment.dev.import("fundings", ["id", "title", "goal", "currency", "closes_at"], [
      ["f-long", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(2), "10", "EUR", inTwelveHours()],
    ]);
    await deployment.dev.import("follows", ["funding_id", "user_id"], [["f-long", "reader"]]);
    await deployment.dev.run("jobs", "run", "funding-closing");
    await deployment.tell(2);
    await agree([tab], deployment, 3);
    expect(await widest(page)).toBeLessThanOrEqual(360);
    expect(await tooSmall(page)).toEqual([]);
    for (const dialog of ["preferences", "announce", "shortcuts"]) {
      await page.locator(`#${dialog}-open`).tap();
      await expect(page.locator(`#${dialog}`)).toBeVisible();
      expect(await widest(page), dialog).toBeLessThanOrEqual(360);
      expect(await tooSmall(page), dialog).toEqual([]);
      await page.keyboard.press("Escape");
    }
    await context.close();
  });
}

function inTwelveHours(): string {
  return new Date(Date.now() + 43_200_000).toISOString();
}

/** How far the page, or anything in it, reaches to the right. */
async function widest(page: Page): Promise<number> {
  return page.evaluate(() => {
    const shown = [...document.querySelectorAll<HTMLElement>("body *")].filter((element) => element.checkVisibility());
    const outside = shown.filter((element) => element.closest(".vh, .skip, option") === null);
    return Math.max(document.documentElement.scrollWidth, ...outside.map((element) => element.getBoundingClientRect().right));
  });
}

/** What is pressed and has less than 44 pixels in height or width. Links in a line of text may have less. */
async function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const open = document.querySelector("dialog[open]") ?? document;
    const pressed = [...open.querySelectorAll<HTMLElement>("button, select, input, #bell")].filter((element) => element.checkVisibility());
    const small = pressed.filter((element) => {
      const target = element.closest("label") ?? element;
      const { width, height } = target.getBoundingClientRect();
      return Math.min(width, height) < 43.5;
    });
    return small.map((element) => `${element.outerHTML.slice(0, 120)} ${JSON.stringify(element.getBoundingClientRect())}`);
  });
}

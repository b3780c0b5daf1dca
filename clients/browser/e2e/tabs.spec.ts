// Three tabs of one person: one connection, and the same in all of them, whatever is done and whatever breaks.

import { expect, type BrowserContext } from "@playwright/test";
import { setTimeout as pause } from "node:timers/promises";
import { test, type Deployment } from "./deployment.js";
import { agree, inboxHas, Tab } from "./tab.js";

const PROXY_REFUSES_MS = 10_000;

async function threeTabs(context: BrowserContext, deployment: Deployment): Promise<[Tab, Tab, Tab]> {
  return [
    await Tab.open(context, deployment),
    await Tab.open(context, deployment),
    await Tab.open(context, deployment),
  ];
}

async function haveOneStream(tabs: readonly Tab[], { edge }: Deployment): Promise<Tab> {
  await expect.poll(() => edge.streams(), { intervals: [50] }).toBe(1);
  await expect.poll(() => tabs.filter((tab) => tab.leads).length, { intervals: [50] }).toBe(1);
  return tabs.find((tab) => tab.leads) as Tab;
}

/** All that a person does, in different tabs; four are unread before and after. */
async function everythingIsTheSame(tabs: readonly Tab[], deployment: Deployment): Promise<void> {
  const [a, b, c] = [tabs.at(0), tabs.at(-2), tabs.at(-1)] as [Tab, Tab, Tab];
  const listed = (await deployment.inbox()).notifications.length;
  const after = async (unread: number, rows: number) => {
    await inboxHas(deployment, unread, rows);
    await agree(tabs, deployment, unread);
  };
  await a.press(0, "read");
  await after(3, listed);
  await b.press(0, "unread");
  await after(4, listed);
  await c.press(1, "archive");
  await after(3, listed - 1);
  await c.undo();
  await after(4, listed);
  await a.page.locator("#read-all").click();
  await after(0, listed);
  await a.undo();
  await after(4, listed);
}

async function everyoneWasToldOnce(tabs: readonly Tab[], of: number): Promise<void> {
  for (const tab of tabs) await expect.poll(() => tab.arrived(), { intervals: [50] }).toBe(of);
}

test("three tabs hold one stream, and agree after everything that is done in any of them", async ({ context, deployment }) => {
  const tabs = await threeTabs(context, deployment);
  await haveOneStream(tabs, deployment);
  await agree(tabs, deployment, 0);
  await deployment.tell(4);
  await agree(tabs, deployment, 4);
  await everythingIsTheSame(tabs, deployment);
  await everyoneWasToldOnce(tabs, 4);
  await haveOneStream(tabs, deployment);

  const late = await Tab.open(context, deployment);
  await agree([...tabs, late], deployment, 4);
  await haveOneStream([...tabs, late], deployment);
});

for (const end of ["is closed", "crashes"] as const) {
  test(`another tab goes on when the one with the stream ${end}`, async ({ context, deployment }) => {
    const tabs = await threeTabs(context, deployment);
    await deployment.tell(2);
    await agree(tabs, deployment, 2);
    const leader = await haveOneStream(tabs, deployment);
    const others = tabs.filter((tab) => tab !== leader);

    // Whoever takes over is let in only when something has been told, so that it has to begin where the other one ended.
    deployment.proxy.refuse("edge");
    if (end === "is closed") await leader.page.close();
    else await crash(leader);
    await deployment.tell(2);
    await expect.poll(() => others.some((tab) => tab.asked)).toBe(true);
    deployment.proxy.passAgain();
    await agree(others, deployment, 4);
    await haveOneStream(others, deployment);
    await everyoneWasToldOnce(others, 4);
    await everythingIsTheSame(others, deployment);
    await everyoneWasToldOnce(others, 4);
  });
}

test("the tabs agree after the edge was killed and started again", async ({ context, deployment }) => {
  const tabs = await threeTabs(context, deployment);
  await deployment.tell(2);
  await agree(tabs, deployment, 2);
  await deployment.killEdge();
  await expect.poll(() => statesOf(tabs)).not.toContain("live");
  await deployment.tell(2);
  // The browser's own EventSource has given up by now.
  await expect.poll(() => deployment.proxy.count("/v1/stream", 502)).toBeGreaterThan(0);
  await deployment.startEdge();
  await agree(tabs, deployment, 4);
  await haveOneStream(tabs, deployment);
  await everyoneWasToldOnce(tabs, 4);
  await everythingIsTheSame(tabs, deployment);
});

test.describe("with tokens that end soon", () => {
  // Tokens are believed for ten seconds longer than they say, for clocks that differ.
  test.use({ options: ["--session=4s"] });

  test("the tabs agree after the token ended, and get another one", async ({ context, deployment }) => {
    const tabs = await threeTabs(context, deployment);
    await deployment.tell(2);
    await agree(tabs, deployment, 2);
    const signedIn = deployment.proxy.count("/dev/session", 204);
    await expect.poll(() => deployment.proxy.count("/v1/stream", 401)).toBeGreaterThan(0);
    await deployment.tell(2);
    await expect.poll(() => deployment.proxy.count("/dev/session", 204)).toBeGreaterThan(signedIn);
    await agree(tabs, deployment, 4);
    await haveOneStream(tabs, deployment);
    await everyoneWasToldOnce(tabs, 4);
  });
});

test("the tabs agree after a proxy answered 503 for ten seconds", async ({ context, deployment }) => {
  const tabs = await threeTabs(context, deployment);
  await deployment.tell(2);
  await agree(tabs, deployment, 2);
  deployment.proxy.refuse("everything");
  await deployment.tell(2);
  // Done meanwhile, and shown at once; the service is told when it can be.
  await tabs[1].press(1, "archive");
  await expect(tabs[1].page.locator("#notifications .row")).toHaveCount(1);
  await pause(PROXY_REFUSES_MS);
  expect(await statesOf(tabs)).not.toContain("live");
  // Nobody hammers a server that is in trouble: a stream and a poll for each try, tries further and further apart.
  expect(deployment.proxy.count("/v1/", 503)).toBeLessThan(40);
  deployment.proxy.passAgain();
  await inboxHas(deployment, 3, 3);
  await agree(tabs, deployment, 3);
  await haveOneStream(tabs, deployment);
  await everyoneWasToldOnce(tabs, 4);
  await deployment.tell(1);
  await agree(tabs, deployment, 4);
  await everythingIsTheSame(tabs, deployment);
});

async function statesOf(tabs: readonly Tab[]): Promise<(string | null)[]> {
  return Promise.all(tabs.map((tab) => tab.page.locator("#connection").getAttribute("data-state")));
}

/** As when the system kills a renderer. */
async function crash({ page }: Tab): Promise<void> {
  const crashed = page.waitForEvent("crash");
  const session = await page.context().newCDPSession(page);
  // There is nobody left to answer.
  session.send("Page.crash").catch(() => undefined);
  await crashed;
}

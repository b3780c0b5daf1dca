import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createClient, type Client } from "../src/index.js";
import { Locks } from "./locks.js";
import { coupon } from "./log.js";
import { Service } from "./service.js";
import { shows, until } from "./until.js";

let service: Service;
const clients: Client[] = [];

beforeEach(async () => {
  Object.defineProperty(globalThis, "navigator", { value: { locks: new Locks(), languages: ["en"] }, configurable: true });
  service = await Service.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await service.stop();
});

function open(user = "u1"): Client {
  const client = createClient({ url: service.url, user, pageSize: 2 });
  clients.push(client);
  client.start();
  return client;
}

const live = (client: Client) => shows(client, "live", ({ status }) => status === "live");

async function agree(tabs: Client[], what: string, unread: number): Promise<void> {
  for (const tab of tabs) await shows(tab, what, (snapshot) => snapshot.unread === unread);
}

test("all tabs of a person have one connection, one list and one count", async () => {
  service.append(coupon("one"));
  const tabs = [open(), open(), open()];
  for (const tab of tabs) await live(tab);
  const alerts = tabs.map((tab) => {
    const told: string[] = [];
    tab.on("notification", ({ title }) => told.push(title));
    return told;
  });
  service.publish(coupon("two"));
  await agree(tabs, "two", 2);
  await tabs[1]?.markAllRead();
  await agree(tabs, "none", 0);
  await until("all are told", () => alerts.every((told) => told.length === 1));
  assert.deepEqual(alerts, [["two"], ["two"], ["two"]]);
  assert.equal(service.count("GET /v1/stream"), 1);
  assert.equal(service.count("GET /v1/preferences"), 1);
  assert.deepEqual(tabs.map((tab) => tab.getSnapshot().notifications), tabs.map(() => tabs[0]!.getSnapshot().notifications));
});

test("when the tab that has the connection goes, another goes on from where it was", async () => {
  service.append(coupon("one"));
  const tabs = [open(), open(), open()];
  for (const tab of tabs) await live(tab);
  const alerts: string[] = [];
  tabs[2]?.on("notification", ({ title }) => alerts.push(title));
  const lists = service.count("GET /v1/notifications");
  tabs[0]?.close();
  service.append(coupon("meanwhile"));
  await agree(tabs.slice(1), "meanwhile", 2);
  assert.deepEqual(alerts, ["meanwhile"]);
  assert.equal(service.count("GET /v1/notifications"), lists, "nothing is loaded anew");
  await until("one stream", () => service.streams.size === 1);
  await tabs[2]?.markAllSeen();
  for (const tab of tabs.slice(1)) await shows(tab, "seen", ({ unseen }) => unseen === 0);
});

test("what only the leading tab does, the others have it do, and hear how it went", async () => {
  for (const title of ["one", "two", "three"]) service.append(coupon(title));
  const tabs = [open(), open()];
  for (const tab of tabs) await live(tab);
  await tabs[1]?.loadMore();
  for (const tab of tabs) await shows(tab, "all", ({ notifications }) => notifications.length === 3);
  service.fault = (_request, path) => (path === "/v1/notifications" ? { status: 403 } : null);
  await assert.rejects(tabs[1]!.refresh(), { problem: { type: "urn:lastcall:problem:test", title: "Refused", status: 403, detail: "it is 403" } });
});

test("a tab that leads and does not answer loses the lead", async () => {
  service.append(coupon("one"));
  // A frozen tab: it has the lock, and does nothing.
  const { locks } = globalThis.navigator;
  const name = `lastcall:${service.url}:u1`;
  let isRobbed = false;
  void locks.request(name, () => new Promise(() => {})).catch(() => (isRobbed = true));
  const tab = open();
  assert.equal(service.requests.length, 0);
  await live(tab);
  assert.equal(isRobbed, true);
});

test("clients of different people in one page keep to themselves", async () => {
  const tabs = [open("u1"), open("u2")];
  for (const tab of tabs) await live(tab);
  assert.equal(service.count("GET /v1/stream"), 2);
});

test("where there are no locks each tab has a connection of its own", async () => {
  Object.defineProperty(globalThis, "navigator", { value: { languages: ["en"] }, configurable: true });
  const tabs = [open(), open()];
  for (const tab of tabs) await live(tab);
  service.publish(coupon("one"));
  await agree(tabs, "one", 1);
  assert.equal(service.count("GET /v1/stream"), 2);
});

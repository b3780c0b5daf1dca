// Five devices of one person do random things while connections are cut, servers refuse and the table lags: every count agrees
// with the list that it comes with, and in the end all show what a replay of the log gives.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createClient, type Client, type Snapshot } from "../src/index.js";
import { coupon } from "./log.js";
import { random, type Random } from "./random.js";
import { Service } from "./service.js";
import { shows, until } from "./until.js";

const DEVICES = 5;
const STEPS = 120;
const SEED = Number(process.env["SEED"] ?? 1 + (Date.now() % 100_000));

/** Everything is loaded, so that the rows say what the counts have to be. */
function check({ notifications, unread, unseen, hasMore }: Snapshot): void {
  assert.equal(hasMore, false);
  const count = (is: (row: Snapshot["notifications"][number]) => boolean) => notifications.filter(is).length;
  assert.deepEqual({ unread, unseen }, { unread: count((row) => !row.read_at), unseen: count((row) => !row.seen_at) }, `SEED=${SEED}`);
  assert.equal(new Set(notifications.map(({ id }) => id)).size, notifications.length, `SEED=${SEED}: doubles`);
}

function act(client: Client, choose: Random): void {
  const { notifications } = client.getSnapshot();
  const what = choose.below(8);
  if (what === 0) void client.markAllRead();
  else if (what === 1) void client.markAllSeen();
  else if (notifications.length > 0) {
    const ids = [choose.one(notifications).id, choose.one(notifications).id];
    const verbs = ["markRead", "markRead", "markUnread", "markSeen", "archive", "unarchive"] as const;
    void client[choose.one(verbs)](ids);
  }
}

function disturb(service: Service, choose: Random): void {
  const what = choose.below(4);
  if (what === 0) service.cut();
  else if (what === 1) service.projected = service.projected === null ? service.log.head : null;
  else if (what === 2) service.fault = () => (choose.below(8) === 0 ? choose.one([{ status: 503 }, "cut", { status: 502 }]) : null);
  else service.fault = () => null;
}

test("devices of one person agree in the end, and are never wrong about their own list", async () => {
  const choose = random(SEED);
  mock.method(Math, "random", () => 0);
  const service = await Service.start();
  const clients = Array.from({ length: DEVICES }, () => createClient({ url: service.url, pageSize: 200 }));
  const broken: unknown[] = [];
  for (const client of clients) {
    client.subscribe(() => {
      if (broken.length > 0) return;
      try {
        check(client.getSnapshot());
      } catch (error) {
        broken.push(error);
      }
    });
  }
  for (const client of clients) client.start();
  for (const client of clients) await shows(client, "live", ({ status }) => status === "live");
  for (let step = 0; step < STEPS && broken.length === 0; step++) {
    const what = choose.below(20);
    if (what < 12 && service.log.rows(service.log.head).length < 60) service.publish(coupon(`${step}`));
    else if (what < 19) act(choose.one(clients), choose);
    else disturb(service, choose);
    await new Promise((resolve) => setTimeout(resolve, choose.below(20)));
  }
  assert.deepEqual(broken, [], `SEED=${SEED}`);
  service.fault = () => null;
  service.projected = null;
  // As when a network comes back. Node's EventSource, unlike a browser's, may wait forever for an answer that was cut off.
  for (const client of clients) await client.refresh().catch(() => {});
  // Whoever has something left to say says it; then nothing is written any more.
  let writes = -1;
  let quiet = 0;
  await until(`SEED=${SEED}: quiet`, () => {
    quiet = writes === service.writes.length ? quiet + 1 : 0;
    writes = service.writes.length;
    return quiet > 300;
  }, 60_000);
  for (const client of clients) {
    const all = `SEED=${SEED}: all of the log`;
    await shows(client, all, ({ cursor, status }) => cursor === service.log.at(service.log.head) && status === "live");
  }
  const { notifications, counts } = service.log.list(service.log.head, Number.POSITIVE_INFINITY);
  for (const client of clients) {
    const { unread, unseen, notifications: shown } = client.getSnapshot();
    assert.deepEqual({ unread, unseen }, counts, `SEED=${SEED}`);
    assert.deepEqual(shown, notifications, `SEED=${SEED}`);
    client.close();
  }
  assert.deepEqual(broken, [], `SEED=${SEED}`);
  mock.restoreAll();
  await service.stop();
});

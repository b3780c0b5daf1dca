import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "../src/index.js";
import { coupon } from "./log.js";
import { Service } from "./service.js";
import { shows } from "./until.js";

test("a client lists, hears, acts, and shows what it did", async () => {
  const service = await Service.start();
  service.append(coupon("one"));
  const client = createClient({ url: service.url });
  assert.equal(client.getSnapshot().status, "connecting");
  const told: string[] = [];
  client.on("notification", ({ title }) => told.push(title));
  client.start();
  client.start();
  await shows(client, "live", ({ status }) => status === "live");
  assert.equal(client.getSnapshot(), client.getSnapshot(), "the same object until something changes");
  service.publish(coupon("two"));
  const { notifications, unread, unseen } = await shows(client, "two", (snapshot) => snapshot.notifications.length === 2);
  assert.deepEqual({ unread, unseen, told }, { unread: 2, unseen: 2, told: ["two"] });
  const ids = notifications.map(({ id }) => id);
  await client.markSeen(ids);
  await client.markRead(ids.slice(0, 1));
  assert.deepEqual([client.getSnapshot().unread, client.getSnapshot().unseen], [1, 0]);
  await client.markUnread(ids);
  assert.equal(client.getSnapshot().unread, 2);
  await client.muteFunding("f/1");
  await client.muteFunding("f-2");
  await client.unmuteFunding("f/1");
  assert.deepEqual(client.getSnapshot().preferences?.muted_fundings, ["f-2"]);
  await client.archive(ids.slice(1));
  await client.archiveAll();
  const end = await shows(client, "the service's", ({ cursor }) => cursor === service.log.at(service.log.head));
  assert.deepEqual([end.notifications.length, end.unread, end.hasMore], [0, 0, false]);
  await client.unarchive(ids);
  const back = await shows(client, "taken back", (snapshot) => snapshot.notifications.length === 2);
  assert.equal(back.unread, 2);
  client.close();
  await service.stop();
});

test("more ids than one change may name are sent in parts", async () => {
  const service = await Service.start();
  const ids = Array.from({ length: 450 }, (_, number) => {
    service.append(coupon(`${number}`));
    return service.log.events.at(-1)!.event.id;
  });
  const client = createClient({ url: service.url });
  client.start();
  await client.markRead(ids);
  assert.deepEqual(service.writes.map(({ body }) => (body["ids"] as string[]).length), [200, 200, 50]);
  await shows(client, "all", ({ unread, cursor }) => unread === 0 && cursor !== null);
  client.close();
  await service.stop();
});

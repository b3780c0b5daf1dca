import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { createClient, Refused, type Client, type Options } from "../src/index.js";
import { coupon } from "./log.js";
import { Service } from "./service.js";
import { shows, until } from "./until.js";

let service: Service;
const clients: Client[] = [];

beforeEach(async () => {
  service = await Service.start();
  // The shortest of the delays.
  mock.method(Math, "random", () => 0);
});

afterEach(async () => {
  mock.restoreAll();
  for (const client of clients.splice(0)) client.close();
  await service.stop();
});

function client(options: Options = {}): Client {
  const made = createClient({ url: service.url, ...options });
  clients.push(made);
  return made;
}

/** A client that is live, and what it alerted of. */
async function live(options: Options = {}): Promise<{ made: Client; alerts: string[] }> {
  const made = client(options);
  const alerts: string[] = [];
  made.on("notification", ({ title }) => alerts.push(title));
  made.start();
  await shows(made, "live", ({ status }) => status === "live");
  return { made, alerts };
}

const titles = (made: Client) => made.getSnapshot().notifications.map(({ title }) => title);

test("what is told while a connection is cut is told once, in order, and alerted of", async () => {
  service.append(coupon("before"));
  const { made, alerts } = await live();
  service.publish(coupon("one"));
  await shows(made, "one", ({ unread }) => unread === 2);
  service.cut();
  service.append(coupon("two"));
  service.append(coupon("three"));
  await shows(made, "all", ({ unread }) => unread === 4);
  assert.deepEqual(titles(made), ["three", "two", "one", "before"]);
  assert.deepEqual(alerts, ["one", "two", "three"]);
  assert.equal(service.count("GET /v1/notifications"), 1, "nothing is fetched for what the stream says");
});

test("a proxy's 502 and 503 close an EventSource for good, and not a client", async () => {
  const { made } = await live();
  let refused = 0;
  service.fault = () => (++refused % 2 ? { status: 502 } : { status: 503, headers: { "content-type": "text/html" } });
  service.cut();
  await shows(made, "offline", ({ status }) => status === "offline");
  service.append(coupon("meanwhile"));
  service.fault = () => null;
  await shows(made, "live again", ({ status }) => status === "live");
  await shows(made, "what was missed", ({ unread }) => unread === 1);
  assert.ok(refused > 1);
});

test("a server that is gone and comes back is found again", async () => {
  const { made } = await live();
  const { port } = service;
  const { log } = service;
  await service.stop();
  await shows(made, "offline", ({ status }) => status === "offline");
  service = new Service();
  for (const { event } of log.events) service.log.append(event);
  service.log.append(coupon("new"));
  await service.listen(port);
  await shows(made, "new", ({ unread, status }) => unread === 1 && status === "live");
});

test("a stream on which nothing comes any more is left for another one", async () => {
  service.heartbeatMs = 100_000;
  const { made } = await live();
  const streams = service.count("GET /v1/stream");
  const later = Date.now() + 60_000;
  mock.method(Date, "now", () => later);
  await until("another stream", () => service.count("GET /v1/stream") > streams);
  mock.restoreAll();
  await shows(made, "live", ({ status }) => status === "live");
});

test("heartbeats keep a quiet stream, and move the position", async () => {
  const { made } = await live();
  service.log.append(coupon("for somebody else")); // its sequence is all that this client hears of
  service.log.events.pop();
  await shows(made, "moved", ({ cursor }) => cursor === service.log.at(1));
  assert.equal(service.count("GET /v1/stream"), 1);
});

test("a refused token is asked for again, and without a good one the client waits signed out", async () => {
  service.tokens = new Set(["t1"]);
  let next = "t1";
  let asked = 0;
  const { made } = await live({
    token: async () => {
      asked++;
      return next;
    },
  });
  assert.equal(asked, 1);
  service.tokens = new Set(["t2"]);
  service.cut();
  await shows(made, "signed out", ({ status }) => status === "signed-out");
  next = "t2";
  service.append(coupon("meanwhile"));
  await shows(made, "back", ({ status, unread }) => status === "live" && unread === 1);
  assert.ok(service.requests.filter((line) => line.startsWith("GET /v1/stream")).every((line) => line.includes("ticket=")));
});

test("with a cookie that ended the client is signed out until it is told to try again", async () => {
  const { made } = await live();
  service.tokens = new Set();
  service.cut();
  await shows(made, "signed out", ({ status }) => status === "signed-out");
  service.tokens = null;
  await made.refresh();
  await shows(made, "back", ({ status }) => status === "live");
});

test("a token that is about to end is replaced, and the stream with it", async () => {
  service.tokens = new Set(["t1", "t2"]);
  const tokens = ["t1", "t2"];
  const { made } = await live({ token: async () => tokens.shift() ?? "none" });
  for (const stream of service.streams) {
    stream.write(service.block('event: reauth\ndata: {"expires_at":"2026-11-22T09:30:00Z"}\n'));
  }
  await until("another stream", () => service.count("GET /v1/stream?") === 2);
  service.tokens.delete("t1");
  service.publish(coupon("one"));
  await shows(made, "one", ({ unread, status }) => unread === 1 && status === "live");
  assert.deepEqual(tokens, []);
});

test("where streams do not get through, it is polled", async () => {
  service.fault = (_request, path) => (path === "/v1/stream" ? { status: 502 } : null);
  const made = client();
  const alerts: string[] = [];
  made.on("notification", ({ title }) => alerts.push(title));
  made.start();
  await shows(made, "polling", ({ status }) => status === "polling");
  const cursor = service.publish(coupon("one"));
  await shows(made, "one", ({ unread }) => unread === 1);
  assert.equal(made.getSnapshot().cursor, cursor);
  assert.deepEqual(alerts, ["one"]);
});

test("transport poll opens no stream", async () => {
  const made = client({ transport: "poll" });
  made.start();
  await shows(made, "polling", ({ status }) => status === "polling");
  service.publish(coupon("one"));
  await shows(made, "one", ({ unread }) => unread === 1);
  assert.equal(service.count("/v1/stream"), 0);
});

test("a gap loads the list anew, until it reaches where the stream goes on, and the preferences with it", async () => {
  service.append(coupon("one"));
  const { made, alerts } = await live();
  const gaps: string[] = [];
  made.on("gap", ({ reason }) => gaps.push(reason));
  service.projected = 1;
  service.append(coupon("two"));
  service.append({ type: "lastcall.preferences.changed.v1", data: { preferences: { mutedFundings: ["f-lamp"] } } });
  service.expired = 3;
  service.cut();
  await until("a gap", () => gaps.length > 0);
  service.projected = null;
  const { preferences, cursor, unread } = await shows(made, "all", ({ notifications }) => notifications.length === 2);
  assert.deepEqual({ gaps, alerts, unread, cursor }, { gaps: ["expired"], alerts: [], unread: 2, cursor: service.log.at(3) });
  assert.deepEqual(preferences?.muted_fundings, ["f-lamp"]);
});

test("another log takes the place of the one that was known", async () => {
  service.append(coupon("old"));
  const { made } = await live();
  service.log.epoch = "0123456789ab";
  service.cut();
  service.publish(coupon("new"));
  await shows(made, "the new log", ({ cursor, unread }) => cursor === service.log.at(2) && unread === 2);
  assert.ok(made.getSnapshot().notifications.every(({ cursor }) => cursor.startsWith("0123456789ab.")));
});

test("what is no JSON, of an unknown type or malformed moves the position and breaks nothing", async () => {
  const { made } = await live();
  for (const data of ["no json", "null", "[]", '{"type":7}', '{"type":"lastcall.unheard.v9","id":"x"}', '{"type":"a","data":{"words":5}}']) {
    service.log.append(coupon("set aside"));
    service.log.events.pop();
    for (const stream of service.streams) stream.write(service.block(`data: ${data}\n`));
    await shows(made, data, ({ cursor }) => cursor === service.log.at(service.log.head));
  }
  assert.deepEqual(titles(made), []);
  assert.equal(service.count("GET /v1/stream"), 1);
});

test("what is silenced or expired is listed and not alerted of", async () => {
  const { made, alerts } = await live();
  await made.setPreferences({ types_off: [], quiet_hours: null, muted_fundings: ["f-lamp"] });
  await shows(made, "muted", ({ preferences, cursor }) => preferences?.muted_fundings.length === 1 && cursor === service.log.at(1));
  service.publish(coupon("silenced"));
  service.publish(coupon("expired", { expirytime: "2001-01-01T00:00:00Z", data: { fundingId: "f-other" } }));
  service.publish(coupon("news", { data: { fundingId: "f-other" } }));
  const { notifications } = await shows(made, "all", ({ unread }) => unread === 3);
  assert.deepEqual(notifications.map(({ silenced, expired }) => [silenced, expired]), [[null, false], [null, true], ["funding_muted", false]]);
  assert.deepEqual(alerts, ["news"]);
});

test("an answer to an action that got lost does not make it happen twice", async () => {
  service.append(coupon("one"));
  const { made } = await live();
  const [row] = made.getSnapshot().notifications;
  let attempts = 0;
  service.fault = (request, path) => {
    if (path !== "/v1/notifications/state") return null;
    attempts++;
    if (attempts === 1) return { status: 503 };
    if (attempts > 2) return null;
    // It is done, and nobody is told.
    const key = request.headers["idempotency-key"] as string;
    service.repeat(key, { change: "read", ids: [row!.id] });
    return "cut";
  };
  const done = made.markRead([row!.id]);
  assert.equal(made.getSnapshot().unread, 0, "it is shown at once");
  await done;
  assert.equal(attempts, 3);
  assert.equal(service.writes.length, 1);
  await shows(made, "the service's", ({ cursor, unread }) => cursor === service.log.at(2) && unread === 0);
});

test("what the service refuses for good is taken back, and said", async () => {
  service.append(coupon("one"));
  const { made } = await live();
  await assert.rejects(made.markRead(["00000000-0000-4000-8000-000000000000"]), (error) => error instanceof Refused && error.problem.status === 404);
  assert.equal(made.getSnapshot().error?.status, 404);
  const [row] = made.getSnapshot().notifications;
  await made.markRead([row!.id]);
  assert.equal(made.getSnapshot().error, null);
});

test("what was done is never seen undone while the service and its table catch up", async () => {
  for (let count = 0; count < 5; count++) service.append(coupon(`${count}`));
  const { made } = await live();
  const counts: number[] = [];
  made.subscribe(() => counts.push(made.getSnapshot().unread));
  service.projected = 5;
  await made.markAllRead();
  service.publish(coupon("later"));
  await shows(made, "later", ({ unread }) => unread === 1);
  service.projected = null;
  await shows(made, "the service's", ({ cursor }) => cursor === service.log.at(7));
  assert.ok(counts.every((count) => count <= 1), counts.join());
  assert.equal(made.getSnapshot().unread, 1);
});

test("older pages come on demand, and stay when the list is read anew", async () => {
  for (let count = 0; count < 7; count++) service.append(coupon(`${count}`));
  const { made } = await live({ pageSize: 3 });
  assert.equal(made.getSnapshot().hasMore, true);
  await made.loadMore();
  assert.deepEqual(titles(made), ["6", "5", "4", "3", "2", "1"]);
  await made.archive([made.getSnapshot().notifications[1]!.id]);
  await shows(made, "read anew", ({ cursor }) => cursor === service.log.at(8));
  assert.deepEqual(titles(made), ["6", "4", "3", "2", "1", "0"]);
  assert.equal(made.getSnapshot().hasMore, false);
});

test("closing ends everything", async () => {
  const { made } = await live();
  service.fault = (_request, path) => (path.endsWith("/state") ? { status: 503 } : null);
  const done = made.markRead(["x"]);
  made.close();
  await assert.rejects(done);
  await until("no stream", () => service.streams.size === 0);
  const { length } = service.requests;
  service.cut();
  await new Promise((resolve) => setTimeout(resolve, 50));
  made.start();
  assert.equal(service.requests.length, length);
});

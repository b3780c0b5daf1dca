import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, withChanges, type Verb } from "../src/change.js";
import { EMPTY, extended, missed, moved, read, told, want, type Inbox, type Page } from "../src/inbox.js";
import { asOf, fromEvent } from "../src/notification.js";
import { coupon, Log, number } from "./log.js";
import { random, type Random } from "./random.js";

const PAGE = 5;
const VERBS: Verb[] = ["seen", "read", "unread", "archived", "unarchived"];

function page(log: Log, upTo: number, limit: number, before?: number): Page {
  const { notifications, next, counts, cursor } = log.list(upTo, limit, before);
  return { rows: notifications, next: next ?? null, ...counts, cursor: cursor ?? null };
}

function change(log: Log, choose: Random): void {
  const rows = log.rows(log.head);
  const verb = choose.one(VERBS);
  const isAll = !verb.startsWith("un") && choose.below(4) === 0;
  const target = isAll
    ? { upTo: `${choose.below(log.head + 1)}` }
    : { notificationIds: [choose.one(rows), choose.one(rows)].map(({ id }) => id) };
  const data = { change: `STATE_CHANGE_${verb.toUpperCase()}`, ...target };
  log.append({ type: "lastcall.notification.state.changed.v1", time: `at ${log.head}`, data }, choose.below(3));
}

/** What the list at the snapshot's cursor is, as far as it is shown. */
function check(inbox: Inbox, log: Log, seed: number): void {
  if (inbox.cursor === null) return;
  const upTo = number(inbox.cursor);
  const expected = log.list(upTo, Number.POSITIVE_INFINITY);
  const all = expected.notifications;
  const known = [...inbox.rows];
  // What came while the list has to be read anew is shown already, and is above the cursor.
  const later = known.filter((row) => number(row.cursor) > upTo);
  assert.ok(later.length === 0 || inbox.wanted !== null, `seed ${seed}: rows above a cursor that nothing holds back`);
  assert.deepEqual(known.slice(later.length), all.slice(0, known.length - later.length), `seed ${seed}: the rows`);
  if (inbox.wanted === null) {
    assert.deepEqual({ unread: inbox.unread, unseen: inbox.unseen }, expected.counts, `seed ${seed}: the counts`);
    assert.equal(inbox.next === null, known.length === all.length, `seed ${seed}: whether there is more`);
  }
}

/** One client: hears the log in order, reads the list when it has to, late and from tables that lag. */
function run(seed: number): void {
  const choose = random(seed);
  const log = new Log();
  for (let count = choose.below(12); count > 0; count--) log.append(coupon(`before ${count}`), choose.below(2));
  let heard = log.head;
  let inbox = read(EMPTY, page(log, heard, PAGE));
  const events = () => log.events.filter(({ sequence }) => sequence > heard);
  for (let step = 0; step < 60; step++) {
    const what = choose.below(10);
    if (what < 3) log.append(coupon(`at ${step}`), choose.below(3));
    else if (what < 5 && log.rows(log.head).length > 0) change(log, choose);
    else if (what < 8) {
      const [next] = events();
      if (next) {
        heard = next.sequence;
        const position = log.at(heard);
        const row = fromEvent(next.event, position, ["en"]);
        inbox = row ? told(inbox, asOf(row, Date.now())) : { ...want(inbox, position), position };
        // What comes twice, as after a cut, changes nothing.
        if (row && choose.below(3) === 0) assert.deepEqual(told(inbox, row), { ...inbox, position });
      } else if (log.head > heard) {
        inbox = moved(inbox, log.at((heard = log.head)));
      }
    } else if (what < 9 && inbox.next !== null) {
      const before = inbox.next;
      // Older rows are read as they are at the cursor; a page that is newer is made good by the event that is on its way.
      if (inbox.cursor && inbox.wanted === null) {
        inbox = extended(inbox, page(log, number(inbox.cursor), PAGE, number(before)), before);
      }
    } else if (inbox.wanted !== null) {
      const least = Math.max(number(inbox.wanted), number(inbox.cursor ?? "e.0"));
      const at = least + choose.below(log.head - least + 1);
      const size = Math.ceil(inbox.rows.length / PAGE) * PAGE || PAGE;
      inbox = read(inbox, page(log, at, size));
    }
    check(inbox, log, seed);
  }
  for (const { sequence, event } of events()) {
    const row = fromEvent(event, log.at(sequence), ["en"]);
    inbox = row ? told(inbox, asOf(row, Date.now())) : { ...want(inbox, log.at(sequence)), position: log.at(sequence) };
  }
  if (inbox.wanted !== null) inbox = read(inbox, page(log, log.head, inbox.rows.length || PAGE));
  check(inbox, log, seed);
  assert.equal(inbox.wanted, null, `seed ${seed}`);
  assert.ok(number(inbox.cursor ?? "e.0") >= number(log.events.at(-1) ? log.at(log.events.at(-1)!.sequence) : "e.0"));
}

test("whatever is heard and read in whatever order, rows and counts are what a replay up to the cursor gives", () => {
  for (let seed = 1; seed <= 300; seed++) run(seed);
});

test("after a gap nothing counts as known before the list was read", () => {
  const log = new Log();
  log.append(coupon("one"));
  const before = read(EMPTY, page(log, 1, PAGE));
  const after = missed(before, log.at(9));
  assert.equal(after.cursor, null);
  assert.equal(read(after, page(log, 1, PAGE)).wanted, log.at(9), "a table that is behind is not enough");
  for (let count = 0; count < 8; count++) log.append(coupon(`${count}`));
  const known = read(after, page(log, 9, PAGE));
  assert.equal(known.wanted, null);
  assert.equal(known.cursor, log.at(9));
});

test("rows of a log that was replaced are gone with it", () => {
  const old = new Log();
  old.append(coupon("old"));
  const log = new Log();
  log.epoch = "other";
  log.append(coupon("new"));
  const known = read(missed(read(EMPTY, page(old, 1, PAGE)), log.at(1)), page(log, 1, PAGE));
  assert.deepEqual(known.rows.map(({ title }) => title), ["new"]);
  assert.equal(known.cursor, log.at(1));
});

test("what is shown of a change is what the service will say, whether it is in the list already or not", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const choose = random(seed);
    const log = new Log();
    for (let count = 0; count < 8; count++) log.append(coupon(`${count}`));
    for (let count = choose.below(4); count > 0; count--) change(log, choose);
    const upTo = log.head;
    const inbox = read(EMPTY, page(log, upTo, 3 + choose.below(8)));
    const verb = choose.one(VERBS.filter((each) => each !== "unarchived"));
    const isAll = verb !== "unread" && choose.below(2) === 0;
    if (!isAll && inbox.rows.length === 0) continue;
    const target = isAll ? log.at(upTo) : [choose.one(inbox.rows).id];
    const at = "2026-11-22T00:00:00Z";
    const shown = withChanges(inbox, [{ verb, target, at }]);
    const data = { change: `STATE_CHANGE_${verb.toUpperCase()}`, ...(isAll ? { upTo } : { notificationIds: target }) };
    log.append({ type: "lastcall.notification.state.changed.v1", time: at, data });
    const then = log.list(log.head, 100);
    assert.deepEqual({ unread: shown.unread, unseen: shown.unseen }, then.counts, `seed ${seed}: ${verb}`);
    assert.deepEqual(shown.rows, then.notifications.slice(0, shown.rows.length), `seed ${seed}: ${verb}`);
    const included = read(EMPTY, page(log, log.head, 100));
    assert.deepEqual(withChanges(included, [{ verb, target, at }]), included, `seed ${seed}: done twice`);
  }
});

test("what is done twice keeps the instant of the first time", () => {
  const log = new Log();
  log.append(coupon("one"));
  const row = log.rows(1)[0]!;
  const once = changed(row, "read", "t1");
  assert.deepEqual(changed(once, "read", "t2"), once);
  assert.deepEqual(changed(once, "archived", "t2"), { ...once, archived_at: "t2" });
  assert.equal(changed(once, "unread", "t2").seen_at, "t1");
});

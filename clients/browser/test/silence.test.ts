import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromEvent as read, fundingOf, type CloudEvent } from "../src/notification.js";
import { fromEvent, silence, type Silence } from "../src/preferences.js";

interface Case {
  name: string;
  preferences: Parameters<typeof fromEvent>[0];
  event: { type: string; subject?: string; fundingId?: string };
  at: string;
  silence: Silence | null;
}

const FIXTURES = "../../proto-schemas/fixtures";
const cases = JSON.parse(readFileSync(`${FIXTURES}/silence.json`, "utf8")) as Case[];

for (const { name, preferences, event, at, silence: expected } of cases) {
  test(`silence: ${name}`, () => {
    const { type, subject, fundingId } = event;
    const funding = fundingOf({ id: "", type, ...(subject ? { subject } : {}), data: fundingId ? { fundingId } : {} });
    assert.equal(silence(fromEvent(preferences), type, funding, new Date(at)), expected);
  });
}

test("the table of cases has some of each", () => {
  for (const reason of ["type_off", "funding_muted", "quiet_hours", null]) {
    assert.ok(cases.some((each) => each.silence === reason), `${reason}`);
  }
});

test("a zone that the browser does not know silences nothing", () => {
  const preferences = fromEvent({ quietHours: { from: "00:00", to: "23:59", timeZone: "Mars/Olympus" } });
  assert.equal(silence(preferences, "a", null, new Date("2026-11-22T12:00:00Z")), null);
});

test("events as the log has them become notifications in the reader's language", () => {
  const event = (name: string) => JSON.parse(readFileSync(`${FIXTURES}/${name}.json`, "utf8")) as CloudEvent;
  const coupon = read(event("lastcall.coupon.expiring.v1"), "e.7", ["en"]);
  assert.equal(coupon?.title, "쿠폰이 곧 만료됩니다");
  assert.equal(coupon?.audience, "personal");
  assert.equal(coupon?.cursor, "e.7");
  const posted = read(event("lastcall.announcement.posted.v1"), "e.8", ["en"]);
  assert.equal(posted?.audience, "everybody");
  assert.equal(posted?.link, "/news/1");
  const words = ["ko", "en-GB", "en", "fr"].map((locale) => ({ locale, title: locale, body: "" }));
  const said = (languages: string[]) => read({ id: "1", type: "a", data: { words } }, "e.1", languages)?.title;
  assert.equal(said(["de", "en"]), "en");
  assert.equal(said(["en-GB"]), "en-GB");
  assert.equal(said(["en-US"]), "en-GB", "the first of that language");
  assert.equal(said(["de"]), "ko", "the first, where none is spoken");
});

test("what says nothing to people is no notification", () => {
  for (const data of [undefined, {}, { words: [] }, { words: null }, { words: { locale: "en" } }]) {
    const event = { id: "1", type: "lastcall.unheard.of.v9", ...(data ? { data } : {}) } as CloudEvent;
    assert.equal(read(event, "e.1", ["en"]), null);
  }
});

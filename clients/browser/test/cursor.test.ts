import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, reaches } from "../src/cursor.js";

test("positions of one log compare as numbers do, beyond what a number holds", () => {
  assert.ok(compare("e.9", "e.10") < 0);
  assert.ok(compare("e.10", "e.9") > 0);
  assert.equal(compare("e.10", "e.10"), 0);
  assert.ok(compare("e.9007199254740993", "e.9007199254740992") > 0);
  for (let round = 0; round < 1_000; round++) {
    const [a, b] = [0, 0].map(() => BigInt(Math.floor(Math.random() * 2 ** 50)) << BigInt(Math.floor(Math.random() * 13)));
    assert.equal(Math.sign(compare(`e.x.${a}`, `e.x.${b}`)), a! < b! ? -1 : a! > b! ? 1 : 0, `${a} and ${b}`);
  }
});

test("positions of different logs, and what is no position, do not compare", () => {
  for (const [a, b] of [["e.1", "f.2"], ["", "e.1"], ["e.1", ""], ["1", "2"], ["e.f.1", "e.1"]] as const) {
    assert.ok(Number.isNaN(compare(a, b)), `${a} and ${b}`);
    assert.equal(reaches(a, b), false);
  }
  assert.equal(reaches(null, "e.1"), false);
  assert.equal(reaches("e.2", "e.1"), true);
});

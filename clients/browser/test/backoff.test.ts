import assert from "node:assert/strict";
import { test } from "node:test";
import { delay, pause } from "../src/backoff.js";

test("delays double up to a minute, over the whole range above a floor", () => {
  for (const [failures, most] of [[0, 1_000], [1, 2_000], [3, 8_000], [6, 60_000], [2_000, 60_000]] as const) {
    assert.equal(delay(failures, 0), 1_000);
    assert.equal(delay(failures, 1), 1_000 + most);
    const all = Array.from({ length: 1_000 }, () => delay(failures));
    assert.ok(all.every((each) => each >= 1_000 && each < 1_000 + most));
    assert.ok(Math.max(...all) - Math.min(...all) > most * 0.9, "they are spread over the range");
  }
});

test("a pause ends at once when it is aborted, also before it began", async () => {
  const stop = new AbortController();
  const began = performance.now();
  const paused = pause(60_000, stop.signal);
  stop.abort();
  await paused;
  await pause(60_000, stop.signal);
  assert.ok(performance.now() - began < 5_000);
});

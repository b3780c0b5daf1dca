// When to try again. Everybody who lost the same server at the same instant must not come back at the same instant, so the
// time is random over the whole range ("full jitter"), above a floor that a server which is starting up can bear.

const FLOOR_MS = 1_000;
const BASE_MS = 1_000;
const CAP_MS = 60_000;

/** How long to wait after the n-th failure in a row, counted from 0. `random` is from [0, 1). */
export function delay(failures: number, random = Math.random()): number {
  return FLOOR_MS + random * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}

/** Waits, or until the signal aborts; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over);
  });
}

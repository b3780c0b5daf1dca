// Waits for what is to become so, and not longer.

import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Snapshot } from "../src/index.js";

const PATIENCE_MS = 10_000;

export async function until(what: string, holds: () => boolean, patience = PATIENCE_MS): Promise<void> {
  const deadline = Date.now() + patience;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`it did not become so: ${what}`);
    await sleep(5);
  }
}

/** Waits for a snapshot of that kind, and says which one it was. */
export async function shows(client: Client, what: string, holds: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  try {
    await until(what, () => holds(client.getSnapshot()));
  } catch (error) {
    const { notifications, ...rest } = client.getSnapshot();
    const titles = notifications.map(({ title }) => title);
    throw new Error(`${(error as Error).message}; it is ${JSON.stringify({ titles, ...rest })}`);
  }
  return client.getSnapshot();
}

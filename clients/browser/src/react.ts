// The client's snapshots in React.

import { useMemo, useSyncExternalStore } from "react";
import type { Client, Snapshot } from "./client.js";

/** What the client knows now, and what can be done. It renders again when that changes; the functions stay the same. */
export function useNotifications(client: Client): Client & Snapshot {
  const snapshot = useSyncExternalStore(client.subscribe, client.getSnapshot, client.getSnapshot);
  return useMemo(() => ({ ...client, ...snapshot }), [client, snapshot]);
}

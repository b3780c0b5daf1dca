// The client's snapshots in React.

import { useMemo, useSyncExternalStore } from "react";
import type { Client, Snapshot } from "./client.js";

/** What can be done, bound to a client. */
export type Actions = Omit<Client, "subscribe" | "getSnapshot" | "on" | "start" | "close">;

/** What the client knows now, and what can be done. It renders again when that changes; the actions stay the same. */
export function useNotifications(client: Client): Snapshot & Actions {
  const snapshot = useSyncExternalStore(client.subscribe, client.getSnapshot, client.getSnapshot);
  const actions = useMemo(() => actionsOf(client), [client]);
  return useMemo(() => ({ ...snapshot, ...actions }), [snapshot, actions]);
}

function actionsOf(client: Client): Actions {
  return {
    loadMore: () => client.loadMore(),
    refresh: () => client.refresh(),
    markSeen: (ids) => client.markSeen(ids),
    markRead: (ids) => client.markRead(ids),
    markUnread: (ids) => client.markUnread(ids),
    archive: (ids) => client.archive(ids),
    unarchive: (ids) => client.unarchive(ids),
    markAllSeen: () => client.markAllSeen(),
    markAllRead: () => client.markAllRead(),
    archiveAll: () => client.archiveAll(),
    setPreferences: (preferences) => client.setPreferences(preferences),
    muteFunding: (id) => client.muteFunding(id),
    unmuteFunding: (id) => client.unmuteFunding(id),
  };
}

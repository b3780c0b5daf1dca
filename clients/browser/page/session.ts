// Who is signed in: one person, from being picked until another one is. All tabs share one cookie, so all switch together;
// a tab that went on with the person it shows would get another one's notifications.

import { createClient, type Client } from "@lastcall/client";
import { byId, h } from "./dom.js";
import * as server from "./server.js";

const KEPT = "lastcall:user";
const RENEWALS_APART_MS = 2_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

export interface Session {
  readonly user: server.User;
  readonly client: Client;
  /** Aborted when another person is picked. */
  readonly ended: AbortSignal;
}

const tabs = new BroadcastChannel("lastcall:session");
const users = new Map<string, server.User>();
let end: AbortController | null = null;

/** Fills the picker and signs in, as the person that the address names. `begin` is called for each one who is picked. */
export async function startSessions(begin: (session: Session) => void): Promise<"started" | "nobody"> {
  const picker = byId<HTMLSelectElement>("user");
  for (const user of await insist(server.users, new AbortController().signal)) {
    users.set(user.id, user);
    const place = user.time_zone?.split("/").pop()?.replaceAll("_", " ");
    picker.append(h("option", { value: user.id }, place === undefined ? user.id : `${user.id} · ${place}`));
  }
  const first = users.values().next();
  if (first.done) return "nobody";

  picker.disabled = false;
  picker.addEventListener("change", () => become(picker.value, begin));
  tabs.addEventListener("message", ({ data }) => {
    if (data !== picker.value) become(data, begin);
  });
  const asked = [new URLSearchParams(location.search).get("user"), localStorage.getItem(KEPT)];
  become(asked.find((id) => id !== null && users.has(id)) ?? first.value.id, begin);
  return "started";
}

function become(id: string, begin: (session: Session) => void): void {
  const user = users.get(id);
  if (user === undefined) return;
  end?.abort();
  end = new AbortController();
  const ended = end.signal;
  byId<HTMLSelectElement>("user").value = id;
  history.replaceState(null, "", `?${new URLSearchParams({ user: id })}`);
  localStorage.setItem(KEPT, id);
  tabs.postMessage(id);

  const client = createClient({ user: id, fetch: server.fetchInLanguage });
  ended.addEventListener("abort", () => client.close());
  begin({ user, client, ended });
  void insist(() => server.signIn(id), ended).then(() => {
    client.subscribe(() => {
      if (client.getSnapshot().status === "signed-out") void renew(id, client, ended);
    });
    client.start();
  }, quietly);
}

/** The cookie's token has ended. One tab after the other looks, and the first one gets another for all. */
async function renew(id: string, client: Client, ended: AbortSignal): Promise<void> {
  await navigator.locks.request("lastcall:sign-in", async () => {
    if (ended.aborted || client.getSnapshot().status !== "signed-out") return;
    await insist(() => server.signIn(id), ended);
    await client.refresh();
    // A server that refuses what it has just given must not be asked in a loop.
    await pause(RENEWALS_APART_MS);
  }).catch(quietly);
}

/** Tries until it works or somebody else is picked: the server may be away for a while. */
async function insist<T>(step: () => Promise<T>, ended: AbortSignal): Promise<T> {
  for (let longest = FIRST_PAUSE_MS; ; longest = Math.min(longest * 2, LONGEST_PAUSE_MS)) {
    try {
      const done = await step();
      ended.throwIfAborted();
      return done;
    } catch {
      ended.throwIfAborted();
      await pause(longest * (0.5 + Math.random() / 2));
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}

/** Whoever has been replaced by another person has nothing to say any more. */
function quietly(error: unknown): void {
  if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
}

// The tabs of a person: one leads, the others hear from it. Each says here what it wants to be done and is told here what is so,
// whoever leads. Where tabs cannot hear one another, or not agree (no channel, no locks), each leads itself.

import type { Cursor } from "./cursor.js";
import { createElection, type Election } from "./election.js";
import type { News } from "./feed.js";
import { Refused, type Problem } from "./problem.js";

/** So long a leader may take to answer before another tab takes its place. */
const ANSWER_MS = 3_000;
/** What a leader was asked to do is given up after that. */
const TASK_MS = 30_000;
/** What is known is told no more often than this: after a night away there may be a thousand things to hear. */
const TELL_EVERY_MS = 100;

/** What only the tab that leads does. */
export type Task = [name: "loadMore" | "refresh"] | [name: "want", cursor: Cursor];

type Message =
  | News
  | { says: "hello" }
  | { says: "do"; task: Task; request: number }
  | { says: "done"; request: number; problem: Problem | null };

/** One tab. */
export interface Role {
  lead(): void;
  follow(): void;
  perform(task: Task): Promise<void>;
  hear(news: News): void;
}

export interface Tabs {
  join(): void;
  leave(): void;
  /** Asks for what is known, and takes the lead if nobody answers. */
  check(): void;
  /** Has the leader do something. */
  perform(...task: Task): Promise<void>;
  /** Says it to the others. Of what is known the latest suffices; it goes before whatever is said after it. */
  tell(news: News): void;
}

/** The tabs that know one another by that name. */
export function createTabs(name: string, role: Role): Tabs {
  const waiting = new Map<number, (problem: Problem | null) => void>();
  let election: Election | undefined;
  let channel: BroadcastChannel | undefined;
  let leads = false;
  let answered = 0;
  let known: News | undefined;
  let toldAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const lead = (now: boolean) => {
    if (now === leads) return;
    leads = now;
    if (leads) role.lead();
    else role.follow();
  };

  const post = (message: Message) => channel?.postMessage(message);

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    toldAt = Date.now();
    if (known) post(known);
  };

  const receive = ({ data }: MessageEvent<Message>) => {
    if (data.says === "done") {
      waiting.get(data.request)?.(data.problem);
    } else if (data.says === "hello") {
      if (leads) flush();
    } else if (data.says === "do") {
      const { request, task } = data;
      const done = (error: Partial<Refused> | void) => post({ says: "done", request, problem: error?.problem ?? null });
      if (leads) role.perform(task).then(done, done);
    } else if (!leads) {
      answered = Date.now();
      role.hear(data);
    }
  };

  const tabs: Tabs = {
    join() {
      const locks = globalThis.navigator?.locks;
      if (!locks || !globalThis.BroadcastChannel) return lead(true);
      if (!channel) {
        channel = new BroadcastChannel(name);
        channel.onmessage = receive;
      }
      election ??= createElection(locks, name, lead);
      election.stand();
      tabs.check();
    },
    leave() {
      election?.resign();
      lead(false);
      channel?.close();
      channel = undefined;
    },
    check() {
      if (leads || !channel) return;
      const asked = Date.now();
      post({ says: "hello" });
      setTimeout(() => {
        if (channel && answered < asked && !globalThis.document?.hidden) election?.seize();
      }, ANSWER_MS);
    },
    perform(...task) {
      if (leads) return role.perform(task);
      const request = Math.random();
      return new Promise((resolve, reject) => {
        const done = (problem: Problem | null) => {
          clearTimeout(timer);
          waiting.delete(request);
          if (problem) reject(new Refused(problem));
          else resolve();
        };
        const timer = setTimeout(done, TASK_MS, null);
        waiting.set(request, done);
        post({ says: "do", task, request });
      });
    },
    tell(news) {
      if (news.says !== "known") {
        flush();
        post(news);
        return;
      }
      known = news;
      const wait = toldAt + TELL_EVERY_MS - Date.now();
      if (wait <= 0) flush();
      else timer ??= setTimeout(flush, wait);
    },
  };
  return tabs;
}

// The tabs of a person: one leads, the others hear from it. Each says here what it wants to be done and is told here what is so,
// whoever leads. Where tabs cannot be told apart from one another (no locks, no channel), each leads itself.

import type { Asked, Message, Task, Told } from "./channel.js";
import { Election } from "./election.js";
import { Refused, type Problem } from "./problem.js";

/** So long a leader may take to answer before another tab takes its place. */
const ANSWER_MS = 3_000;
/** What a leader was asked to do is given up after that. */
const TASK_MS = 30_000;
/** What is known is told no more often than this: after a night away there may be a thousand things to hear. */
const TELL_EVERY_MS = 100;

/** What a tab does. */
export interface Role {
  lead(): void;
  follow(): void;
  /** Somebody asked the leader, which this is. */
  asked(message: Exclude<Asked, { says: "do" }>): void;
  perform(task: Task): Promise<void>;
  /** The leader, which this is not, says. */
  heard(message: Exclude<Told, { says: "done" }>): void;
}

export class Tabs {
  readonly #name: string;
  readonly #role: Role;
  readonly #waiting = new Map<string, (problem: Problem | null) => void>();
  #election: Election | null = null;
  #channel: BroadcastChannel | null = null;
  #leads = false;
  #answered = 0;
  #latest: Told | null = null;
  #toldAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string, role: Role) {
    this.#name = name;
    this.#role = role;
  }

  get leads(): boolean {
    return this.#leads;
  }

  join(): void {
    const locks = globalThis.navigator?.locks;
    if (!locks || typeof BroadcastChannel === "undefined") return this.#elected();
    if (!this.#channel) {
      this.#channel = new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data);
    }
    this.#election ??= new Election(locks, this.#name, {
      elected: () => this.#elected(),
      deposed: () => this.#deposed(),
    });
    this.#election.stand();
    this.check();
  }

  leave(): void {
    if (this.#election) this.#election.resign();
    else this.#deposed();
    this.#channel?.close();
    this.#channel = null;
  }

  /** Asks for what is known, and takes the lead if nobody answers. */
  check(): void {
    if (this.#leads || !this.#channel) return;
    const asked = Date.now();
    this.#channel.postMessage({ says: "hello" } satisfies Asked);
    setTimeout(() => {
      const isVisible = globalThis.document?.visibilityState !== "hidden";
      if (this.#channel && this.#answered < asked && isVisible) this.#election?.seize();
    }, ANSWER_MS);
  }

  /** Asks the leader, if that is another tab. */
  ask(message: Exclude<Asked, { says: "do" }>): void {
    if (this.#leads) this.#role.asked(message);
    else this.#channel?.postMessage(message);
  }

  /** Has the leader do something. */
  perform(task: Task): Promise<void> {
    if (this.#leads) return this.#role.perform(task);
    const request = crypto.randomUUID();
    return new Promise((resolve, reject) => {
      const done = (problem: Problem | null) => {
        clearTimeout(timer);
        this.#waiting.delete(request);
        if (problem) reject(new Refused(problem));
        else resolve();
      };
      const timer = setTimeout(done, TASK_MS, null);
      this.#waiting.set(request, done);
      this.#channel?.postMessage({ says: "do", task, request } satisfies Asked);
    });
  }

  /** Says it to the others. Of what is known the latest suffices; it goes before whatever is said after it. */
  tell(message: Told): void {
    if (message.says !== "known") {
      this.#flush();
      this.#channel?.postMessage(message);
      return;
    }
    this.#latest = message;
    const wait = this.#toldAt + TELL_EVERY_MS - Date.now();
    if (wait <= 0) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#latest) return;
    this.#toldAt = Date.now();
    this.#channel?.postMessage(this.#latest);
    this.#latest = null;
  }

  #receive(message: Message): void {
    switch (message.says) {
      case "known":
      case "told":
      case "gap":
        this.#answered = Date.now();
        if (!this.#leads) this.#role.heard(message);
        break;
      case "done":
        this.#waiting.get(message.request)?.(message.problem);
        break;
      case "do":
        if (this.#leads) void this.#perform(message);
        break;
      default:
        if (this.#leads) this.#role.asked(message);
    }
  }

  async #perform({ task, request }: Extract<Asked, { says: "do" }>): Promise<void> {
    const problem = await this.#role.perform(task).then(
      () => null,
      (error: unknown) => (error instanceof Refused ? error.problem : null),
    );
    this.tell({ says: "done", request, problem });
  }

  #elected(): void {
    if (this.#leads) return;
    this.#leads = true;
    this.#role.lead();
  }

  #deposed(): void {
    if (!this.#leads) return;
    this.#flush();
    this.#leads = false;
    this.#role.follow();
  }
}

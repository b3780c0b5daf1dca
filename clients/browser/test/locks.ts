// Web Locks for tabs that are clients in one process: exclusive locks with a queue, and stealing. Node 20 has none.

interface Waiting {
  begin(): void;
}

export class Locks {
  readonly #held = new Map<string, { release(): void; rob(): void }>();
  readonly #queues = new Map<string, Waiting[]>();

  request(name: string, ...rest: [() => Promise<unknown>] | [LockOptions, () => Promise<unknown>]): Promise<unknown> {
    const [options, callback] = rest.length === 1 ? [{}, rest[0]] : rest;
    return new Promise((resolve, reject) => {
      const next = () => this.#queues.get(name)?.shift()?.begin();
      const waiting: Waiting = {
        begin: () => {
          const lock = {
            release: () => {
              if (this.#held.get(name) !== lock) return;
              this.#held.delete(name);
              next();
            },
            rob: () => reject(new DOMException("stolen", "AbortError")),
          };
          this.#held.set(name, lock);
          callback().then(resolve, reject).finally(lock.release);
        },
      };
      if (options.steal) {
        this.#held.get(name)?.rob();
        return waiting.begin();
      }
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      options.signal?.addEventListener("abort", () => {
        const place = queue.indexOf(waiting);
        if (place < 0) return;
        queue.splice(place, 1);
        reject(options.signal?.reason);
      });
      if (this.#held.has(name)) queue.push(waiting);
      else queueMicrotask(() => (this.#held.has(name) ? queue.push(waiting) : waiting.begin()));
    });
  }
}

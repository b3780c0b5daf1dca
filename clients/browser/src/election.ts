// Which tab of a person holds the connection: the one that has the lock. A tab that is closed, killed or put away gives it up,
// and the next in the queue has it. What neither answers nor gives it up (a tab that the browser froze) is robbed of it.

/** Who is told. Between the two it leads. */
export interface Candidate {
  elected(): void;
  deposed(): void;
}

interface Term {
  resign: AbortController;
  leads: boolean;
}

export class Election {
  readonly #locks: LockManager;
  readonly #name: string;
  readonly #candidate: Candidate;
  #term: Term | null = null;

  constructor(locks: LockManager, name: string, candidate: Candidate) {
    this.#locks = locks;
    this.#name = name;
    this.#candidate = candidate;
  }

  /** Waits to be elected, if it does not already. */
  stand(): void {
    if (!this.#term) this.#run({ resign: new AbortController(), leads: false }, false);
  }

  /** Takes the lock from whoever has it. */
  seize(): void {
    if (this.#term?.leads) return;
    this.resign();
    this.#run({ resign: new AbortController(), leads: false }, true);
  }

  /** Gives up the lock, or the wait for it. */
  resign(): void {
    const term = this.#term;
    this.#term = null;
    term?.resign.abort();
    if (term?.leads) this.#candidate.deposed();
  }

  #run(term: Term, steal: boolean): void {
    const { signal } = term.resign;
    const lead = () => {
      term.leads = true;
      this.#candidate.elected();
    };
    const held = () =>
      new Promise<void>((release) => {
        if (signal.aborted) return release();
        signal.addEventListener("abort", () => release());
        lead();
      });
    const over = () => {
      if (this.#term !== term) return;
      // Where there is no lock to be had (a page without an origin), each leads for itself.
      if (!term.leads) return lead();
      // Robbed. It waits for it like the others.
      this.resign();
      this.stand();
    };
    this.#term = term;
    // A request that steals cannot be taken back, and need not be: it is granted at once.
    this.#locks.request(this.#name, steal ? { steal } : { signal }, held).then(over, over);
  }
}

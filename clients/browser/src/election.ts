// Which tab of a person holds the connection: the one that has the lock. A tab that is closed, killed or put away gives it up,
// and the next in the queue has it. What neither answers nor gives it up (a tab that the browser froze) is robbed of it.

interface Term {
  /** Aborted to give up the lock, or the wait for it. */
  end: AbortController;
  leads: boolean;
}

export interface Election {
  /** Waits to be elected. */
  stand(): void;
  /** Takes the lock from whoever has it. */
  seize(): void;
  /** Gives up the lock, or the wait for it. */
  resign(): void;
}

/** `tell` says when this tab begins to lead, and when it ends. */
export function createElection(locks: LockManager, name: string, tell: (leads: boolean) => void): Election {
  let current: Term | undefined;

  const run = (steal: boolean) => {
    const term: Term = { end: new AbortController(), leads: false };
    const { signal } = term.end;
    const lead = () => {
      term.leads = true;
      tell(true);
    };
    const held = () =>
      new Promise<void>((release) => {
        if (signal.aborted) return release();
        signal.addEventListener("abort", () => release());
        lead();
      });
    const over = () => {
      if (current !== term) return;
      // Where there is no lock to be had (a page without an origin), each leads for itself.
      if (!term.leads) return lead();
      // Robbed. It waits for it like the others.
      election.resign();
      election.stand();
    };
    current = term;
    // A request that steals cannot be taken back, and need not be: it is granted at once.
    locks.request(name, steal ? { steal } : { signal }, held).then(over, over);
  };

  const election: Election = {
    stand() {
      if (!current) run(false);
    },
    seize() {
      if (current?.leads) return;
      election.resign();
      run(true);
    },
    resign() {
      const term = current;
      current = undefined;
      term?.end.abort();
      if (term?.leads) tell(false);
    },
  };
  return election;
}

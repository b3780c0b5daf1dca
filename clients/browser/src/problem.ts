// What a service said that it would not do, as RFC 9457 has it.

/** Problem details. `status` is 0 where no answer came at all. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
}

/** A request that came to nothing. */
export class Refused extends Error {
  constructor(
    readonly problem: Problem,
    /** For so long the service does not want to be asked again, in milliseconds; 0 where it did not say. */
    readonly retryAfter = 0,
  ) {
    super(problem.detail || problem.title);
    this.name = "Refused";
  }

  /** Whether the same request will be refused again, whenever it is made. A missing token is not: it can be had. */
  get isLasting(): boolean {
    const { status } = this.problem;
    return status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);
  }
}

/** What an answer that is no success says. */
export async function refusal(answer: Response): Promise<Refused> {
  const said: Partial<Problem> = await answer.json().catch(() => ({}));
  const seconds = Number(answer.headers.get("retry-after"));
  const problem = {
    type: said?.type ?? "about:blank",
    title: said?.title ?? answer.statusText,
    status: answer.status,
    detail: said?.detail ?? "",
  };
  return new Refused(problem, seconds > 0 ? seconds * 1_000 : 0);
}

/** That no answer came. */
export function unreachable(error: unknown): Refused {
  const detail = error instanceof Error ? error.message : "";
  return new Refused({ type: "about:blank", title: "The service cannot be reached", status: 0, detail });
}

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
  }

  /** Whether the same request will be refused again, whenever it is made. A token that is missing can be had. */
  get isLasting(): boolean {
    return /^4(?!01|08|25|29)/.test(`${this.problem.status}`);
  }
}

const UNSAID = { type: "about:blank", detail: "" };

/** What an answer says that is no success, with what it could be read to say. */
export function refusal({ status, statusText: title, headers }: Response, body: Partial<Problem>): Refused {
  return new Refused({ ...UNSAID, title, ...body, status }, Number(headers.get("retry-after")) * 1_000 || 0);
}

/** That no answer came. */
export function unreachable(error: unknown): Refused {
  return new Refused({ ...UNSAID, title: "offline", detail: `${error}`, status: 0 });
}

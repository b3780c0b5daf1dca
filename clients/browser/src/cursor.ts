// Positions in the log, `<epoch>.<sequence>`. The epoch tells logs apart; sequences of one log grow, beyond what a number holds
// exactly, and are written without leading zeros. So the longer one is the later one, and digits do the rest.

/** A position as the services write it. */
export type Cursor = string;

/** Below zero where `a` comes before `b`, zero where they are the same, NaN where they are of different logs. */
export function compare(a: Cursor, b: Cursor): number {
  const [dotA, dotB] = [a.lastIndexOf("."), b.lastIndexOf(".")];
  if (dotA < 0 || a.slice(0, dotA) !== b.slice(0, dotB)) return Number.NaN;
  const [x, y] = [a.slice(dotA), b.slice(dotB)];
  return x.length - y.length || (x < y ? -1 : Number(x > y));
}

/** Whether what is true at `at` includes everything up to `target`. Never where they are of different logs. */
export function reaches(at: Cursor | null, target: Cursor): boolean {
  return !!at && compare(at, target) >= 0;
}

// The built binary as processes, as they run in production; only the ports are free ones.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const BINARY = resolve(ROOT, process.env["CARGO_TARGET_DIR"] ?? "target", "debug/lastcall");
const LIMIT_MS = 60_000;
const POLL_MS = 10;

/** With these options nothing is done by the clock: a test alone decides what happens. */
export const CLOCK_OFF = ["coupon_expiring", "funding_closing", "funding_settlement", "alert_due"].map(
  (job) => `--set=scheduler.${job}.schedule.cron=0 0 0 29 2 *`,
);

/** Polls until there is something. */
export async function eventually<T>(what: string, look: () => Promise<T | null | undefined>): Promise<T> {
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await pause(POLL_MS)) {
    const found = await look();
    if (found !== null && found !== undefined) return found;
  }
  throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
}

/** One process, and what it has written. */
export class Process {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[]) {
    // What is set for the one who runs the tests says nothing about the test.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("LASTCALL_"));
    const env = { ...Object.fromEntries(inherited), LASTCALL_NATS_SERVER: natsServer() };
    this.child = spawn(BINARY, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.on("data", (data: Buffer) => (this.stdout += String(data)));
    this.child.stderr?.on("data", (data: Buffer) => (this.stderr += String(data)));
    this.child.on("error", (error) => (this.stderr += String(error)));
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  /** Waits for what `look` finds, and fails when the process ends before. */
  async until<T>(what: string, look: () => Promise<T | null | undefined>): Promise<T> {
    return eventually(what, async () => {
      if (this.ended) throw new Error(`${what}: the process has ended\n${this.stdout}${this.stderr}`);
      return look();
    });
  }

  /** The rest of the first line that begins so. */
  async said(start: string): Promise<string> {
    return this.until(`it says "${start}"`, async () => {
      const line = this.stdout.split("\n").slice(0, -1).find((line) => line.startsWith(start));
      return line?.slice(start.length);
    });
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.ended) return;
    const exit = once(this.child, "exit");
    this.child.kill(signal);
    await exit;
  }
}

/** Looked for as the tests in Rust do. */
function natsServer(): string {
  const ours = join(ROOT, ".tools/venv/bin/nats-server");
  return process.env["LASTCALL_NATS_SERVER"] ?? (existsSync(ours) ? ours : "nats-server");
}

/** Edges of a `dev`, as processes beside it. */
export class Edge {
  readonly #process: Process;
  readonly http: string;
  readonly #admin: string;

  private constructor(process: Process, http: string, admin: string) {
    [this.#process, this.http, this.#admin] = [process, http, admin];
  }

  static async start(endpoints: string): Promise<Edge> {
    const process = new Process(["edge", "--http=127.0.0.1:0", "--set=admin.listen=127.0.0.1:0", "--endpoints", endpoints]);
    const http = await process.said("listening on ");
    const edge = new Edge(process, http, await process.said("admin on "));
    await process.until("the edge is ready", async () => {
      const answer = await fetch(`${edge.#admin}/readyz`).catch(() => null);
      return answer?.ok === true ? true : null;
    });
    return edge;
  }

  /** How many streams it counts as open. */
  async streams(): Promise<number> {
    const metrics = await (await fetch(`${this.#admin}/metrics`)).text();
    const line = metrics.split("\n").find((line) => line.startsWith("lastcall_edge_streams "));
    if (line === undefined) throw new Error(`the edge does not say how many streams it has:\n${metrics}`);
    return Number(line.split(" ")[1]);
  }

  async kill(): Promise<void> {
    await this.#process.stop("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#process.stop("SIGINT");
    await this.#process.stop("SIGKILL");
  }
}

/** A `lastcall dev` on a folder of its own. */
export class Dev {
  readonly http: string;
  readonly #process: Process;
  readonly #folder: string;

  private constructor(process: Process, folder: string, http: string) {
    [this.#process, this.#folder, this.http] = [process, folder, http];
  }

  static async start(...options: readonly string[]): Promise<Dev> {
    const folder = await mkdtemp(join(tmpdir(), "lastcall-e2e-"));
    const process = new Process(["dev", "--data", folder, "--http=127.0.0.1:0", ...options]);
    const endpoints = join(folder, "endpoints.json");
    await process.until("dev comes up", async () => (existsSync(endpoints) ? true : null));
    const { http } = JSON.parse(await readFile(endpoints, "utf8")) as { http: string };
    return new Dev(process, folder, http);
  }

  get endpoints(): string {
    return join(this.#folder, "endpoints.json");
  }

  /** Runs a command to its end, which has to be a success, and gives what it wrote. */
  async run(...args: readonly string[]): Promise<string> {
    const command = new Process([...args, "--endpoints", this.endpoints]);
    await once(command.child, "close");
    if (command.child.exitCode !== 0) throw new Error(`lastcall ${args.join(" ")}: ${command.stdout}${command.stderr}`);
    return command.stdout;
  }

  async import(kind: string, columns: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
    const file = join(this.#folder, `${kind}.csv`);
    const quoted = [columns, ...rows].map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(","));
    await writeFile(file, `${quoted.join("\n")}\n`);
    await this.run("import", kind, file);
  }

  /** Asked first: one that is killed leaves its nats-server behind. */
  async stop(): Promise<void> {
    await this.#process.stop("SIGTERM");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

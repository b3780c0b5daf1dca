// The jobs of this `dev`, to be run by hand.

import { ago } from "./clock.js";
import { busy, byId, h } from "./dom.js";
import { t } from "./language.js";
import { jobs, runJob, type Job } from "./server.js";

/** Times that have just passed are those of runs under way. */
const SOONEST_MS = 1_000;

export async function showJobs(): Promise<void> {
  for (const job of await jobs()) {
    const row = document.querySelector<HTMLElement>(`[data-job-row="${CSS.escape(job.name)}"]`) ?? add(job.name);
    const name = nameOf(job.name);
    row.querySelector(".name")!.textContent = name;
    const next = row.querySelector<HTMLElement>(".next")!;
    next.textContent = job.next === null ? t().notScheduled : t().next(ago(Math.max(Date.parse(job.next), Date.now() + SOONEST_MS)));
    next.title = `${job.cron} · ${job.zone}`;
    const button = row.querySelector("button")!;
    button.textContent = t().run;
    button.setAttribute("aria-label", t().runNow(name));
  }
}

function nameOf(job: string): string {
  const names: Readonly<Record<string, string>> = t().jobNames;
  return names[job] ?? job;
}

function add(name: Job["name"]): HTMLElement {
  const result = h("output");
  const button = h("button", { type: "button", class: "button", "data-job": name });
  button.addEventListener("click", () => void busy(button, () => run(name, result)));
  const row = h("li", { "data-job-row": name }, h("p", { class: "name" }), h("p", { class: "next" }), button, result);
  byId("jobs").append(row);
  return row;
}

async function run(name: string, result: HTMLOutputElement): Promise<void> {
  try {
    const counts = await runJob(name);
    result.dataset["emitted"] = String(counts.emitted);
    const skipped = counts.skipped > 0 ? t().skippedRows(counts.skipped) : "";
    result.textContent = t().ran(counts.emitted, counts.already_emitted) + skipped;
    result.toggleAttribute("data-failed", false);
  } catch (error) {
    result.textContent = error instanceof Error ? error.message : String(error);
    result.toggleAttribute("data-failed", true);
  }
}

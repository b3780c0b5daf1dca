// The page's language: chosen here before, else the browser's. The choice holds for all tabs of this browser.

import { choose, onChoice } from "./dom.js";
import { en, type Words } from "./words/en.js";
import { ko } from "./words/ko.js";

const TABLES = { en, ko } as const;
export type Language = keyof typeof TABLES;

const KEPT = "lastcall:language";
const listeners = new Set<() => void>();
let current: Language = kept() ?? preferred();

/** The texts of the present language. */
export function t(): Words {
  return TABLES[current];
}

export function language(): Language {
  return current;
}

/** Calls back when another language was chosen, here or in another tab. */
export function onLanguage(listener: () => void): void {
  listeners.add(listener);
}

/** Fills in what index.html leaves open, and follows the switch in the footer. */
export function startLanguage(): void {
  fill();
  onChoice("language", (value) => {
    if (!isLanguage(value)) return;
    localStorage.setItem(KEPT, value);
    become(value);
  });
  addEventListener("storage", ({ key }) => {
    if (key === KEPT) become(kept() ?? preferred());
  });
}

function become(chosen: Language): void {
  current = chosen;
  fill();
  for (const listener of listeners) listener();
}

function fill(): void {
  document.documentElement.lang = current;
  choose("language", current);
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) {
    element.textContent = text(element.dataset["t"]);
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-t-label]")) {
    element.setAttribute("aria-label", text(element.dataset["tLabel"]));
    element.title = element.matches("button") ? text(element.dataset["tLabel"]) : "";
  }
}

function text(key: string | undefined): string {
  const found: unknown = key === undefined ? undefined : t()[key as keyof Words];
  if (typeof found !== "string") throw new Error(`index.html names a text that there is not: ${key}`);
  return found;
}

function kept(): Language | null {
  const value = localStorage.getItem(KEPT);
  return isLanguage(value) ? value : null;
}

function preferred(): Language {
  const known = navigator.languages.map((tag) => tag.split("-")[0] ?? null).find(isLanguage);
  return known ?? "en";
}

function isLanguage(value: string | null): value is Language {
  return value === "en" || value === "ko";
}

// Light or dark: as the system has it, unless chosen here before. The choice holds for all tabs of this browser.

import { choose, onChoice } from "./dom.js";

const KEPT = "lastcall:theme";

/** Follows the switch in the footer. */
export function startTheme(): void {
  show();
  onChoice("theme", (value) => {
    localStorage.setItem(KEPT, value);
    show();
  });
  addEventListener("storage", ({ key }) => {
    if (key === KEPT) show();
  });
}

function show(): void {
  const kept = localStorage.getItem(KEPT);
  const theme = kept === "light" || kept === "dark" ? kept : "auto";
  document.documentElement.dataset["theme"] = theme;
  choose("theme", theme);
}

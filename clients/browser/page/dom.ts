// What little is needed to make elements. What people wrote is set as text, never as markup.

type Child = Node | string;

export interface Attributes {
  readonly [name: string]: string | number | boolean | null | undefined | ((event: Event) => void);
}

/** An element with these attributes; `onclick` and the like are listeners, `false` and `null` leave one out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.replace(/^on/, ""), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** The element with this id, which the page has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Puts these rows into the list. Rows that stay are left where they are, so that nothing loses focus, jumps or blinks. */
export function place(list: HTMLElement, rows: readonly HTMLElement[]): void {
  const wanted = new Set<Element>(rows);
  for (const row of [...list.children]) if (!wanted.has(row)) row.remove();
  rows.forEach((row, index) => {
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
}

/** A button that cannot be pressed twice while its work is under way. Stays focusable, so that focus is not lost. */
export async function busy(button: HTMLElement, work: () => Promise<void>): Promise<void> {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** Which of the radio buttons in this group is chosen; `listener` hears of each other choice. */
export function onChoice(group: string, listener: (value: string) => void): void {
  byId(group).addEventListener("change", (event) => listener((event.target as HTMLInputElement).value));
}

export function choose(group: string, value: string): void {
  for (const input of byId(group).querySelectorAll("input")) input.checked = input.value === value;
}

// Dialogs are the browser's own: they keep the focus inside, close with Escape, and give the focus back.

import { byId, h, type Attributes } from "./dom.js";
import { glyph } from "./glyphs.js";
import { t } from "./language.js";

/** Shows what is in `children` in the dialog of this id, under this heading. */
export function openDialog(id: string, heading: string, ...children: readonly (Node | string)[]): HTMLDialogElement {
  const dialog = byId<HTMLDialogElement>(id);
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t().close, onclick: () => dialog.close() }, glyph("close"));
  const title = h("h2", { id: dialog.getAttribute("aria-labelledby") ?? "" }, heading);
  dialog.replaceChildren(h("header", {}, title, close), ...children);
  dialog.showModal();
  return dialog;
}

/** A form that is sent with `send` and closes when that has worked; what is refused is said in it. */
export function formOf(dialog: string, send: () => Promise<void>, submit: string, ...fields: readonly Node[]): HTMLFormElement {
  const refusal = h("p", { class: "refusal", role: "alert" });
  const close = () => byId<HTMLDialogElement>(dialog).close();
  const cancel = h("button", { type: "button", class: "button", onclick: close }, t().cancel);
  const ok = h("button", { type: "submit", class: "button primary" }, submit);
  const form = h("form", {}, ...fields, refusal, h("div", { class: "buttons" }, cancel, ok));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (ok.getAttribute("aria-disabled") === "true") return;
    ok.setAttribute("aria-disabled", "true");
    send()
      .then(close, (error: unknown) => (refusal.textContent = error instanceof Error ? error.message : String(error)))
      .finally(() => ok.removeAttribute("aria-disabled"));
  });
  return form;
}

/** A field with its label above it. */
export function field(label: string, input: HTMLElement, hint: string | null = null): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, label), input, ...(hint === null ? [] : [h("span", { class: "hint" }, hint)]));
}

/** Something to be on or off. */
export function toggle(label: string, on: boolean, attributes: Attributes = {}): [HTMLElement, HTMLInputElement] {
  const input = h("input", { type: "checkbox", role: "switch", checked: on, ...attributes });
  return [h("label", { class: "switch" }, h("span", {}, label), input), input];
}

/** A group of fields under a heading of its own. */
export function group(heading: string, ...children: readonly Node[]): HTMLFieldSetElement {
  return h("fieldset", { class: "group" }, h("legend", {}, heading), ...children);
}

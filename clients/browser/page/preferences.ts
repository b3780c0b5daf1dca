// What the person wants to be alerted of. Saved as a whole; muted fundings are part of it, so that one can be taken out here.

import type { Client, Preferences } from "@lastcall/client";
import { byId, h } from "./dom.js";
import { field, formOf, group, openDialog, toggle } from "./dialog.js";
import { glyph } from "./glyphs.js";
import { t } from "./language.js";
import type { Session } from "./session.js";
import { confirm } from "./toasts.js";

const NIGHT = { from: "22:00", to: "07:00" };

export function openPreferences({ client, user }: Session): void {
  const { preferences } = client.getSnapshot();
  if (preferences === null) return;
  const [types, typesOff] = typeSwitches(preferences);
  const [quiet, quietHours] = quietFields(preferences, user.time_zone);
  const [fundings, muted] = mutedFields(preferences);
  const send = async () => {
    await save(client, { types_off: typesOff(), quiet_hours: quietHours(), muted_fundings: muted() });
  };
  const form = formOf("preferences", send, t().save, types, quiet, fundings);
  openDialog("preferences", t().preferences, h("p", { class: "hint" }, t().preferencesHint), form);
}

async function save(client: Client, preferences: Preferences): Promise<void> {
  const { quiet_hours } = preferences;
  if (quiet_hours !== null && quiet_hours.from === quiet_hours.to) throw new Error(t().sameTimes);
  await client.setPreferences(preferences);
  confirm(t().saved);
}

/** Types that this page does not know stay as they are. */
function typeSwitches({ types_off }: Preferences): [HTMLElement, () => string[]] {
  const known = Object.entries(t().types).map(([type, name]) => {
    const [element, input] = toggle(name, !types_off.includes(type), { name: type });
    return { type, element, input };
  });
  const unknown = types_off.filter((type) => !(type in t().types));
  const off = () => [...unknown, ...known.filter(({ input }) => !input.checked).map(({ type }) => type)];
  return [group(t().alertMeOf, ...known.map(({ element }) => element)), off];
}

function quietFields(
  { quiet_hours }: Preferences,
  zone: string | null,
): [HTMLElement, () => Preferences["quiet_hours"]] {
  const [element, on] = toggle(t().quietHoursHint, quiet_hours !== null, { id: "quiet-on" });
  const { from: begin, to: end } = quiet_hours ?? NIGHT;
  const from = h("input", { type: "time", required: true, value: begin });
  const to = h("input", { type: "time", required: true, value: end });
  const time_zone = zones(quiet_hours?.time_zone ?? zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const times = h("div", { class: "side-by-side" }, field(t().from, from), field(t().to, to));
  const details = h("div", { class: "details" }, times, field(t().timeZone, time_zone));
  const follow = () => (details.hidden = !on.checked);
  on.addEventListener("change", follow);
  follow();
  const read = () => (on.checked ? { from: from.value, to: to.value, time_zone: time_zone.value } : null);
  return [group(t().quietHours, element, details), read];
}

function zones(chosen: string): HTMLSelectElement {
  const known = new Set([chosen, ...Intl.supportedValuesOf("timeZone")]);
  const options = [...known].sort().map((zone) => h("option", { value: zone, selected: zone === chosen }, zone.replaceAll("_", " ")));
  return h("select", {}, ...options);
}

function mutedFields({ muted_fundings }: Preferences): [HTMLElement, () => string[]] {
  const left = new Set(muted_fundings);
  const none = h("p", { class: "hint" }, t().noneMuted);
  none.hidden = left.size > 0;
  const list = h("ul", { class: "chips" });
  for (const id of left) {
    const unmute = h("button", { type: "button", class: "chip", "aria-label": t().unmuteOne(id) }, id, glyph("close"));
    const item = h("li", {}, unmute);
    unmute.addEventListener("click", () => {
      left.delete(id);
      const next = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      none.hidden = left.size > 0;
      (next?.querySelector("button") ?? byId("preferences").querySelector<HTMLElement>("[type=submit]"))?.focus();
    });
    list.append(item);
  }
  return [group(t().mutedFundings, none, list), () => [...left]];
}

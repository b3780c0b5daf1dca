// An announcement to everybody, as an operator posts one. Written in the page's language.

import { field, formOf, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { language, t } from "./language.js";
import { announce, type Announcement } from "./server.js";
import { confirm } from "./toasts.js";

const HOUR_MS = 3_600_000;
const LASTING = { never: null, hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS } as const;

export function openAnnouncement(): void {
  const title = h("input", { id: "announce-title", required: true, maxlength: 200, autocomplete: "off" });
  const body = h("textarea", { id: "announce-body", required: true, maxlength: 2000, rows: 4 });
  const link = h("input", { id: "announce-link", pattern: "(https?://|/).+", autocomplete: "off", inputmode: "url" });
  const ends = endsChoice();
  // One key for this form: pressing twice, or again after an error, posts it once.
  const key = crypto.randomUUID();
  const send = async () => {
    const words = [{ locale: language(), title: title.value.trim(), body: body.value.trim() }];
    await announce({ words, ...linkTo(link.value.trim()), ...endingIn(ends.value) }, key);
    confirm(t().posted);
  };
  const fields = [
    field(t().announcementTitle, title),
    field(t().announcementBody, body),
    field(`${t().announcementLink} (${t().optional})`, link, t().announcementLinkHint),
    field(t().endsIn, ends),
  ];
  openDialog("announce", t().announcement, formOf("announce", send, t().post, ...fields));
  title.focus();
}

function endsChoice(): HTMLSelectElement {
  const options = Object.entries(t().endsChoices).map(([value, name]) => h("option", { value, selected: value === "day" }, name));
  return h("select", { id: "announce-ends" }, ...options);
}

function linkTo(link: string): Pick<Announcement, "link"> {
  return link === "" ? {} : { link };
}

function endingIn(choice: string): Pick<Announcement, "expires_at"> {
  const lasting = LASTING[choice as keyof typeof LASTING];
  return lasting === null ? {} : { expires_at: new Date(Date.now() + lasting).toISOString() };
}

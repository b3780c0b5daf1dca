// dom.ts
function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.replace(/^on/, ""), value);
    else if (value !== false && value !== null && value !== void 0) made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}
function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
function place(list2, rows) {
  const wanted = new Set(rows);
  for (const row of [...list2.children]) if (!wanted.has(row)) row.remove();
  rows.forEach((row, index) => {
    if (list2.children[index] !== row) list2.insertBefore(row, list2.children[index] ?? null);
  });
}
async function busy(button2, work) {
  if (button2.getAttribute("aria-disabled") === "true") return;
  button2.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button2.removeAttribute("aria-disabled");
  }
}
function onChoice(group2, listener) {
  byId(group2).addEventListener("change", (event) => listener(event.target.value));
}
function choose(group2, value) {
  for (const input of byId(group2).querySelectorAll("input")) input.checked = input.value === value;
}

// glyphs.ts
var PATHS = {
  coupon: "M4 8a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v2a2 2 0 0 0 0 4v2a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-2a2 2 0 0 0 0-4ZM14 6v2m0 3v2m0 3v2",
  funding: "M12 20V10m0 0c0-4 3-6 7-6 0 4-3 6-7 6Zm0 4c0-3-3-5-7-5 0 3 3 5 7 5Z",
  alert: "M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16Zm0-12v4l3 2M4 5l3-2m13 2-3-2",
  announcement: "M4 10v4h3l8 4V6L7 10ZM18 9a4 4 0 0 1 0 6",
  read: "M4 8.5 12 4l8 4.5V19H4Zm0 .5 8 5 8-5",
  unread: "M4 6h16v12H4Zm0 1 8 6 8-6",
  archive: "M4 5h16v4H4Zm1 4v10h14V9M10 13h4",
  unarchive: "M4 5h16v4H4Zm1 4v10h14V9M12 17v-5m-2.5 2.5L12 12l2.5 2.5",
  mute: "M6 10a6 6 0 0 1 9-5.2M18 10c0 4 2 5 2 7H9m1 3a2 2 0 0 0 4 0M4 4l16 16M6 10c0 4-2 5-2 7h2",
  unmute: "M12 3a6 6 0 0 0-6 6c0 5-2 6-2 8h16c0-2-2-3-2-8a6 6 0 0 0-6-6Zm-2 17a2 2 0 0 0 4 0",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5Z",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5 10 17 19 7",
  offline: "M3 3l18 18M5 12a10 10 0 0 1 4-2.5m4-.4a10 10 0 0 1 6 2.9M8.5 15.5a5 5 0 0 1 7 0M12 19h0M2 8.8a15 15 0 0 1 4-2.5M10 5.1a15 15 0 0 1 12 3.7",
  warning: "M12 4 2.5 20h19ZM12 10v4m0 3h0",
  open: "M9 5h10v10M19 5 8 16"
};
function glyph(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
function kindOf(type) {
  const kind = type.split(".")[1];
  return kind === "coupon" || kind === "funding" || kind === "alert" ? kind : "announcement";
}

// words/en.ts
var count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
var en = {
  // Header
  skipToList: "Skip to the notifications",
  signedInAs: "Signed in as",
  preferences: "Preferences",
  bell: (n) => n === 0 ? "No unread notifications" : count(n, "unread notification", "unread notifications"),
  status: {
    connecting: "Connecting",
    live: "Live",
    polling: "Live, by polling",
    offline: "Reconnecting",
    "signed-out": "Signing in"
  },
  connectionLost: "The connection is lost. It comes back by itself.",
  connectionBack: "Connected again.",
  // List
  inbox: "Inbox",
  unreadOf: (n) => n === 0 ? "All caught up" : `${n.toLocaleString("en")} unread`,
  markAllRead: "Mark all read",
  show: "Show",
  filterAll: "All",
  filterUnread: "Unread",
  filterArchived: "Archived",
  filterByType: "Kind of notification",
  allTypes: "Every kind",
  showOlder: "Show older",
  loading: "Loading your notifications",
  types: {
    "lastcall.coupon.expiring.v1": "Coupons that expire",
    "lastcall.coupon.issued.v1": "New coupons",
    "lastcall.funding.closing.v1": "Fundings that close",
    "lastcall.funding.succeeded.v1": "Fundings that succeeded",
    "lastcall.funding.failed.v1": "Fundings that failed",
    "lastcall.alert.due.v1": "Your reminders",
    "lastcall.announcement.posted.v1": "Announcements"
  },
  // One notification
  unread: "Unread",
  ends: (when) => `Ends ${when}`,
  ended: (when) => `Ended ${when}`,
  expired: "Over",
  everybody: "To everybody",
  silenced: { type_off: "Silent: this kind is off", funding_muted: "Silent: funding muted", quiet_hours: "Silent: quiet hours" },
  markRead: "Mark read",
  markUnread: "Mark unread",
  archive: "Archive",
  unarchive: "Move to inbox",
  mute: "Mute this funding",
  unmute: "Unmute this funding",
  openLink: "Open",
  actionsFor: (action, title) => `${action}: ${title}`,
  justNow: "just now",
  inAMoment: "in a moment",
  // Where there is nothing to list
  emptyInbox: "Nothing here yet",
  emptyInboxHint: "Run a job, and what it has to say arrives here by itself.",
  emptyUnread: "All caught up",
  emptyUnreadHint: "Whatever is new will be here first.",
  emptyArchived: "Nothing archived",
  emptyArchivedHint: "What you archive leaves the inbox and is kept here.",
  emptyType: "None of this kind",
  emptyTypeHint: "Choose another kind, or show every kind.",
  failed: "The list could not be loaded",
  retry: "Try again",
  offlineSince: (when) => `You are offline. This is how things stood at ${when}; new ones follow as soon as there is a connection.`,
  actionFailed: (why) => `That did not work: ${why}`,
  noUsers: "There is nobody yet. Import some people and reload this page.",
  noServer: "The server does not answer yet.",
  // Toasts
  newNotifications: "New notifications",
  severalNew: (n) => count(n, "new notification", "new notifications"),
  severalNewHint: "They are at the top of the list.",
  dismiss: "Dismiss",
  undo: "Undo",
  archived: "Archived",
  unarchived: "Moved to the inbox",
  allRead: "All marked as read",
  muted: "Muted: news of this funding arrives silently",
  unmuted: "No longer muted",
  gap: "Some events are gone",
  gapHint: "The log does not hold them any more. The list was loaded again.",
  // Preferences
  preferencesHint: "What is off still arrives in the list, only silently.",
  alertMeOf: "Alert me of",
  quietHours: "Quiet hours",
  quietHoursHint: "Between these times nothing pops up.",
  from: "From",
  to: "To",
  timeZone: "Time zone",
  sameTimes: "Quiet hours need two different times.",
  mutedFundings: "Muted fundings",
  noneMuted: "None. Mute one from a notification about it.",
  unmuteOne: (id) => `Unmute ${id}`,
  save: "Save",
  saved: "Preferences saved",
  cancel: "Cancel",
  close: "Close",
  // Workbench
  workbench: "Workbench",
  workbenchHint: "What makes notifications, to play with.",
  jobs: "Jobs",
  jobNames: {
    "coupon-expiring": "Expiring coupons",
    "funding-closing": "Closing fundings",
    "funding-settlement": "Settled fundings",
    "alert-due": "Reminders"
  },
  run: "Run",
  runNow: (job) => `Run now: ${job}`,
  next: (when) => `Next ${when}`,
  notScheduled: "Not scheduled",
  ran: (emitted, already) => `${count(emitted, "event", "events")} sent, ${already.toLocaleString("en")} known already`,
  skippedRows: (n) => `, ${n.toLocaleString("en")} skipped`,
  announcement: "Announcement",
  announcementHint: "One event for everybody who is here, or comes later.",
  writeAnnouncement: "Write one",
  announcementTitle: "Title",
  announcementBody: "Text",
  announcementLink: "Link",
  optional: "optional",
  announcementLinkHint: "https://… or a path such as /fundings",
  endsIn: "Ends",
  endsChoices: { never: "Never", hour: "In an hour", day: "In a day", week: "In a week" },
  post: "Post to everybody",
  posted: "Posted to everybody",
  stream: "Stream",
  position: "Position",
  arrivedLive: "Arrived live",
  // Footer
  theme: "Appearance",
  themeAuto: "Auto",
  themeLight: "Light",
  themeDark: "Dark",
  language: "Language",
  shortcuts: "Keyboard shortcuts",
  shortcutsOn: "Use single-key shortcuts",
  keys: {
    next: "Next notification",
    previous: "Previous notification",
    read: "Mark read or unread",
    archive: "Archive, or move back",
    all: "Mark all read",
    undo: "Undo",
    help: "This help"
  }
};

// words/ko.ts
var number = (n) => n.toLocaleString("ko");
var ko = {
  skipToList: "알림 목록으로 건너뛰기",
  signedInAs: "로그인한 사용자",
  preferences: "알림 설정",
  bell: (n) => n === 0 ? "읽지 않은 알림 없음" : `읽지 않은 알림 ${number(n)}개`,
  status: {
    connecting: "연결 중",
    live: "실시간",
    polling: "실시간 (폴링)",
    offline: "다시 연결하는 중",
    "signed-out": "로그인하는 중"
  },
  connectionLost: "연결이 끊어졌습니다. 자동으로 다시 연결됩니다.",
  connectionBack: "다시 연결되었습니다.",
  inbox: "알림함",
  unreadOf: (n) => n === 0 ? "모두 읽었습니다" : `읽지 않음 ${number(n)}개`,
  markAllRead: "모두 읽음으로 표시",
  show: "보기",
  filterAll: "전체",
  filterUnread: "읽지 않음",
  filterArchived: "보관함",
  filterByType: "알림 종류",
  allTypes: "모든 종류",
  showOlder: "이전 알림 보기",
  loading: "알림을 불러오는 중",
  types: {
    "lastcall.coupon.expiring.v1": "만료가 다가온 쿠폰",
    "lastcall.coupon.issued.v1": "새 쿠폰",
    "lastcall.funding.closing.v1": "마감이 다가온 펀딩",
    "lastcall.funding.succeeded.v1": "성공한 펀딩",
    "lastcall.funding.failed.v1": "무산된 펀딩",
    "lastcall.alert.due.v1": "내 리마인더",
    "lastcall.announcement.posted.v1": "공지"
  },
  unread: "읽지 않음",
  ends: (when) => `${when} 종료`,
  ended: (when) => `${when} 종료됨`,
  expired: "종료됨",
  everybody: "전체 공지",
  silenced: { type_off: "무음: 꺼 둔 종류", funding_muted: "무음: 음소거한 펀딩", quiet_hours: "무음: 방해 금지 시간" },
  markRead: "읽음으로 표시",
  markUnread: "읽지 않음으로 표시",
  archive: "보관",
  unarchive: "알림함으로 이동",
  mute: "이 펀딩 음소거",
  unmute: "이 펀딩 음소거 해제",
  openLink: "열기",
  actionsFor: (action, title) => `${action}: ${title}`,
  justNow: "방금 전",
  inAMoment: "곧",
  emptyInbox: "아직 알림이 없습니다",
  emptyInboxHint: "작업을 실행하면 알림이 여기에 바로 도착합니다.",
  emptyUnread: "모두 읽었습니다",
  emptyUnreadHint: "새로운 소식은 여기에 먼저 나타납니다.",
  emptyArchived: "보관한 알림이 없습니다",
  emptyArchivedHint: "보관한 알림은 알림함에서 빠지고 여기에 남습니다.",
  emptyType: "이 종류의 알림이 없습니다",
  emptyTypeHint: "다른 종류를 고르거나 모든 종류를 보세요.",
  failed: "목록을 불러오지 못했습니다",
  retry: "다시 시도",
  offlineSince: (when) => `오프라인입니다. ${when} 기준의 목록이며, 연결되면 새 알림이 이어서 도착합니다.`,
  actionFailed: (why) => `처리하지 못했습니다: ${why}`,
  noUsers: "아직 사용자가 없습니다. 사용자를 가져온 뒤 새로고침하세요.",
  noServer: "서버가 아직 응답하지 않습니다.",
  newNotifications: "새 알림",
  severalNew: (n) => `새 알림 ${number(n)}개`,
  severalNewHint: "목록 맨 위에 있습니다.",
  dismiss: "닫기",
  undo: "실행 취소",
  archived: "보관했습니다",
  unarchived: "알림함으로 옮겼습니다",
  allRead: "모두 읽음으로 표시했습니다",
  muted: "이 펀딩의 소식은 이제 조용히 도착합니다",
  unmuted: "음소거를 해제했습니다",
  gap: "일부 이벤트가 사라졌습니다",
  gapHint: "로그에 더 이상 없습니다. 목록을 다시 불러왔습니다.",
  preferencesHint: "꺼 둔 알림도 목록에는 조용히 도착합니다.",
  alertMeOf: "알려 줄 소식",
  quietHours: "방해 금지 시간",
  quietHoursHint: "이 시간에는 알림이 뜨지 않습니다.",
  from: "시작",
  to: "끝",
  timeZone: "시간대",
  sameTimes: "시작과 끝은 서로 달라야 합니다.",
  mutedFundings: "음소거한 펀딩",
  noneMuted: "없습니다. 펀딩 알림에서 음소거할 수 있습니다.",
  unmuteOne: (id) => `${id} 음소거 해제`,
  save: "저장",
  saved: "설정을 저장했습니다",
  cancel: "취소",
  close: "닫기",
  workbench: "작업대",
  workbenchHint: "알림을 만들어 볼 수 있는 곳입니다.",
  jobs: "작업",
  jobNames: {
    "coupon-expiring": "쿠폰 만료",
    "funding-closing": "펀딩 마감",
    "funding-settlement": "펀딩 정산",
    "alert-due": "리마인더"
  },
  run: "실행",
  runNow: (job) => `지금 실행: ${job}`,
  next: (when) => `다음 실행: ${when}`,
  notScheduled: "예정 없음",
  ran: (emitted, already) => `${number(emitted)}건 전송, ${number(already)}건은 이미 전송됨`,
  skippedRows: (n) => `, ${number(n)}건 건너뜀`,
  announcement: "공지",
  announcementHint: "지금 있거나 나중에 올 모두에게 가는 하나의 이벤트입니다.",
  writeAnnouncement: "공지 쓰기",
  announcementTitle: "제목",
  announcementBody: "내용",
  announcementLink: "링크",
  optional: "선택",
  announcementLinkHint: "https://… 또는 /fundings 같은 경로",
  endsIn: "종료",
  endsChoices: { never: "없음", hour: "한 시간 뒤", day: "하루 뒤", week: "일주일 뒤" },
  post: "모두에게 보내기",
  posted: "모두에게 보냈습니다",
  stream: "스트림",
  position: "위치",
  arrivedLive: "실시간 도착",
  theme: "화면 모드",
  themeAuto: "자동",
  themeLight: "밝게",
  themeDark: "어둡게",
  language: "언어",
  shortcuts: "키보드 단축키",
  shortcutsOn: "한 글자 단축키 사용",
  keys: {
    next: "다음 알림",
    previous: "이전 알림",
    read: "읽음 또는 읽지 않음",
    archive: "보관 또는 되돌리기",
    all: "모두 읽음으로 표시",
    undo: "실행 취소",
    help: "이 도움말"
  }
};

// language.ts
var TABLES = { en, ko };
var KEPT = "lastcall:language";
var listeners = /* @__PURE__ */ new Set();
var current = kept() ?? preferred();
function t() {
  return TABLES[current];
}
function language() {
  return current;
}
function onLanguage(listener) {
  listeners.add(listener);
}
function startLanguage() {
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
function become(chosen2) {
  current = chosen2;
  fill();
  for (const listener of listeners) listener();
}
function fill() {
  document.documentElement.lang = current;
  choose("language", current);
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = text(element.dataset["t"]);
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", text(element.dataset["tLabel"]));
    element.title = element.matches("button") ? text(element.dataset["tLabel"]) : "";
  }
}
function text(key) {
  const found = key === void 0 ? void 0 : t()[key];
  if (typeof found !== "string") throw new Error(`index.html names a text that there is not: ${key}`);
  return found;
}
function kept() {
  const value = localStorage.getItem(KEPT);
  return isLanguage(value) ? value : null;
}
function preferred() {
  const known = navigator.languages.map((tag) => tag.split("-")[0] ?? null).find(isLanguage);
  return known ?? "en";
}
function isLanguage(value) {
  return value === "en" || value === "ko";
}

// dialog.ts
function openDialog(id, heading, ...children) {
  const dialog = byId(id);
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t().close, onclick: () => dialog.close() }, glyph("close"));
  const title = h("h2", { id: dialog.getAttribute("aria-labelledby") ?? "" }, heading);
  dialog.replaceChildren(h("header", {}, title, close), ...children);
  dialog.showModal();
  return dialog;
}
function formOf(dialog, send, submit, ...fields) {
  const refusal2 = h("p", { class: "refusal", role: "alert" });
  const close = () => byId(dialog).close();
  const cancel = h("button", { type: "button", class: "button", onclick: close }, t().cancel);
  const ok = h("button", { type: "submit", class: "button primary" }, submit);
  const form = h("form", {}, ...fields, refusal2, h("div", { class: "buttons" }, cancel, ok));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (ok.getAttribute("aria-disabled") === "true") return;
    ok.setAttribute("aria-disabled", "true");
    send().then(close, (error) => refusal2.textContent = error instanceof Error ? error.message : String(error)).finally(() => ok.removeAttribute("aria-disabled"));
  });
  return form;
}
function field(label, input, hint = null) {
  return h("label", { class: "field" }, h("span", {}, label), input, ...hint === null ? [] : [h("span", { class: "hint" }, hint)]);
}
function toggle(label, on, attributes = {}) {
  const input = h("input", { type: "checkbox", role: "switch", checked: on, ...attributes });
  return [h("label", { class: "switch" }, h("span", {}, label), input), input];
}
function group(heading, ...children) {
  return h("fieldset", { class: "group" }, h("legend", {}, heading), ...children);
}

// server.ts
var Refused = class extends Error {
};
function fetchInLanguage(input, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("accept-language", language());
  return fetch(input, { ...init, headers });
}
function users() {
  return call("/dev/users");
}
function jobs() {
  return call("/dev/jobs");
}
function runJob(name) {
  return call(`/dev/jobs/${encodeURIComponent(name)}/run`, { method: "POST" });
}
async function signIn(user) {
  await call("/dev/session", json({ user }));
}
function list(query) {
  const set = Object.entries(query).filter((pair) => pair[1] !== null);
  return call(`/v1/notifications?${new URLSearchParams(set)}`);
}
async function announce(announcement, key) {
  const { token } = await call("/dev/operator", { method: "POST" });
  const options = json(announcement);
  await call("/v1/announcements", {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${token}`, "idempotency-key": key }
  });
}
function json(body) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
async function call(path, options = {}) {
  const answer = await fetchInLanguage(path, options);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(problem.detail ?? `${path}: ${answer.status}`);
  }
  return answer.status === 204 ? void 0 : await answer.json();
}

// inbox/words.ts
function titleOf(item, name) {
  return h(name, { class: "title", lang: item.locale, dir: "auto" }, item.title);
}
function bodyOf(item) {
  return h("p", { class: "body", lang: item.locale, dir: direction(item.locale) }, item.body);
}
function linkOf(item) {
  if (item.link === null || !/^(https?:\/\/|\/)/i.test(item.link)) return null;
  return h("a", { class: "link", href: item.link, target: "_blank", rel: "noopener noreferrer" }, t().openLink, glyph("open"));
}
function direction(tag) {
  const known = new Intl.Locale(tag || "en");
  return (known.getTextInfo?.() ?? known.textInfo)?.direction ?? "ltr";
}

// toasts.ts
var AT_ONCE = 3;
var GATHERED_MS = 250;
var NEWS_MS = 8e3;
var OUTCOME_MS = 1e4;
var gathered = [];
var undo = null;
function startToasts() {
  byId("toasts").addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest(".toast")?.remove();
  });
}
function tell(item) {
  if (document.visibilityState !== "visible") return;
  gathered.push(item);
  if (gathered.length === 1) setTimeout(tellGathered, GATHERED_MS);
}
function tellOf(title, body) {
  show(byId("news"), NEWS_MS, glyph("warning"), h("div", {}, h("p", { class: "title" }, title), h("p", { class: "body" }, body)));
}
function confirm(what, takeBack = null) {
  byId("snack").replaceChildren();
  undo = takeBack;
  const button2 = h("button", { type: "button", class: "button quiet", onclick: takeLastBack }, t().undo);
  show(byId("snack"), OUTCOME_MS, h("p", {}, what), ...takeBack === null ? [] : [button2]);
}
function takeLastBack() {
  const last = undo;
  undo = null;
  byId("snack").replaceChildren();
  last?.();
}
function forgetToasts() {
  gathered.length = 0;
  undo = null;
  byId("news").replaceChildren();
  byId("snack").replaceChildren();
}
function tellGathered() {
  const items = gathered.splice(0);
  if (items.length > AT_ONCE) {
    tellOfMany(items);
    return;
  }
  for (const item of items) {
    const link = linkOf(item);
    const lines = h("div", {}, titleOf(item, "p"), bodyOf(item), ...link === null ? [] : [link]);
    const box = show(byId("news"), NEWS_MS, glyph(kindOf(item.type)), lines);
    box.dataset["kind"] = kindOf(item.type);
    box.dataset["notification"] = item.id;
  }
}
function tellOfMany(items) {
  const lines = h("div", {}, h("p", { class: "title" }, t().severalNew(items.length)), h("p", { class: "body" }, t().severalNewHint));
  show(byId("news"), NEWS_MS, glyph("unmute"), lines);
}
function show(region, lasting, ...children) {
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t().dismiss }, glyph("close"));
  const box = h("div", { class: "toast" }, ...children, close);
  close.addEventListener("click", () => box.remove());
  region.append(box);
  while (region.children.length > AT_ONCE) region.firstElementChild?.remove();
  leave(box, lasting);
  return box;
}
function leave(box, lasting) {
  setTimeout(() => {
    const held = box.matches(":hover, :focus-within") || document.visibilityState !== "visible";
    if (held && box.isConnected) leave(box, lasting / 2);
    else box.remove();
  }, lasting);
}

// announce.ts
var HOUR_MS = 36e5;
var LASTING = { never: null, hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS };
function openAnnouncement() {
  const title = h("input", { id: "announce-title", required: true, maxlength: 200, autocomplete: "off" });
  const body = h("textarea", { id: "announce-body", required: true, maxlength: 2e3, rows: 4 });
  const link = h("input", { id: "announce-link", pattern: "(https?://|/).+", autocomplete: "off", inputmode: "url" });
  const ends = endsChoice();
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
    field(t().endsIn, ends)
  ];
  openDialog("announce", t().announcement, formOf("announce", send, t().post, ...fields));
  title.focus();
}
function endsChoice() {
  const options = Object.entries(t().endsChoices).map(([value, name]) => h("option", { value, selected: value === "day" }, name));
  return h("select", { id: "announce-ends" }, ...options);
}
function linkTo(link) {
  return link === "" ? {} : { link };
}
function endingIn(choice) {
  const lasting = LASTING[choice];
  return lasting === null ? {} : { expires_at: new Date(Date.now() + lasting).toISOString() };
}

// clock.ts
var UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60]
];
function ago(instant) {
  const seconds = (new Date(instant).getTime() - Date.now()) / 1e3;
  if (Math.abs(seconds) < 45) return seconds > 0 ? t().inAMoment : t().justNow;
  const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  const [unit, length] = UNITS.find(([, length2]) => Math.abs(seconds) >= length2) ?? ["minute", 60];
  const whole = Math.trunc(seconds / length) || Math.sign(seconds);
  return words.format(whole, unit);
}
function onTheirClock(instant, zone) {
  const day = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const thisYear = new Date(instant).getFullYear() === (/* @__PURE__ */ new Date()).getFullYear();
  return format(instant, thisYear ? day : { year: "numeric", ...day }, zone);
}
function timeOfDay(instant) {
  return format(instant, { timeStyle: "short", hourCycle: "h23" }, null);
}
function format(instant, form, zone) {
  const known = zone === null ? {} : { timeZone: zone };
  return new Intl.DateTimeFormat(language(), { ...form, ...known }).format(new Date(instant));
}

// header.ts
var MOMENT_MS = 3e3;
var MANY = 999;
var liveAt = null;
var away;
var saidAway = false;
function showHeader(snapshot) {
  const { unread, status, cursor } = snapshot;
  const bell = byId("bell");
  bell.dataset["unread"] = String(unread);
  byId("bell-says").textContent = t().bell(unread);
  const badge = byId("unread");
  badge.textContent = unread > MANY ? `${MANY}+` : String(unread);
  badge.hidden = unread === 0;
  document.title = unread > 0 ? `(${unread}) Lastcall` : "Lastcall";
  byId("summary").textContent = t().unreadOf(unread);
  const readAll = byId("read-all");
  readAll.textContent = t().markAllRead;
  readAll.toggleAttribute("disabled", unread === 0);
  const pill = byId("connection");
  pill.dataset["state"] = status;
  pill.dataset["cursor"] = cursor ?? "";
  pill.firstElementChild.textContent = t().status[status];
  byId("cursor").textContent = cursor ?? "–";
  showConnection(status);
}
function forgetConnection() {
  clearTimeout(away);
  [liveAt, away, saidAway] = [null, void 0, false];
  showBanner(null);
}
function showBanner(text2) {
  const banner = byId("trouble");
  banner.hidden = text2 === null;
  banner.textContent = text2 ?? "";
}
function showConnection(status) {
  if (status === "live" || status === "polling") {
    clearTimeout(away);
    away = void 0;
    liveAt = Date.now();
    showBanner(null);
    if (saidAway) byId("spoken").textContent = t().connectionBack;
    saidAway = false;
  } else {
    away ??= setTimeout(sayAway, MOMENT_MS);
  }
}
function sayAway() {
  showBanner(liveAt === null ? t().noServer : t().offlineSince(timeOfDay(liveAt)));
  if (liveAt === null) return;
  byId("spoken").textContent = t().connectionLost;
  saidAway = true;
}

// inbox/actions.ts
var NAMED_AT_ONCE = 200;
var Actions = class {
  #client;
  #filtered;
  constructor(client, filtered) {
    this.#client = client;
    this.#filtered = filtered;
  }
  toggleRead(item) {
    if (item.read_at === null) this.read(item);
    else this.#changeOne(item.id, { read_at: null }, this.#client.markUnread([item.id]));
  }
  read(item) {
    if (item.read_at !== null) return;
    this.#changeOne(item.id, { read_at: now() }, this.#client.markRead([item.id]));
  }
  toggleArchived({ id, archived_at }) {
    if (archived_at === null) {
      this.#archive(id);
      confirm(t().archived, () => this.#unarchive(id));
    } else {
      this.#unarchive(id);
      confirm(t().unarchived, () => this.#archive(id));
    }
  }
  toggleMuted(funding, preferences) {
    const muted = preferences?.muted_fundings.includes(funding) === true;
    const mute = () => attempt(this.#client.muteFunding(funding));
    const unmute = () => attempt(this.#client.unmuteFunding(funding));
    (muted ? unmute : mute)();
    confirm(muted ? t().unmuted : t().muted, muted ? mute : unmute);
  }
  /** Can be taken back while all that was unread is known here. */
  readAll() {
    const { notifications, unread } = this.#client.getSnapshot();
    const ids = notifications.filter((item) => item.read_at === null).map((item) => item.id);
    const all = ids.length === unread && ids.length <= NAMED_AT_ONCE;
    attempt(this.#client.markAllRead());
    confirm(t().allRead, all ? () => attempt(this.#client.markUnread(ids)) : null);
  }
  #archive(id) {
    this.#changeOne(id, { archived_at: now() }, this.#client.archive([id]));
  }
  #unarchive(id) {
    this.#changeOne(id, { archived_at: null }, this.#client.unarchive([id]));
  }
  #changeOne(id, change, done) {
    this.#filtered()?.expect(id, change, done);
    attempt(done);
  }
};
function attempt(done) {
  done.catch((error) => confirm(t().actionFailed(error instanceof Error ? error.message : String(error))));
}
function now() {
  return (/* @__PURE__ */ new Date()).toISOString();
}

// inbox/filtered.ts
var PAGE = 20;
var TOGETHER_MS = 150;
var FIRST_RETRY_MS = 2e3;
var LAST_RETRY_MS = 3e4;
var Filtered = class {
  phase = "loading";
  #filter;
  #changed;
  #read = [];
  #next = null;
  /** No older than this; undefined before anything was read. */
  #at;
  #pages = 1;
  #timer;
  #round = 0;
  #failures = 0;
  #expected = /* @__PURE__ */ new Map();
  constructor(filter, changed2) {
    this.#filter = filter;
    this.#changed = changed2;
  }
  get hasMore() {
    return this.#next !== null;
  }
  /** What is to be shown, newest first. */
  items({ notifications }) {
    const all = new Map(this.#read.map((item) => [item.id, item]));
    for (const item of notifications) all.set(item.id, item);
    const shown = [...all.values()].map((item) => ({ ...item, ...this.#expected.get(item.id)?.change }));
    return shown.filter((item) => this.#wants(item)).sort((a, b) => sequence(b) - sequence(a));
  }
  /** The client has come to a new position. */
  follow(cursor) {
    if (cursor === this.#at) return;
    this.#at = cursor;
    this.#loadIn(TOGETHER_MS);
  }
  /** Shows a change of this tab's before the server has said it. */
  expect(id, change, done) {
    const expected = { change, settled: false };
    this.#expected.set(id, expected);
    void done.finally(() => expected.settled = true).catch(() => this.#forget(id, expected));
    this.#changed();
  }
  async older() {
    this.#pages += 1;
    await this.load();
  }
  /** Reads all that is shown. Several that overlap: only what the last one brought counts. */
  async load() {
    const round = ++this.#round;
    const settled = [...this.#expected].filter(([, expected]) => expected.settled);
    try {
      const [items, next] = await this.#pagesOf(this.#at ?? null);
      if (round !== this.#round) return;
      [this.#read, this.#next, this.phase, this.#failures] = [items, next, "ready", 0];
      for (const [id, expected] of settled) this.#forget(id, expected);
    } catch {
      if (round !== this.#round) return;
      if (this.phase === "loading") this.phase = "failed";
      this.#loadIn(Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS) * (0.5 + Math.random() / 2));
    }
    this.#changed();
  }
  close() {
    clearTimeout(this.#timer);
    this.#round += 1;
  }
  #loadIn(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), milliseconds);
  }
  #forget(id, expected) {
    if (this.#expected.get(id) === expected) this.#expected.delete(id);
    this.#changed();
  }
  async #pagesOf(at_least) {
    const items = [];
    let before = null;
    for (let page = 0; page < this.#pages; page += 1) {
      const { state, type } = this.#filter;
      const answer = await list({ state, type: type || null, limit: String(PAGE), at_least, before });
      items.push(...answer.notifications);
      before = answer.next ?? null;
      if (before === null) break;
    }
    return [items, before];
  }
  #wants(item) {
    const { state, type } = this.#filter;
    if (type !== "" && item.type !== type) return false;
    if (state === "archived") return item.archived_at !== null;
    return item.archived_at === null && (state === "inbox" || item.read_at === null);
  }
};
function sequence(item) {
  return Number(item.cursor.slice(item.cursor.indexOf(".") + 1));
}

// inbox/notice.ts
function noticeOf(notice, filter, retry) {
  if (notice === "loading") return [skeleton()];
  if (notice === "failed") {
    const again = h("button", { type: "button", class: "button", onclick: retry }, t().retry);
    return said("warning", t().failed, null, again);
  }
  if (filter.type !== "") return said("check", t().emptyType, t().emptyTypeHint);
  if (filter.state === "unread") return said("check", t().emptyUnread, t().emptyUnreadHint);
  if (filter.state === "archived") return said("archive", t().emptyArchived, t().emptyArchivedHint);
  return said("unmute", t().emptyInbox, t().emptyInboxHint);
}
function said(picture, title, hint, ...more) {
  const figure = h("span", { class: "figure" }, glyph(picture));
  return [figure, h("p", { class: "title" }, title), ...hint === null ? [] : [h("p", { class: "hint" }, hint)], ...more];
}
function skeleton() {
  const bars = () => h("li", {}, h("span"), h("div", {}, h("span"), h("span")));
  return h("div", { class: "card skeleton" }, h("p", { class: "vh" }, t().loading), h("ul", { "aria-hidden": "true" }, bars(), bars(), bars(), bars()));
}

// inbox/row.ts
function fundingOf(item) {
  return item.subject.startsWith("funding/") ? item.subject.slice("funding/".length) : null;
}
var Row = class {
  element;
  item;
  #preferences = null;
  #when;
  #unread = h("span", { class: "vh" });
  #notes = h("span", { class: "notes" });
  #read;
  #archive;
  #mute;
  #zone;
  constructor(item, zone, actions2) {
    this.item = item;
    this.#zone = zone;
    this.#when = h("time", { class: "when", datetime: item.time, title: onTheirClock(item.time, zone) });
    this.#read = button(() => actions2.toggleRead(this.item));
    this.#archive = button(() => actions2.toggleArchived(this.item));
    this.#mute = button(() => actions2.toggleMuted(fundingOf(this.item) ?? "", this.#preferences));
    const title = titleOf(item, "h3");
    title.prepend(this.#unread);
    const link = linkOf(item);
    this.element = h(
      "li",
      { class: "row", tabindex: "-1", "data-id": item.id, "data-kind": kindOf(item.type) },
      glyph(kindOf(item.type)),
      h("div", { class: "said" }, title, bodyOf(item), ...link === null ? [] : [link]),
      h("p", { class: "meta" }, this.#when, this.#notes),
      h("div", { class: "actions" }, this.#mute, this.#read, this.#archive)
    );
  }
  show(item, preferences) {
    this.item = item;
    this.#preferences = preferences;
    const over = item.expired || item.expirytime !== null && Date.parse(item.expirytime) < Date.now();
    this.element.toggleAttribute("data-read", item.read_at !== null);
    this.element.toggleAttribute("data-unseen", item.seen_at === null);
    this.element.toggleAttribute("data-over", over);
    this.#unread.textContent = item.read_at === null ? `${t().unread}: ` : "";
    this.#notes.replaceChildren(...this.#marks(over));
    this.tick();
    const unread = item.read_at === null;
    const archived = item.archived_at !== null;
    this.#label(this.#read, unread ? "read" : "unread", unread ? t().markRead : t().markUnread);
    this.#label(this.#archive, archived ? "unarchive" : "archive", archived ? t().unarchive : t().archive);
    const funding = fundingOf(item);
    const muted = preferences?.muted_fundings.includes(funding ?? "") === true;
    this.#mute.hidden = funding === null;
    this.#label(this.#mute, muted ? "unmute" : "mute", muted ? t().unmute : t().mute);
  }
  /** Time goes by. */
  tick() {
    this.#when.textContent = ago(this.item.time);
  }
  #marks(over) {
    const { expirytime, silenced, audience } = this.item;
    const marks = [];
    if (expirytime !== null) {
      const until = onTheirClock(expirytime, this.#zone);
      marks.push(h("span", { class: over ? "mark over" : "mark until" }, over ? t().ended(until) : t().ends(until)));
    }
    if (audience === "everybody") marks.push(h("span", { class: "mark" }, t().everybody));
    if (silenced !== null) marks.push(h("span", { class: "mark silent" }, glyph("moon"), t().silenced[silenced]));
    return marks;
  }
  #label(button2, picture, action) {
    if (button2.title === action) return;
    button2.title = action;
    button2.setAttribute("aria-label", t().actionsFor(action, this.item.title));
    button2.dataset["action"] = picture;
    button2.replaceChildren(glyph(picture));
  }
};
function button(press) {
  return h("button", { type: "button", class: "icon-button", onclick: press });
}

// inbox/seen.ts
var LOOKED_AT_MS = 1e3;
var Seen = class {
  #client;
  #shown = /* @__PURE__ */ new Map();
  #reported = /* @__PURE__ */ new Set();
  #timer;
  #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const id = target.dataset["id"];
      if (isIntersecting && id !== void 0) this.#shown.set(target, id);
      else this.#shown.delete(target);
    }
    this.look();
  });
  constructor(client, ended) {
    this.#client = client;
    const again = () => this.look();
    addEventListener("focus", again, { signal: ended });
    ended.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#observer.disconnect();
    });
  }
  watch(row) {
    this.#observer.observe(row);
  }
  unwatch(row) {
    this.#observer.unobserve(row);
    this.#shown.delete(row);
  }
  /** What is on the screen may have changed. */
  look() {
    this.#timer ??= setTimeout(() => {
      this.#timer = void 0;
      if (document.hasFocus()) this.#mark();
    }, LOOKED_AT_MS);
  }
  #mark() {
    const unseen = [...this.#shown].filter(([row]) => row.hasAttribute("data-unseen")).map(([, id]) => id);
    const ids = unseen.filter((id) => !this.#reported.has(id)).slice(0, 200);
    if (ids.length === 0) return;
    for (const id of ids) this.#reported.add(id);
    this.#client.markSeen(ids).catch(() => {
      for (const id of ids) this.#reported.delete(id);
    });
  }
};

// inbox/inbox.ts
var WHOLE = { state: "inbox", type: "" };
var Inbox = class {
  actions;
  #session;
  #seen;
  #rows = /* @__PURE__ */ new Map();
  #filter;
  #filtered = null;
  #notice = null;
  /** Whether the client has ever had the list: before that, an empty one says nothing. */
  #loaded = false;
  constructor(session2) {
    this.#session = session2;
    this.#seen = new Seen(session2.client, session2.ended);
    this.actions = new Actions(session2.client, () => this.#filtered);
    this.#filter = chosen();
    session2.ended.addEventListener("abort", () => this.#filtered?.close());
    this.#open();
  }
  /** Another filter has been chosen. */
  refilter() {
    this.#filter = chosen();
    this.#open();
  }
  /** Another language has been chosen: every row says the same in other words. */
  retell() {
    for (const row of this.#rows.values()) this.#seen.unwatch(row.element);
    this.#rows.clear();
    this.#notice = null;
    this.show();
  }
  async older() {
    await (this.#filtered?.older() ?? this.#session.client.loadMore());
  }
  tick() {
    for (const row of this.#rows.values()) row.tick();
  }
  /** The row that has the focus, or is next to it. */
  focused() {
    const id = document.activeElement?.closest(".row")?.dataset["id"];
    return id === void 0 ? null : this.#rows.get(id) ?? null;
  }
  show() {
    const snapshot = this.#session.client.getSnapshot();
    this.#loaded ||= snapshot.status === "live" || snapshot.status === "polling" || snapshot.notifications.length > 0;
    this.#filtered?.follow(snapshot.cursor);
    const items = this.#filtered?.items(snapshot) ?? snapshot.notifications;
    const lost = lostFocus(new Set(items.map((item) => item.id)));
    const rows = items.map((item) => {
      const row = this.#rows.get(item.id) ?? this.#row(item.id, item);
      row.show(item, snapshot.preferences);
      return row.element;
    });
    place(byId("notifications"), rows);
    this.#forget(new Set(items.map((item) => item.id)));
    if (lost !== null) (rows[Math.min(lost, rows.length - 1)] ?? byId("list")).focus();
    byId("notifications").hidden = rows.length === 0;
    byId("more").hidden = !(this.#filtered?.hasMore ?? snapshot.hasMore) || rows.length === 0;
    this.#sayWhy(rows.length === 0, snapshot);
    this.#seen.look();
  }
  #open() {
    this.#filtered?.close();
    const whole = this.#filter.state === WHOLE.state && this.#filter.type === WHOLE.type;
    this.#filtered = whole ? null : new Filtered(this.#filter, () => this.show());
    this.show();
  }
  #row(id, item) {
    const row = new Row(item, this.#session.user.time_zone, this.actions);
    this.#rows.set(id, row);
    this.#seen.watch(row.element);
    return row;
  }
  #forget(shown) {
    for (const [id, row] of this.#rows) {
      if (shown.has(id)) continue;
      this.#seen.unwatch(row.element);
      this.#rows.delete(id);
    }
  }
  #sayWhy(nothing, { error }) {
    const phase = this.#filtered?.phase ?? (this.#loaded ? "ready" : error === null ? "loading" : "failed");
    const notice = phase === "ready" ? "empty" : phase;
    const key = nothing ? `${notice} ${this.#filter.state} ${this.#filter.type}` : null;
    if (key === this.#notice) return;
    this.#notice = key;
    const place2 = byId("notice");
    place2.hidden = !nothing;
    place2.dataset["notice"] = notice;
    place2.replaceChildren(...nothing ? noticeOf(notice, this.#filter, () => this.#retry()) : []);
  }
  #retry() {
    void (this.#filtered?.load() ?? this.#session.client.refresh());
  }
};
function startFilters(chose) {
  onChoice("state-filter", chose);
  byId("type-filter").addEventListener("change", chose);
  fillTypes();
}
function fillTypes() {
  const select = byId("type-filter");
  const { value } = select;
  const types = Object.entries(t().types).map(([type, name]) => h("option", { value: type }, name));
  select.replaceChildren(h("option", { value: "" }, t().allTypes), ...types);
  select.value = value;
}
function onOlder(older) {
  const button2 = byId("more");
  button2.addEventListener("click", () => void busy(button2, older));
}
function chosen() {
  const state = byId("state-filter").querySelector("input:checked")?.value;
  return { state: state ?? "inbox", type: byId("type-filter").value };
}
function lostFocus(staying) {
  const row = document.activeElement?.closest(".row");
  if (!row || staying.has(row.dataset["id"] ?? "")) return null;
  return [...row.parentElement?.children ?? []].indexOf(row);
}

// jobs.ts
var SOONEST_MS = 1e3;
async function showJobs() {
  for (const job of await jobs()) {
    const row = document.querySelector(`[data-job-row="${CSS.escape(job.name)}"]`) ?? add(job.name);
    const name = nameOf(job.name);
    row.querySelector(".name").textContent = name;
    const next = row.querySelector(".next");
    next.textContent = job.next === null ? t().notScheduled : t().next(ago(Math.max(Date.parse(job.next), Date.now() + SOONEST_MS)));
    next.title = `${job.cron} · ${job.zone}`;
    const button2 = row.querySelector("button");
    button2.textContent = t().run;
    button2.setAttribute("aria-label", t().runNow(name));
  }
}
function nameOf(job) {
  const names = t().jobNames;
  return names[job] ?? job;
}
function add(name) {
  const result = h("output");
  const button2 = h("button", { type: "button", class: "button", "data-job": name });
  button2.addEventListener("click", () => void busy(button2, () => run(name, result)));
  const row = h("li", { "data-job-row": name }, h("p", { class: "name" }), h("p", { class: "next" }), button2, result);
  byId("jobs").append(row);
  return row;
}
async function run(name, result) {
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

// preferences.ts
var NIGHT = { from: "22:00", to: "07:00" };
function openPreferences({ client, user }) {
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
async function save(client, preferences) {
  const { quiet_hours } = preferences;
  if (quiet_hours !== null && quiet_hours.from === quiet_hours.to) throw new Error(t().sameTimes);
  await client.setPreferences(preferences);
  confirm(t().saved);
}
function typeSwitches({ types_off }) {
  const known = Object.entries(t().types).map(([type, name]) => {
    const [element, input] = toggle(name, !types_off.includes(type), { name: type });
    return { type, element, input };
  });
  const unknown = types_off.filter((type) => !(type in t().types));
  const off = () => [...unknown, ...known.filter(({ input }) => !input.checked).map(({ type }) => type)];
  return [group(t().alertMeOf, ...known.map(({ element }) => element)), off];
}
function quietFields({ quiet_hours }, zone) {
  const [element, on] = toggle(t().quietHoursHint, quiet_hours !== null, { id: "quiet-on" });
  const { from: begin2, to: end2 } = quiet_hours ?? NIGHT;
  const from = h("input", { type: "time", required: true, value: begin2 });
  const to = h("input", { type: "time", required: true, value: end2 });
  const time_zone = zones(quiet_hours?.time_zone ?? zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const times = h("div", { class: "side-by-side" }, field(t().from, from), field(t().to, to));
  const details = h("div", { class: "details" }, times, field(t().timeZone, time_zone));
  const follow = () => details.hidden = !on.checked;
  on.addEventListener("change", follow);
  follow();
  const read2 = () => on.checked ? { from: from.value, to: to.value, time_zone: time_zone.value } : null;
  return [group(t().quietHours, element, details), read2];
}
function zones(chosen2) {
  const known = /* @__PURE__ */ new Set([chosen2, ...Intl.supportedValuesOf("timeZone")]);
  const options = [...known].sort().map((zone) => h("option", { value: zone, selected: zone === chosen2 }, zone.replaceAll("_", " ")));
  return h("select", {}, ...options);
}
function mutedFields({ muted_fundings }) {
  const left = new Set(muted_fundings);
  const none = h("p", { class: "hint" }, t().noneMuted);
  none.hidden = left.size > 0;
  const list2 = h("ul", { class: "chips" });
  for (const id of left) {
    const unmute = h("button", { type: "button", class: "chip", "aria-label": t().unmuteOne(id) }, id, glyph("close"));
    const item = h("li", {}, unmute);
    unmute.addEventListener("click", () => {
      left.delete(id);
      const next = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      none.hidden = left.size > 0;
      (next?.querySelector("button") ?? byId("preferences").querySelector("[type=submit]"))?.focus();
    });
    list2.append(item);
  }
  return [group(t().mutedFundings, none, list2), () => [...left]];
}

// ../src/actions.ts
var MOST_NAMED = 200;
function actions(act, shown) {
  const change = (verb, target, body) => act({
    method: "POST",
    path: "notifications/state",
    body: { change: verb, ...body },
    change: { verb, target, at: (/* @__PURE__ */ new Date()).toISOString() }
  });
  const mark = (verb) => async (ids) => {
    const parts = [];
    for (let from = 0; from < ids.length; from += MOST_NAMED) {
      const part = ids.slice(from, from + MOST_NAMED);
      parts.push(change(verb, part, { ids: part }));
    }
    await Promise.all(parts);
  };
  const markAll = (verb) => async () => {
    const cursor = shown();
    if (cursor) await change(verb, cursor, { up_to: cursor });
  };
  const mute = (method, muted) => (id) => act({
    method,
    path: `preferences/muted-fundings/${encodeURIComponent(id)}`,
    prefer: (before) => ({ ...before, muted_fundings: muted(before.muted_fundings, id) })
  });
  return {
    markSeen: mark("seen"),
    markRead: mark("read"),
    markUnread: mark("unread"),
    archive: mark("archived"),
    unarchive: mark("unarchived"),
    markAllSeen: markAll("seen"),
    markAllRead: markAll("read"),
    archiveAll: markAll("archived"),
    setPreferences: (preferences) => act({ method: "PUT", path: "preferences", body: preferences, prefer: () => preferences }),
    muteFunding: mute("PUT", (before, id) => [...new Set(before).add(id)]),
    unmuteFunding: mute("DELETE", (before, id) => before.filter((other) => other !== id))
  };
}

// ../src/notification.ts
var BLANK = {
  link: null,
  expirytime: null,
  expired: false,
  seen_at: null,
  read_at: null,
  archived_at: null,
  silenced: null
};
var ANNOUNCEMENT = "lastcall.announcement.posted.";
function fromEvent(event, cursor, languages) {
  const { id, type, subject = "", time = "", expirytime = null, data = {} } = event;
  const words = choose2([data["words"] ?? []].flat(), languages);
  if (!words) return null;
  const forEverybody = type.startsWith(ANNOUNCEMENT);
  const { title, body = "", locale } = words;
  const link = data["link"] || null;
  return {
    ...BLANK,
    ...{ id, cursor, type, subject, title, body, locale, link, time, expirytime },
    audience: forEverybody ? "everybody" : "personal"
  };
}
function fundingOf2({ subject = "", data }) {
  return data?.["fundingId"] || /^funding\/(.+)/.exec(subject)?.[1] || null;
}
function asOf(notification, now2) {
  const { expirytime } = notification;
  const expired = !!expirytime && Date.parse(expirytime) <= now2;
  return expired === notification.expired ? notification : { ...notification, expired };
}
function choose2(all, languages) {
  const spoken = all.filter(({ title }) => title);
  const primary = (tag) => tag.split("-")[0];
  for (const language2 of languages) {
    const fits = spoken.find(({ locale }) => locale === language2) ?? spoken.find(({ locale }) => primary(locale) === primary(language2));
    if (fits) return fits;
  }
  return spoken[0];
}

// ../src/problem.ts
var Refused2 = class extends Error {
  constructor(problem, retryAfter = 0) {
    super(problem.detail || problem.title);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
  problem;
  retryAfter;
  /** Whether the same request will be refused again, whenever it is made. A token that is missing can be had. */
  get isLasting() {
    return /^4(?!01|08|25|29)/.test(`${this.problem.status}`);
  }
};
var UNSAID = { type: "about:blank", detail: "" };
function refusal({ status, statusText: title, headers }, body) {
  return new Refused2({ ...UNSAID, title, ...body, status }, Number(headers.get("retry-after")) * 1e3 || 0);
}
function unreachable(error) {
  return new Refused2({ ...UNSAID, title: "offline", detail: `${error}`, status: 0 });
}

// ../src/api.ts
var PATIENCE_MS = 45e3;
var MOST_ROWS = 200;
function createApi(base, fetch2, token) {
  let bearer;
  const send = async (method, path, { query, body, key, signal }) => {
    try {
      return await fetch2(api.url(path, query), {
        method,
        headers: {
          ...body ? { "content-type": "application/json" } : {},
          ...key ? { "idempotency-key": key } : {},
          ...token ? { authorization: `Bearer ${await (bearer ??= token())}` } : {}
        },
        body: body ? JSON.stringify(body) : null,
        credentials: token ? "omit" : "include",
        signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
        // A click on a link that marks a row read and leaves the page must not take the mark back.
        keepalive: method !== "GET"
      });
    } catch (error) {
      signal.throwIfAborted();
      api.renewToken();
      throw error instanceof Refused2 ? error : unreachable(error);
    }
  };
  const api = {
    hasToken: !!token,
    url(path, query = {}) {
      const said2 = Object.entries(query).filter(([, value]) => value);
      return new URL(`v1/${path}?${new URLSearchParams(said2)}`, base).href;
    },
    renewToken() {
      bearer = void 0;
    },
    async ask(method, path, request) {
      let answer = await send(method, path, request);
      if (answer.status === 401 && token) {
        api.renewToken();
        answer = await send(method, path, request);
      }
      const { cursor, ...body } = await answer.json().catch((error) => {
        if (answer.ok) throw unreachable(error);
        return {};
      });
      if (!answer.ok) throw refusal(answer, body);
      return { body, cursor: answer.headers.get("lastcall-cursor") || cursor || null };
    },
    async page(limit, query, signal) {
      const { body, cursor } = await api.ask("GET", "notifications", { query: { limit, ...query }, signal });
      const rows = body.notifications.map((row) => ({ ...BLANK, ...row }));
      return { rows, next: body.next ?? null, ...body.counts, cursor };
    }
  };
  return api;
}

// ../src/backoff.ts
var FLOOR_MS = 1e3;
var BASE_MS = 1e3;
var CAP_MS = 6e4;
function delay(failures, random = Math.random()) {
  return FLOOR_MS + random * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}
function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over);
  });
}

// ../src/receiver.ts
function hear(receiver, position, told2) {
  try {
    told2();
  } catch {
    receiver.moved(position);
  }
}

// ../src/stream.ts
var SILENCE_MS = 45e3;
var LOOK_EVERY_MS = 5e3;
var SHORT_MS = 1e3;
var STRIKES = 3;
function listen(Source, url, hasTicket, before, receiver, reauth, signal) {
  return new Promise((resolve) => {
    let strikes = before;
    let lasted = 0;
    let heard = Date.now();
    let opened = 0;
    const source = new Source(url, { withCredentials: !hasTicket });
    const timer = setInterval(() => {
      if (Date.now() - heard < SILENCE_MS) return;
      cut();
      end2();
    }, LOOK_EVERY_MS);
    signal.addEventListener("abort", end2);
    function cut() {
      lasted = opened && heard - opened;
      strikes = lasted < SHORT_MS ? strikes + 1 : 0;
      opened = 0;
    }
    function end2() {
      clearInterval(timer);
      signal.removeEventListener("abort", end2);
      source.close();
      resolve({ strikes, lasted });
    }
    function on(name, then) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        if (!signal.aborted) then(event);
      });
    }
    on("open", () => {
      opened = heard;
      receiver.status("live");
    });
    on("message", ({ data, lastEventId: at }) => hear(receiver, at, () => receiver.event(JSON.parse(data), at)));
    on("gap", ({ data, lastEventId: at }) => hear(receiver, at, () => receiver.gap(JSON.parse(data))));
    on("heartbeat", ({ lastEventId: at }) => receiver.moved(at));
    on("reauth", reauth);
    on("error", () => {
      cut();
      if (hasTicket || strikes >= STRIKES || source.readyState === source.CLOSED) end2();
      else receiver.status("connecting");
    });
  });
}

// ../src/connection.ts
var WAIT = "30s";
var POLLING_MS = 3e5;
var STEADY_MS = 6e4;
function connect(api, { source, transport }, receiver, prepare, end2) {
  let round = new AbortController();
  let failures = 0;
  let strikes = 0;
  let pollUntil = 0;
  const renew2 = () => round.abort();
  const polls = () => transport === "poll" || !source || transport !== "stream" && Date.now() < pollUntil;
  const start = (name) => receiver.position ? { [name]: receiver.position } : { from: "earliest" };
  const reauth = () => {
    if (!api.hasToken) return;
    api.renewToken();
    renew2();
  };
  const stream = async (signal) => {
    let ticket;
    if (api.hasToken) ({ ticket } = (await api.ask("POST", "stream/ticket", { signal })).body);
    signal.throwIfAborted();
    const url = api.url("stream", { heartbeat: "event", ...start("last_event_id"), ticket });
    const Source = source;
    let lasted;
    ({ strikes, lasted } = await listen(Source, url, !!ticket, strikes, receiver, reauth, signal));
    if (signal.aborted) return;
    if (lasted > STEADY_MS) failures = 0;
    receiver.status("connecting");
    await pause(delay(failures++), signal);
    if (!strikes || signal.aborted) return;
    await poll(signal);
    if (strikes < STRIKES) return;
    strikes = failures = 0;
    pollUntil = Date.now() + POLLING_MS;
  };
  const poll = async (signal) => {
    const isSteady = polls() && !failures;
    if (isSteady) receiver.status("polling");
    const query = { ...start("after"), wait: isSteady ? WAIT : "0s" };
    const { body, cursor } = await api.ask("GET", "events", { query, signal });
    if (signal.aborted) return;
    if (body.gap) receiver.gap(body.gap);
    for (const { cursor: cursor2, data } of body.events) hear(receiver, cursor2, () => receiver.event(data, cursor2));
    if (cursor) receiver.moved(cursor);
    if (polls()) failures = 0;
  };
  const failed = async ({ problem, retryAfter = 0 }, signal) => {
    receiver.status(problem?.status === 401 ? "signed-out" : "offline");
    if (problem?.status === 400) receiver.lost();
    strikes = pollUntil = 0;
    await pause(Math.max(retryAfter, delay(failures++)), signal);
  };
  const run2 = async () => {
    while (!end2.aborted) {
      round = new AbortController();
      const { signal } = round;
      try {
        if (!receiver.position) await prepare(signal);
        await (polls() ? poll : stream)(signal);
      } catch (error) {
        if (!signal.aborted) await failed(error, signal);
      }
    }
  };
  end2.addEventListener("abort", renew2);
  void run2();
  return { renew: renew2 };
}

// ../src/cursor.ts
function compare(a, b) {
  const [dotA, dotB] = [a.lastIndexOf("."), b.lastIndexOf(".")];
  if (dotA < 0 || a.slice(0, dotA) !== b.slice(0, dotB)) return Number.NaN;
  const [x, y] = [a.slice(dotA), b.slice(dotB)];
  return x.length - y.length || (x < y ? -1 : Number(x > y));
}
function reaches(at, target) {
  return !!at && compare(at, target) >= 0;
}

// ../src/inbox.ts
var MOST_KEPT = 999;
var EMPTY = { rows: [], next: null, unread: 0, unseen: 0, cursor: null, position: null, wanted: null };
function moved(inbox2, position) {
  return { ...inbox2, position, cursor: inbox2.wanted ? inbox2.cursor : later(inbox2.cursor, position) };
}
function told(inbox2, row) {
  const after = moved(inbox2, row.cursor);
  const { rows, cursor, unread, unseen, next } = inbox2;
  if (reaches(cursor, row.cursor) || !without([row], rows)[0]) return after;
  return {
    ...after,
    rows: [row, ...rows.slice(0, MOST_KEPT)],
    next: rows[MOST_KEPT - 1]?.cursor ?? next,
    unread: unread + 1,
    unseen: unseen + 1
  };
}
function want(inbox2, target) {
  const known = reaches(inbox2.cursor, target) || reaches(inbox2.wanted, target);
  return known ? inbox2 : { ...inbox2, wanted: target };
}
function missed(inbox2, resumed) {
  return { ...inbox2, position: resumed, cursor: null, wanted: resumed };
}
function read(inbox2, page) {
  const { cursor } = page;
  const kept2 = without(inbox2.rows, page.rows).filter((row) => cursor && compare(row.cursor, cursor) > 0);
  const wanted = inbox2.wanted && reaches(cursor, inbox2.wanted) ? null : inbox2.wanted;
  return {
    ...inbox2,
    rows: [...kept2, ...page.rows],
    next: page.next,
    unread: page.unread + kept2.filter((row) => !row.read_at).length,
    unseen: page.unseen + kept2.filter((row) => !row.seen_at).length,
    cursor: wanted ? cursor : later(cursor, inbox2.position),
    position: inbox2.position || cursor,
    wanted
  };
}
function extended(inbox2, page, before) {
  if (inbox2.next !== before) return inbox2;
  return { ...inbox2, rows: [...inbox2.rows, ...without(page.rows, inbox2.rows)], next: page.next };
}
function later(a, b) {
  return b && (!a || compare(b, a) > 0) ? b : a;
}
function without(rows, others) {
  return rows.filter(({ id }) => !others.some((other) => other.id === id));
}

// ../src/preferences.ts
function fromEvent2({ typesOff = [], quietHours: quiet, mutedFundings = [] }) {
  return {
    types_off: typesOff,
    quiet_hours: quiet ? { from: quiet.from, to: quiet.to, time_zone: quiet.timeZone } : null,
    muted_fundings: mutedFundings
  };
}
function silence(preferences, type, funding, at) {
  if (preferences.types_off.includes(type)) return "type_off";
  if (funding && preferences.muted_fundings.includes(funding)) return "funding_muted";
  const { quiet_hours: hours } = preferences;
  return hours && isQuiet(hours, at) ? "quiet_hours" : null;
}
function isQuiet({ from, to, time_zone = "UTC" }, at) {
  try {
    const now2 = at.toLocaleTimeString("en-GB", { timeZone: time_zone, timeStyle: "short" });
    return from < to ? from <= now2 && now2 < to : from <= now2 || now2 < to;
  } catch {
    return false;
  }
}

// ../src/feed.ts
var UNKNOWN = { ...EMPTY, status: "connecting", preferences: null };
var STATE_CHANGED = "lastcall.notification.state.changed.v1";
var PREFERENCES_CHANGED = "lastcall.preferences.changed.v1";
function createFeed(api, way, size, before, tell2) {
  const ending = new AbortController();
  const { signal } = ending;
  let known = before;
  let isReading = false;
  let lost;
  const become3 = (next) => {
    if (signal.aborted || next === known) return;
    known = next;
    tell2({ says: "known", known });
  };
  const readList = async (signal2) => {
    const { wanted, cursor, preferences } = known;
    const shown = Math.min(Math.ceil(known.rows.length / size) * size || size, MOST_ROWS);
    const page = await api.page(shown, { at_least: cursor && (wanted || cursor) }, signal2);
    if (lost ||= !cursor) {
      const { body } = await api.ask("GET", "preferences", { signal: signal2 });
      if (preferences === known.preferences) known = { ...known, preferences: body };
    }
    become3(read(known, page));
    lost &&= known.wanted;
  };
  const catchUp = async () => {
    if (isReading) return;
    isReading = true;
    let failures = 0;
    for (let wanted; (wanted = known.wanted) && !signal.aborted; ) {
      await readList(signal).catch(({ problem }) => {
        if (problem?.status === 410) become3({ ...known, cursor: null });
      });
      if (known.wanted === wanted) await pause(delay(failures++), signal);
    }
    isReading = false;
  };
  const news = (event, position) => {
    const row = fromEvent(event, position, globalThis.navigator?.languages ?? []);
    if (!row) return receiver.moved(position);
    row.silenced = known.preferences && silence(known.preferences, row.type, fundingOf2(event), /* @__PURE__ */ new Date());
    become3(told(known, row));
    tell2({ says: "told", row });
  };
  const receiver = {
    get position() {
      return known.position;
    },
    event(event, position) {
      const { type, data } = event;
      if (type === STATE_CHANGED) {
        become3({ ...want(known, position), position });
        void catchUp();
      } else if (type === PREFERENCES_CHANGED) {
        become3(moved({ ...known, preferences: fromEvent2(data?.["preferences"]) }, position));
      } else {
        news(event, position);
      }
    },
    gap(gap) {
      become3(missed(known, gap.resumed_from));
      tell2({ says: "gap", gap });
      void catchUp();
    },
    moved: (position) => become3(moved(known, position)),
    lost: () => become3({ ...known, position: null, cursor: null }),
    status: (status) => become3({ ...known, status })
  };
  receiver.status("connecting");
  void catchUp();
  const { renew: renew2 } = connect(api, way, receiver, readList, signal);
  return {
    renew: renew2,
    end: () => ending.abort(),
    async want(cursor) {
      become3(want(known, cursor));
      await catchUp();
    },
    async loadMore() {
      const { next } = known;
      if (next) become3(extended(known, await api.page(size, { before: next }, signal), next));
    },
    async refresh() {
      renew2();
      await readList(signal);
    }
  };
}

// ../src/board.ts
var REMEMBERED = 1e3;
function createBoard(over) {
  const listeners2 = { change: /* @__PURE__ */ new Set(), notification: /* @__PURE__ */ new Set(), gap: /* @__PURE__ */ new Set() };
  const heard = /* @__PURE__ */ new Set();
  let known = UNKNOWN;
  let snapshot = look(known, null);
  const call2 = (name, about) => {
    for (const listener of listeners2[name]) {
      try {
        listener(about);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
  };
  const alert = (row) => {
    if (heard.has(row.id)) return;
    heard.add(row.id);
    if (heard.size > REMEMBERED) heard.delete(heard.values().next().value);
    if (!row.silenced && !asOf(row, Date.now()).expired) call2("notification", row);
  };
  const board = {
    get known() {
      return known;
    },
    get snapshot() {
      return snapshot;
    },
    on(name, listener) {
      listeners2[name].add(listener);
      return () => void listeners2[name].delete(listener);
    },
    hear(news) {
      if (news.says === "known") {
        known = news.known;
        board.show();
      } else if (news.says === "gap") {
        call2("gap", news.gap);
      } else {
        alert(news.row);
      }
    },
    show(error = snapshot.error) {
      snapshot = look(over(known), error);
      call2("change");
    }
  };
  return board;
}
function look({ rows, next, position, wanted, ...rest }, error) {
  const now2 = Date.now();
  return { ...rest, notifications: rows.map((row) => asOf(row, now2)), hasMore: !!next, error };
}

// ../src/change.ts
function withChanges(listed, changes) {
  const after = changes.reduce(apply, listed);
  return { ...listed, ...after, rows: after.rows.filter((row) => !row.archived_at) };
}
function changed(row, verb, at) {
  const seen_at = row.seen_at ?? at;
  const after = {
    seen: { seen_at },
    read: { seen_at, read_at: row.read_at ?? at },
    unread: { read_at: null },
    archived: { seen_at, archived_at: row.archived_at ?? at },
    unarchived: { archived_at: null }
  };
  return { ...row, ...after[verb] };
}
function apply(listed, { verb, target, at }) {
  const isAll = typeof target === "string";
  const concerns = (row) => isAll ? compare(row.cursor, target) <= 0 : target.includes(row.id);
  const rows = listed.rows.map((row) => concerns(row) ? changed(row, verb, at) : row);
  const total = (before, counts, clears) => {
    const after = rows.filter(counts).length;
    return isAll && clears ? after : Math.max(0, before + after - listed.rows.filter(counts).length);
  };
  return {
    rows,
    unread: total(listed.unread, (row) => !row.read_at && !row.archived_at, verb !== "seen"),
    unseen: total(listed.unseen, (row) => !row.seen_at && !row.archived_at, true)
  };
}

// ../src/outbox.ts
function createOutbox(api, changed2, settled) {
  const ending = new AbortController();
  const { signal } = ending;
  let entries = [];
  let isSending = false;
  const keep = (isOpen) => {
    entries = entries.filter(isOpen);
  };
  const insist2 = async ({ method, path, body, key }) => {
    for (let failures = 0; ; ) {
      try {
        return (await api.ask(method, path, { body, key, signal })).cursor;
      } catch (error) {
        const { isLasting, retryAfter } = error;
        if (isLasting) throw error;
        await pause(Math.max(retryAfter, delay(failures++)), signal);
        signal.throwIfAborted();
      }
    }
  };
  const send = async () => {
    if (isSending) return;
    isSending = true;
    for (let entry; entry = entries.find(({ cursor }) => cursor === void 0); ) {
      try {
        entry.cursor = await insist2(entry);
        settled(entry.cursor, null);
        entry.accept();
      } catch (error) {
        if (signal.aborted) return;
        keep((other) => other !== entry);
        settled(null, error.problem);
        entry.refuse(error);
      }
      changed2();
    }
    isSending = false;
  };
  return {
    act(deed) {
      const done = new Promise((accept, refuse) => {
        entries = [...entries, { ...deed, key: crypto.getRandomValues(new Uint32Array(4)).join("-"), accept, refuse }];
      });
      done.catch(() => {
      });
      changed2();
      void send();
      return done;
    },
    over(known) {
      keep(({ cursor, prefer }) => {
        const at = prefer ? known.position : known.cursor;
        return cursor === void 0 || cursor !== null && (!at || compare(at, cursor) < 0);
      });
      let { preferences } = known;
      const changes = [];
      for (const { change, prefer } of entries) {
        if (change) changes.push(change);
        if (prefer && preferences) preferences = prefer(preferences);
      }
      return { ...withChanges(known, changes), preferences };
    },
    end() {
      ending.abort();
      for (const { refuse } of entries) refuse(signal.reason);
    }
  };
}

// ../src/election.ts
function createElection(locks, name, tell2) {
  let current2;
  const run2 = (steal) => {
    const term = { end: new AbortController(), leads: false };
    const { signal } = term.end;
    const lead = () => {
      term.leads = true;
      tell2(true);
    };
    const held = () => new Promise((release) => {
      if (signal.aborted) return release();
      signal.addEventListener("abort", () => release());
      lead();
    });
    const over = () => {
      if (current2 !== term) return;
      if (!term.leads) return lead();
      election.resign();
      election.stand();
    };
    current2 = term;
    locks.request(name, steal ? { steal } : { signal }, held).then(over, over);
  };
  const election = {
    stand() {
      if (!current2) run2(false);
    },
    seize() {
      if (current2?.leads) return;
      election.resign();
      run2(true);
    },
    resign() {
      const term = current2;
      current2 = void 0;
      term?.end.abort();
      if (term?.leads) tell2(false);
    }
  };
  return election;
}

// ../src/tabs.ts
var ANSWER_MS = 3e3;
var TASK_MS = 3e4;
var TELL_EVERY_MS = 100;
function createTabs(name, role) {
  const waiting = /* @__PURE__ */ new Map();
  let election;
  let channel;
  let leads = false;
  let answered = 0;
  let known;
  let toldAt = 0;
  let timer;
  const lead = (now2) => {
    if (now2 === leads) return;
    leads = now2;
    if (leads) role.lead();
    else role.follow();
  };
  const post = (message) => channel?.postMessage(message);
  const flush = () => {
    clearTimeout(timer);
    timer = void 0;
    toldAt = Date.now();
    if (known) post(known);
  };
  const receive = ({ data }) => {
    if (data.says === "done") {
      waiting.get(data.request)?.(data.problem);
    } else if (data.says === "hello") {
      if (leads) flush();
    } else if (data.says === "do") {
      const { request, task } = data;
      const done = (error) => post({ says: "done", request, problem: error?.problem ?? null });
      if (leads) role.perform(task).then(done, done);
    } else if (!leads) {
      answered = Date.now();
      role.hear(data);
    }
  };
  const tabs2 = {
    join() {
      const locks = globalThis.navigator?.locks;
      if (!locks || !globalThis.BroadcastChannel) return lead(true);
      if (!channel) {
        channel = new BroadcastChannel(name);
        channel.onmessage = receive;
      }
      election ??= createElection(locks, name, lead);
      election.stand();
      tabs2.check();
    },
    leave() {
      election?.resign();
      lead(false);
      channel?.close();
      channel = void 0;
    },
    check() {
      if (leads || !channel) return;
      const asked = Date.now();
      post({ says: "hello" });
      setTimeout(() => {
        if (channel && answered < asked && !globalThis.document?.hidden) election?.seize();
      }, ANSWER_MS);
    },
    perform(...task) {
      if (leads) return role.perform(task);
      const request = Math.random();
      return new Promise((resolve, reject) => {
        const done = (problem) => {
          clearTimeout(timer2);
          waiting.delete(request);
          if (problem) reject(new Refused2(problem));
          else resolve();
        };
        const timer2 = setTimeout(done, TASK_MS, null);
        waiting.set(request, done);
        post({ says: "do", task, request });
      });
    },
    tell(news) {
      if (news.says !== "known") {
        flush();
        post(news);
        return;
      }
      known = news;
      const wait = toldAt + TELL_EVERY_MS - Date.now();
      if (wait <= 0) flush();
      else timer ??= setTimeout(flush, wait);
    }
  };
  return tabs2;
}

// ../src/client.ts
function createClient(options = {}) {
  const { eventSource: source = globalThis.EventSource, transport, pageSize = 20, token } = options;
  const base = new URL(options.url ?? "/", globalThis.location?.href);
  base.pathname = base.pathname.replace(/\/?$/, "/");
  const api = createApi(base, options.fetch ?? fetch.bind(globalThis), token);
  let feed;
  const outbox = createOutbox(
    api,
    () => board.show(),
    (cursor, problem) => {
      board.show(problem);
      if (cursor) void tabs2.perform("want", cursor);
    }
  );
  const board = createBoard(outbox.over);
  const tabs2 = createTabs(`lastcall:${base.href}:${options.user ?? "default"}`, {
    lead() {
      feed = createFeed(api, { source, transport }, pageSize, board.known, (news) => {
        board.hear(news);
        tabs2.tell(news);
      });
    },
    follow() {
      feed?.end();
      feed = void 0;
    },
    perform: async ([name, cursor = ""]) => feed?.[name](cursor),
    hear: board.hear
  });
  const end2 = new AbortController();
  let isStarted = false;
  return {
    ...actions(outbox.act, () => board.snapshot.cursor),
    subscribe: (listener) => board.on("change", listener),
    getSnapshot: () => board.snapshot,
    on: (name, listener) => board.on(name, listener),
    start: () => {
      if (!isStarted) attend(tabs2, board, () => feed, end2.signal);
      isStarted = true;
    },
    close: () => {
      isStarted = true;
      end2.abort();
      tabs2.leave();
      outbox.end();
    },
    loadMore: () => tabs2.perform("loadMore"),
    refresh: () => tabs2.perform("refresh")
  };
}
function attend(tabs2, board, feed, signal) {
  const { window, document: document2 } = globalThis;
  const on = (target, name, then) => target?.addEventListener(name, then, { signal });
  on(window, "pagehide", () => tabs2.leave());
  on(window, "pageshow", () => tabs2.join());
  on(window, "online", () => feed()?.renew());
  on(document2, "visibilitychange", () => {
    if (document2.hidden) return;
    if (!/live|polling/.test(board.known.status)) feed()?.renew();
    tabs2.check();
  });
  tabs2.join();
}

// session.ts
var KEPT2 = "lastcall:user";
var RENEWALS_APART_MS = 2e3;
var FIRST_PAUSE_MS = 500;
var LONGEST_PAUSE_MS = 8e3;
var tabs = new BroadcastChannel("lastcall:session");
var users2 = /* @__PURE__ */ new Map();
var end = null;
async function startSessions(begin2) {
  const picker = byId("user");
  for (const user of await insist(users, new AbortController().signal)) {
    users2.set(user.id, user);
    const place2 = user.time_zone?.split("/").pop()?.replaceAll("_", " ");
    picker.append(h("option", { value: user.id }, place2 === void 0 ? user.id : `${user.id} · ${place2}`));
  }
  const first = users2.values().next();
  if (first.done) return "nobody";
  picker.disabled = false;
  picker.addEventListener("change", () => become2(picker.value, begin2));
  tabs.addEventListener("message", ({ data }) => {
    if (data !== picker.value) become2(data, begin2);
  });
  const asked = [new URLSearchParams(location.search).get("user"), localStorage.getItem(KEPT2)];
  become2(asked.find((id) => id !== null && users2.has(id)) ?? first.value.id, begin2);
  return "started";
}
function become2(id, begin2) {
  const user = users2.get(id);
  if (user === void 0) return;
  end?.abort();
  end = new AbortController();
  const ended = end.signal;
  byId("user").value = id;
  history.replaceState(null, "", `?${new URLSearchParams({ user: id })}`);
  localStorage.setItem(KEPT2, id);
  tabs.postMessage(id);
  const client = createClient({ user: id, fetch: fetchInLanguage });
  ended.addEventListener("abort", () => client.close());
  begin2({ user, client, ended });
  void insist(() => signIn(id), ended).then(() => {
    client.subscribe(() => {
      if (client.getSnapshot().status === "signed-out") void renew(id, client, ended);
    });
    client.start();
  }, quietly);
}
async function renew(id, client, ended) {
  await navigator.locks.request("lastcall:sign-in", async () => {
    if (ended.aborted || client.getSnapshot().status !== "signed-out") return;
    await insist(() => signIn(id), ended);
    await client.refresh();
    await pause2(RENEWALS_APART_MS);
  }).catch(quietly);
}
async function insist(step, ended) {
  for (let longest = FIRST_PAUSE_MS; ; longest = Math.min(longest * 2, LONGEST_PAUSE_MS)) {
    try {
      const done = await step();
      ended.throwIfAborted();
      return done;
    } catch {
      ended.throwIfAborted();
      await pause2(longest * (0.5 + Math.random() / 2));
    }
  }
}
function pause2(milliseconds) {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
function quietly(error) {
  if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
}

// shortcuts.ts
var KEPT3 = "lastcall:shortcuts";
var KEYS = { j: "next", k: "previous", u: "read", e: "archive", a: "all", z: "undo", "?": "help" };
function startShortcuts(inbox2) {
  byId("shortcuts-open").addEventListener("click", openHelp);
  addEventListener("keydown", (event) => {
    const action = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : void 0;
    const target = event.target;
    if (action === void 0 || event.ctrlKey || event.metaKey || event.altKey || !areOn()) return;
    if (target.closest("input:not([type=radio]), textarea, select, dialog") !== null) return;
    event.preventDefault();
    perform(action, inbox2());
  });
}
function perform(action, inbox2) {
  if (action === "help") openHelp();
  else if (action === "undo") takeLastBack();
  else if (action === "next") move(1);
  else if (action === "previous") move(-1);
  else if (action === "all") inbox2?.actions.readAll();
  else {
    const row = inbox2?.focused();
    if (!row) return;
    if (action === "read") inbox2?.actions.toggleRead(row.item);
    else inbox2?.actions.toggleArchived(row.item);
  }
}
function move(by) {
  const rows = [...byId("notifications").querySelectorAll(".row")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? rows[0] : rows[at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
function areOn() {
  return localStorage.getItem(KEPT3) !== "off";
}
function openHelp() {
  const rows = Object.entries(KEYS).map(
    ([key, action]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, t().keys[action]))
  );
  const [element, input] = toggle(t().shortcutsOn, areOn());
  input.addEventListener("change", () => localStorage.setItem(KEPT3, input.checked ? "on" : "off"));
  openDialog("shortcuts", t().shortcuts, h("dl", {}, ...rows), element);
}

// theme.ts
var KEPT4 = "lastcall:theme";
function startTheme() {
  show2();
  onChoice("theme", (value) => {
    localStorage.setItem(KEPT4, value);
    show2();
  });
  addEventListener("storage", ({ key }) => {
    if (key === KEPT4) show2();
  });
}
function show2() {
  const kept2 = localStorage.getItem(KEPT4);
  const theme = kept2 === "light" || kept2 === "dark" ? kept2 : "auto";
  document.documentElement.dataset["theme"] = theme;
  choose("theme", theme);
}

// main.ts
var CLOCK_MS = 15e3;
var session = null;
var inbox = null;
var arrived = 0;
function begin(picked) {
  const { client, ended } = picked;
  [session, arrived] = [picked, 0];
  inbox = new Inbox(picked);
  forgetToasts();
  forgetConnection();
  show3();
  const while_here = (listener) => () => void (ended.aborted || listener());
  client.subscribe(while_here(show3));
  client.on("notification", (item) => {
    if (ended.aborted) return;
    arrived += 1;
    showArrived();
    tell(item);
  });
  client.on("gap", while_here(() => tellOf(t().gap, t().gapHint)));
}
function show3() {
  if (session === null) return;
  showHeader(session.client.getSnapshot());
  inbox?.show();
  showArrived();
}
function showArrived() {
  byId("arrived").textContent = String(arrived);
}
function tick() {
  inbox?.tick();
  showJobs().catch(() => void 0);
}
startTheme();
startLanguage();
startToasts();
startFilters(() => inbox?.refilter());
startShortcuts(() => inbox);
onOlder(async () => inbox?.older());
onLanguage(() => {
  fillTypes();
  inbox?.retell();
  show3();
  tick();
});
byId("read-all").addEventListener("click", () => inbox?.actions.readAll());
byId("preferences-open").addEventListener("click", () => session && openPreferences(session));
byId("announce-open").addEventListener("click", openAnnouncement);
setInterval(tick, CLOCK_MS);
tick();
if (await startSessions(begin) === "nobody") showBanner(t().noUsers);

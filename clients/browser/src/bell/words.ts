// What the bell says itself, in the languages that it knows.

export interface Words {
  title: string;
  unread(count: number): string;
  allRead: string;
  archive: string;
  older: string;
  empty: string;
  loading: string;
  offline: string;
  signedOut: string;
  ended: string;
  silent: string;
}

const ENGLISH: Words = {
  title: "Notifications",
  unread: (count) => (count === 0 ? "none unread" : `${count} unread`),
  allRead: "Mark all read",
  archive: "Archive",
  older: "Show older",
  empty: "Nothing here yet",
  loading: "Loading",
  offline: "Not connected. It comes back by itself.",
  signedOut: "You are signed out.",
  ended: "Ended",
  silent: "Arrived silently",
};

const KOREAN: Words = {
  title: "알림",
  unread: (count) => (count === 0 ? "읽지 않은 알림 없음" : `읽지 않은 알림 ${count}개`),
  allRead: "모두 읽음으로 표시",
  archive: "보관",
  older: "이전 알림 보기",
  empty: "아직 알림이 없습니다",
  loading: "불러오는 중",
  offline: "연결이 끊겼습니다. 자동으로 다시 연결됩니다.",
  signedOut: "로그아웃되었습니다.",
  ended: "종료됨",
  silent: "조용히 도착함",
};

/** Those of a language, by its BCP 47 tag; English for all that are not known. */
export function wordsIn(language: string): Words {
  return /^ko\b/i.test(language) ? KOREAN : ENGLISH;
}

/** The language that a page says is spoken at that element. */
export function languageAt(element: Element): string {
  for (let node: Node | null = element; node; node = node instanceof ShadowRoot ? node.host : node.parentNode) {
    const tag = node instanceof Element && node.getAttribute("lang");
    if (tag) return tag;
  }
  return navigator.language;
}

/** How long ago that is, as `3 minutes ago`. */
export function ago(instant: string, language: string, now = Date.now()): string {
  const seconds = (Date.parse(instant) - now) / 1_000;
  if (Number.isNaN(seconds)) return "";
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60]] as const;
  const [unit, length] = units.find(([, least]) => Math.abs(seconds) >= least) ?? (["second", 1] as const);
  const count = unit === "second" ? 0 : Math.trunc(seconds / length);
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(count, unit);
}

// One person's notifications, as the inbox has them and as the stream brings them.
//
// The stream says that something is new; what is shown is then read from the inbox, no older than that event
// (`at_least`), so that list, count and stream cannot contradict one another. What others wrote is set as text, never
// as markup.

const PAGE = 20;
const TOASTS = 3;
const TOAST_MS = 7_000;
const REMEMBERED = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
const CLOCK_MS = 15_000;

const GLYPHS = {
  coupon: "M4 8a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v2a2 2 0 0 0 0 4v2a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-2a2 2 0 0 0 0-4ZM14 6v2m0 3v2m0 3v2",
  funding: "M12 20V10m0 0c0-4 3-6 7-6 0 4-3 6-7 6Zm0 4c0-3-3-5-7-5 0 3 3 5 7 5Z",
  alert: "M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16Zm0-12v4l3 2M4 5l3-2m13 2-3-2",
  announcement: "M4 10v4h3l8 4V6L7 10ZM18 9a4 4 0 0 1 0 6",
};

const $ = (id) => document.getElementById(id);
const tabs = new BroadcastChannel("lastcall-user");
const users = new Map();
let session = null;

class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function call(path, options = {}) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail ?? `${path} answered ${answer.status}`);
  }
  return answer.status === 204 ? null : answer.json();
}

function post(path, body, signal) {
  const headers = { "content-type": "application/json" };
  return call(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function glyph(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", GLYPHS[kind] ?? GLYPHS.announcement);
  svg.append(path);
  return svg;
}

/** `lastcall.coupon.expiring.v1` is about a coupon. */
const kindOf = (type) => type.split(".")[1] ?? "";

/** A title may be all somebody's own words, in any script; its first letters say which way it runs. */
function title(className, content, locale) {
  return element("p", { className, textContent: content, lang: locale, dir: "auto" });
}

/** A sentence of ours runs as its language does, also where it begins with a quoted title of another script. */
function sentence(className, content, locale) {
  const known = new Intl.Locale(locale || "en");
  const dir = (known.getTextInfo?.() ?? known.textInfo)?.direction ?? "ltr";
  return element("p", { className, textContent: content, lang: locale, dir });
}

function trouble(message) {
  $("trouble").hidden = !message;
  $("trouble").textContent = message ?? "";
}

function ago(instant) {
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const seconds = (new Date(instant) - Date.now()) / 1_000;
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  if (unit === "second" && Math.abs(seconds) < 45) return seconds > 0 ? "in a moment" : "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return unit === "second" ? words.format(Math.sign(seconds), "minute") : words.format(Math.trunc(seconds / length), unit);
}

function onTheirClock(instant, zone) {
  const form = { dateStyle: "medium", timeStyle: "short", hourCycle: "h23", timeZone: zone };
  return new Intl.DateTimeFormat("en", form).format(new Date(instant));
}

/** One person, from being picked until another one is. */
class Session {
  #user;
  #ended = new AbortController();
  #source = null;
  #items = [];
  #rows = new Map();
  #next = null;
  #cursor = null; // up to here the stream has been heard
  #atLeast = null; // the list has to have everything up to here
  #known = false; // whether the inbox has answered
  #stale = false;
  #reading = false;
  #heard = new Set();
  #arrived = 0;

  constructor(user) {
    this.#user = user;
  }

  async start() {
    this.#show();
    this.#connection("connecting");
    $("arrived").textContent = 0;
    await this.#insist(() => this.#signIn());
    await this.#insist(() => this.#read());
    this.#listen();
  }

  end() {
    this.#ended.abort();
    this.#source?.close();
  }

  async older() {
    const before = this.#next;
    const page = await this.#get("/v1/notifications", { limit: PAGE, before });
    if (this.#next !== before) return; // the list began anew meanwhile
    const known = new Set(this.#items.map((item) => item.id));
    this.#items.push(...page.notifications.filter((item) => !known.has(item.id)));
    this.#next = page.next ?? null;
    this.#show();
  }

  tick() {
    for (const time of $("notifications").querySelectorAll("time.when")) time.textContent = ago(time.dateTime);
  }

  #signIn() {
    return post("/dev/session", { user: this.#user.id }, this.#ended.signal);
  }

  #get(path, query) {
    const set = Object.entries(query).filter(([, value]) => value !== null);
    return call(`${path}?${new URLSearchParams(set)}`, { signal: this.#ended.signal });
  }

  /** Tries until it works or somebody else is picked: the server may be away for a while. */
  async #insist(step) {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const done = await step();
        trouble(null);
        return done;
      } catch (error) {
        this.#ended.signal.throwIfAborted();
        trouble(`${error.message}. Trying again.`);
        if (error.status === 410) this.#atLeast = null;
        await new Promise((resume) => setTimeout(resume, pause));
        this.#ended.signal.throwIfAborted();
        if (error.status === 401) await this.#signIn().catch(() => {});
      }
    }
  }

  /** Reads what is new, once for everything that arrives in the meantime. */
  async #refresh() {
    this.#stale = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#stale) {
      this.#stale = false;
      await this.#insist(() => this.#read());
    }
    this.#reading = false;
  }

  async #read() {
    const at_least = this.#atLeast;
    const [page, count] = await Promise.all([
      this.#get("/v1/notifications", { limit: PAGE, at_least }),
      this.#get("/v1/notifications/unread-count", { at_least }),
    ]);
    this.#cursor ??= page.cursor;
    this.#known = true;
    this.#merge(page);
    this.#show();
    $("bell").dataset.unread = count.unread;
    $("bell").setAttribute("aria-label", `${count.unread} unread notification${count.unread === 1 ? "" : "s"}`);
    $("unread").textContent = count.unread > 999 ? "999+" : count.unread;
    $("unread").hidden = count.unread === 0;
    document.title = count.unread > 0 ? `(${count.unread}) Lastcall` : "Lastcall";
  }

  /** The newest page goes before what is known. Where they do not meet, something is missing in between. */
  #merge(page) {
    const fresh = new Map(page.notifications.map((item) => [item.id, item]));
    const older = this.#items.filter((item) => !fresh.has(item.id));
    const meets = older.length < this.#items.length;
    if (meets && older.length > 0) {
      this.#items = [...fresh.values(), ...older];
    } else {
      this.#items = [...fresh.values()];
      this.#next = page.next ?? null;
    }
  }

  /** From where the list ends, so that nothing falls in between. Without a position nothing was ever told. */
  #listen() {
    const start = this.#cursor ? { last_event_id: this.#cursor } : { from: "earliest" };
    const source = new EventSource(`/v1/stream?${new URLSearchParams(start)}`);
    this.#source = source;
    source.onopen = () => this.#connection("live");
    source.onmessage = (message) => this.#hear(message);
    source.addEventListener("gap", (message) => this.#miss(message));
    source.onerror = () => {
      this.#connection("reconnecting");
      // It comes back by itself after a lost connection, and gives up after a refusal.
      if (source.readyState === EventSource.CLOSED) this.#listenAgain().catch(quietWhenEnded);
    };
  }

  async #listenAgain() {
    await new Promise((resume) => setTimeout(resume, FIRST_PAUSE_MS * 2));
    this.#ended.signal.throwIfAborted();
    await this.#insist(() => this.#signIn());
    this.#listen();
  }

  #hear(message) {
    this.#moveTo(message.lastEventId);
    const event = JSON.parse(message.data);
    if (this.#heard.has(event.id)) return;
    this.#heard.add(event.id);
    if (this.#heard.size > REMEMBERED) this.#heard.delete(this.#heard.values().next().value);
    this.#arrived += 1;
    $("arrived").textContent = this.#arrived;
    this.#toast(event);
    this.#refresh().catch(quietWhenEnded);
  }

  #miss(message) {
    this.#moveTo(message.lastEventId);
    this.#items = [];
    toast("announcement", title("title", "Some events are gone", "en"),
      sentence("body", "The log does not hold them any more. The list was loaded again.", "en"));
    this.#refresh().catch(quietWhenEnded);
  }

  #moveTo(cursor) {
    this.#cursor = cursor;
    this.#atLeast = cursor;
    this.#connection("live");
  }

  #toast(event) {
    const all = [event.data?.words ?? []].flat();
    const language = (tag) => tag?.split("-")[0];
    const words = all.find((each) => language(each.locale) === language(this.#user.locale)) ?? all[0];
    if (!words) return;
    toast(kindOf(event.type), title("title", words.title, words.locale), sentence("body", words.body, words.locale));
  }

  #connection(state) {
    $("connection").textContent = state;
    $("connection").dataset.state = state;
    $("connection").dataset.cursor = this.#cursor ?? "";
    $("cursor").textContent = this.#cursor ?? "none yet";
  }

  /** Rows that stay are left where they are, so that nothing jumps or blinks. */
  #show() {
    const list = $("notifications");
    this.#items.forEach((item, place) => {
      const row = this.#rows.get(item.id) ?? this.#row(item);
      row.toggleAttribute("data-read", item.read_at !== null);
      if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
    });
    while (list.children.length > this.#items.length) list.lastElementChild.remove();
    $("empty").hidden = this.#items.length > 0 || !this.#known;
    $("more").hidden = this.#next === null;
  }

  #row(item) {
    const when = element("time", { className: "when", dateTime: item.time, textContent: ago(item.time) });
    when.title = onTheirClock(item.time, this.#user.time_zone);
    const row = element("li", {}, glyph(kindOf(item.type)),
      title("title", item.title, item.locale), when, sentence("body", item.body, item.locale));
    Object.assign(row.dataset, { id: item.id, kind: kindOf(item.type) });
    if (item.expirytime) {
      const over = new Date(item.expirytime) < Date.now();
      row.toggleAttribute("data-over", over);
      const until = `${over ? "Ended" : "Ends"} ${onTheirClock(item.expirytime, this.#user.time_zone)}`;
      row.append(element("p", { className: "until", textContent: until }));
    }
    row.toggleAttribute("data-fresh", this.#heard.has(item.id));
    this.#rows.set(item.id, row);
    return row;
  }
}

function quietWhenEnded(error) {
  if (error.name !== "AbortError") throw error;
}

function toast(kind, ...lines) {
  const box = element("div", { className: "toast" }, glyph(kind), element("div", {}, ...lines));
  box.dataset.kind = kind;
  $("toasts").append(box);
  while ($("toasts").children.length > TOASTS) $("toasts").firstElementChild.remove();
  setTimeout(() => box.remove(), TOAST_MS);
}

async function showJobs() {
  for (const job of await call("/dev/jobs")) {
    const row = document.querySelector(`[data-name="${CSS.escape(job.name)}"]`) ?? addJob(job);
    const soonest = Math.max(new Date(job.next), Date.now() + 1_000);
    row.querySelector(".next").textContent = job.next ? `Next ${ago(soonest)}` : "Not scheduled";
    row.querySelector(".next").title = `${job.cron} in ${job.zone}`;
  }
}

function addJob({ name }) {
  const title = name.replaceAll("-", " ").replace(/^./, (letter) => letter.toUpperCase());
  const button = element("button", { type: "button", textContent: "Run now" });
  button.dataset.job = name;
  button.setAttribute("aria-label", `Run ${title.toLowerCase()} now`);
  const result = element("output");
  button.onclick = () => run(name, button, result);
  const row = element("li", {}, element("p", { className: "name", textContent: title }),
    element("p", { className: "next" }), button, result);
  row.dataset.name = name;
  $("jobs").append(row);
  return row;
}

async function run(name, button, result) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const counts = await call(`/dev/jobs/${encodeURIComponent(name)}/run`, { method: "POST" });
    Object.assign(result.dataset, counts);
    const told = `${counts.emitted} emitted, ${counts.already_emitted} already emitted`;
    result.textContent = `${counts.read} read: ${told}${counts.skipped ? `, ${counts.skipped} skipped` : ""}`;
    result.toggleAttribute("data-failed", false);
  } catch (error) {
    result.textContent = error.message;
    result.toggleAttribute("data-failed", true);
  }
  button.removeAttribute("aria-disabled");
}

function become(id) {
  session?.end();
  session = new Session(users.get(id));
  $("user").value = id;
  history.replaceState(null, "", `?${new URLSearchParams({ user: id })}`);
  session.start().catch(quietWhenEnded);
}

async function showUsers() {
  for (const user of await call("/dev/users")) {
    users.set(user.id, user);
    const place = [user.locale, user.time_zone].filter(Boolean).join(", ");
    $("user").append(element("option", { value: user.id, textContent: place ? `${user.id} (${place})` : user.id }));
  }
  $("user").disabled = users.size === 0;
  if (users.size === 0) return trouble("There are no users yet. Import some and reload this page.");
  const asked = new URLSearchParams(location.search).get("user");
  become(users.has(asked) ? asked : users.keys().next().value);
}

$("user").onchange = () => {
  become($("user").value);
  tabs.postMessage($("user").value);
};
$("more").onclick = () => session.older().catch((error) => trouble(error.message));

// All tabs share one cookie. A tab that went on with the person it shows would get another one's events.
tabs.onmessage = ({ data }) => users.has(data) && become(data);

setInterval(() => {
  session?.tick();
  showJobs().catch(() => {});
}, CLOCK_MS);

await Promise.all([showUsers(), showJobs()]).catch((error) => trouble(`${error.message}. Reload this page.`));

// What the page knows, and the stream that keeps it new. Views listen; nobody else fetches the state.
import { serverNow, setServerTime, setSeverities } from "./words.js";

const MAX_VERDICTS = 80;
const RATE_WINDOW_MS = 5000;

export const known = {
  title: "", severities: [], logins: false, listens_to: "", link: null, robots: new Map(), findings: new Map(),
  verdicts: [], latest: new Map(), gaps: [], usage: null, refused: [], skipped: 0, connected: false, lostAt: null, openElsewhere: 0,
};
const SILENT_MS = 40_000; // the stream brings something every 15 s at least; a network that went away says nothing
const arrivals = []; // [time, how many]: for the rate
const listeners = new Map();
let stream = null;
let loading = null;
let lastEventMs = 0;
let held = null; // news that comes while the state is loaded

/** Call `listener(detail)` when `kind` changed: all, link, robots, findings, verdicts, gaps, picture, stream. */
export function on(kind, listener) {
  listeners.set(kind, [...(listeners.get(kind) ?? []), listener]);
}

export const robotKey = (of) => `${of.site}/${of.robot}`;
export const findingKey = (finding) => `${finding.site}/${finding.id}`;

/** A robot's name, with its site where another one has that name too. */
export function robotWord(of) {
  const isShared = [...known.robots.values()].some((other) => other.robot === of.robot && other.site !== of.site);
  return isShared ? `${of.robot} (${of.site})` : of.robot;
}

/** An asset's name, with its site where the page knows several sites. */
export function assetWord({ asset, site }) {
  return new Set([...known.robots.values()].map((robot) => robot.site)).size > 1 ? `${asset} (${site})` : asset;
}

/** Null while what is shown of robots is of now; else the time from which it is, "" if nobody knows that. */
export function knownUntil() {
  if (!known.connected) return known.lostAt ?? "";
  return known.link?.state === "connected" ? null : known.link?.known_until ?? "";
}

/** Verdicts a second, over the last five. */
export function rate() {
  const since = performance.now() - RATE_WINDOW_MS;
  while (arrivals.length && arrivals[0][0] < since) arrivals.shift();
  return arrivals.reduce((sum, [, number]) => sum + number, 0) / (RATE_WINDOW_MS / 1000);
}

/** Fetch JSON; a login that ended leads to the login. */
export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) {
    location.assign("login"); // relative: below a path of a reverse proxy too
    throw new Error("the login ended");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.problem ?? `${path}: ${answer.status}`);
  return said;
}

/** Open the stream while somebody looks: a hidden tab must not use up the browser's connections. */
export function start() {
  const follow = () => (document.hidden ? close() : open());
  setInterval(() => {
    if (!stream || !known.connected || performance.now() - lastEventMs < SILENT_MS) return;
    close();
    tellStream(false);
    open();
  }, 5000);
  document.addEventListener("visibilitychange", follow);
  follow();
}

function open() {
  if (stream) return;
  stream = new EventSource("api/events");
  for (const kind of ["hello", "news", "beat", "resync"]) stream.addEventListener(kind, () => { lastEventMs = performance.now(); });
  stream.addEventListener("hello", () => { tellStream(true); load(); });
  stream.addEventListener("resync", load);
  stream.addEventListener("ended", () => ask("api/robots").catch(() => {})); // by the server: does the login still hold?
  stream.addEventListener("news", (event) => {
    const news = JSON.parse(event.data);
    if (held) held.push(news);
    else apply(news);
  });
  stream.addEventListener("error", () => {
    tellStream(false);
    if (stream?.readyState === EventSource.CLOSED) { // refused, not cut: the login ended, or too many pages
      close();
      setTimeout(() => { if (!document.hidden) ask("api/robots").then(open, () => setTimeout(open, 5000)); }, 2000);
    }
  });
}

function close() {
  stream?.close();
  stream = null;
}

async function load() {
  if (loading) return;
  held = [];
  loading = ask("api/state");
  try {
    const state = await loading;
    setServerTime(state.now);
    setSeverities(state.severities);
    Object.assign(known, {
      title: state.title, version: state.version, severities: state.severities, logins: state.logins, listens_to: state.listens_to, link: state.link,
      can: state.can ?? {}, me: state.me ?? {}, gaps: state.gaps, usage: state.usage, refused: state.refused, verdicts: state.verdicts, skipped: 0,
      robots: new Map(state.robots.map((robot) => [robotKey(robot), robot])),
      findings: new Map(state.findings.map((record) => [findingKey(record.finding), record])),
    });
    known.openElsewhere = Math.max(0, (state.usage.open_findings ?? 0) - state.findings.filter(({ finding }) => finding.state !== "closed").length);
    known.latest.clear();
    for (const verdict of [...state.verdicts].reverse()) noteLatest(verdict);
    tell("all");
    const missed = held;
    held = null;
    missed.forEach(apply);
  } catch (problem) {
    held = null;
    console.warn(problem);
    setTimeout(load, 2000);
  } finally {
    loading = null;
  }
}

function apply(news) {
  if (news.verdicts.length || news.skipped) {
    const shown = new Set(known.verdicts.map((verdict) => verdict.id));
    const fresh = news.verdicts.filter((verdict) => !shown.has(verdict.id));
    fresh.forEach(noteLatest);
    known.verdicts = [...fresh.reverse(), ...known.verdicts].slice(0, MAX_VERDICTS);
    arrivals.push([performance.now(), news.verdicts.length + news.skipped]);
    known.skipped = news.skipped;
    tell("verdicts", fresh);
  }
  for (const robot of news.robots ?? []) known.robots.set(robotKey(robot), robot);
  for (const robot of news.gone ?? []) known.robots.delete(robotKey(robot));
  if (news.robots || news.gone) tell("robots");
  for (const record of news.findings ?? []) {
    const key = findingKey(record.finding);
    const before = known.findings.get(key);
    known.findings.set(key, { ...record, review: before?.review ?? null });
    tell("finding", { record: known.findings.get(key), before });
  }
  if (news.findings) tell("findings");
  for (const one of news.reviewed ?? []) refetch(one);
  for (const picture of news.pictures ?? []) tell("picture", picture);
  if (news.link) { known.link = news.link[0]; tell("link"); }
  if (news.gaps) { known.gaps = news.gaps[0]; tell("gaps"); }
}

async function refetch({ site, id }) {
  if (!id.split(":").pop().startsWith("f")) { // of a verdict: its number; of a finding: f and its number
    tell("verdict-reviewed", id);
    return;
  }
  const record = await ask(`api/findings/${encodeURIComponent(site)}/${encodeURIComponent(id)}`).catch(() => null);
  if (!record) return;
  known.findings.set(findingKey(record.finding), { received_at: record.received_at, finding: record.finding, review: record.review });
  tell("findings");
  tell("reviewed", record);
}

function noteLatest(verdict) {
  const before = known.latest.get(robotKey(verdict));
  if (!verdict.replayed && !(before && before.seq > verdict.seq && before.id.split(":")[1] === verdict.id.split(":")[1])) known.latest.set(robotKey(verdict), verdict);
}

function tellStream(connected) {
  if (known.connected && !connected) known.lostAt = new Date(serverNow()).toISOString();
  known.connected = connected;
  tell("stream");
}

function tell(kind, detail) {
  for (const listener of listeners.get(kind) ?? []) listener(detail);
}

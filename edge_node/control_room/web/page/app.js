// The page as a whole: views, selection, keys, and who is told what changed.
import { showCommands } from "./live/commands.js";
import "./drawings/drawings.js";
import { closeDrawer, isOpen, openFinding, openSubject, openVerdict, openedKey, pictureKey, refresh } from "./detail/drawer.js";
import { byId, el, setText } from "./dom.js";
import { feed, fillFeed } from "./live/feed.js";
import { pictureCame, reveal, showFindings } from "./live/findings.js";
import { showAlerts } from "./health/alerts.js";
import { badge, showFleet, showGaps, showHealth } from "./health/health.js";
import { makeCompare, showCompare } from "./compare/compare.js";
import { makeDefects, showDefects } from "./defects/defects.js";
import { makeHistory, showHistory } from "./history/history.js";
import { makeQueue, openNext, reviewed, showQueue, stepQueue } from "./review/queue.js";
import { makePeople, showPeople, showPerson } from "./health/people.js";
import { hasForm, makeReview, reviewKey } from "./review/review.js";
import { showLatestOnly, showRobots } from "./live/robots.js";
import { assetWord, findingKey, known, knownUntil, on, rate, robotKey, robotWord, start } from "./store.js";
import { StripBoard } from "./live/stripboard.js";
import { go, keyOf, makeTabs, refill, shownView, tabs, whenShown } from "./views.js";
import { nameCells } from "./tables.js";
import { clockTime, dateTime, glyph, outcomeWord, reach, zoneOffset } from "./words.js";

const WHICH = [["open", "Open"], ["closed", "Closed"], ["all", "All"]];
const KEYS = [["j k", "next and previous finding (arrows too) or picture"], ["Enter", "open it"], ["Esc", "close what is open"], ["c d", "confirm or dispute what is open; a digit chooses what is right; Enter sends, and the next one opens"], ["u", "take the last review back; Enter sends that too"], ["m", "plain, outlined, or both pictures"], ["f", "get the full picture"], ["+ - 0", "zoom the picture, or show all of it"], ["r", "next robot, or all"], ["/", "to the filters of the history"], ["t", "dark or light"], ["?", "this list"]];

const MOVING = new Set(["j", "k", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "+", "-", "Tab", "PageUp", "PageDown", " "]);

const page = { robot: null, which: "all", finding: null, order: [] };
const board = new StripBoard(byId("strips"), byId("span"), {
  openFinding: openFindingBy,
  pick: (filters) => go("history", filters),
});

function drawLive() {
  showRobots(page.robot, chooseRobot);
  showCommands(page.robot);
  drawFindings();
  fillFeed(page.robot, openVerdict);
  board.keepTo(page.robot);
}

function drawFindings() {
  page.order = showFindings(page.which, page.robot, page.finding, openFindingBy);
}

function chooseRobot(key) {
  page.robot = page.robot === key ? null : key;
  drawLive();
}

function openFindingBy(key) {
  page.finding = key;
  drawFindings();
  const [site, ...rest] = key.split("/");
  openFinding(site, rest.join("/"));
}

function step(by) {
  if (!page.order.length) return;
  const at = page.order.indexOf(page.finding);
  page.finding = page.order[Math.min(page.order.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : page.order.length - 1) : at + by))];
  drawFindings();
  reveal(page.finding);
  if (isOpen() && openedKey() !== page.finding) openFindingBy(page.finding);
}

/** Whether a finding can be reviewed, and was not. */
const isWaiting = (record) => Boolean(record?.finding.best_evidence_sha256 && !record.review);

/** After a review: the next picture of the queue, or the next finding that nobody reviewed. */
function openFollowing(kind, key) {
  if (shownView() === "review" && kind === "verdict") openNext(key);
  else if (shownView() === "live" && kind === "finding") {
    const at = page.order.indexOf(key);
    const waits = [...page.order.slice(at + 1), ...page.order.slice(0, Math.max(0, at))].find((one) => one !== key && isWaiting(known.findings.get(one)));
    if (waits) openFindingBy(waits);
    if (waits) reveal(waits);
  }
}

function drawLink() {
  const { connected, lostAt, link } = known;
  const node = byId("link");
  const [lamp, words] = !connected ? (lostAt || known.title ? ["bad", "page cut off"] : ["starting", "connecting"]) : link?.state === "connected" ? ["ok", "broker connected"] : [link?.state === "refused" ? "bad" : "starting", `broker: ${link?.state ?? "not known"}`];
  node.querySelector(".lamp").dataset.state = lamp;
  setText(node.querySelector("span"), words);
  node.title = link?.text ?? "";
  const notice = noticeOf(known);
  byId("notice").hidden = !notice;
  setText(byId("notice"), notice);
  document.body.classList.toggle("stale", knownUntil() !== null);
}

/** What everybody must know of the connections: from when it is what the page shows. */
function noticeOf({ connected, lostAt, link }) {
  if (!connected) return lostAt ? `This page has had no connection to its control room since ${dateTime(lostAt)}. It shows what was known then, and tries to connect again.` : known.title ? "This page cannot reach its control room. It tries to connect again." : "";
  if (link && link.state !== "connected") {
    const until = link.known_until ? `The page shows the robots as they were at ${dateTime(link.known_until)}.` : "Nothing is known of the robots until the broker can be reached.";
    return `The control room has no connection to the broker. ${until} ${link.text ?? ""}`.trim();
  }
  return link?.text || (link?.notices ?? []).at(-1) || "";
}

/** What changes when a connection comes or goes: lamps, tallies, words. */
function drawConnections() {
  drawLink();
  drawRate();
  if (shownView() === "live") showRobots(page.robot, chooseRobot);
  if (shownView() === "health") showFleet();
}

function drawRate() {
  setText(byId("tally-rate"), knownUntil() === null ? rate().toFixed(1) : "–");
}

function announce(text) {
  setText(byId("announcer"), text);
}

function switchTheme() {
  const isLight = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "light" : matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = isLight ? "dark" : "light";
  try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* storage is switched off */ }
}

function nextRobot() {
  const keys = [null, ...known.robots.keys()];
  page.robot = keys[(keys.indexOf(page.robot) + 1) % keys.length];
  drawLive();
}

function onKey(event) {
  const typing = event.target.closest("input:not([type=radio]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || event.getModifierState?.("AltGraph") || event.isComposing || event.keyCode === 229) return;
  if (event.repeat && !typing && !MOVING.has(event.key)) { // a held key is no second press: not of a button either
    event.preventDefault();
    return;
  }
  if (document.querySelector("dialog[open]")) return; // what lies behind it gets no keys
  if (reviewKey(event)) {
    event.preventDefault();
    return;
  }
  if (event.key === "Escape") {
    if (typing) typing.blur();
    closeDrawer();
    return;
  }
  if (typing) return;
  const acts = {
    ...(hasForm() ? {} : toView),
    j: () => (shownView() === "review" ? stepQueue(1) : step(1)), k: () => (shownView() === "review" ? stepQueue(-1) : step(-1)),
    t: switchTheme, r: nextRobot, "?": showKeys, "/": () => { go("history"); byId("filters").elements.robot.focus(); },
  };
  const inList = shownView() === "live" && (event.target === byId("findings") || event.target === document.body || event.target === byId("main") || byId("drawer").contains(event.target));
  if (inList && !event.target.closest("button, a, svg")) Object.assign(acts, { ArrowDown: () => step(1), ArrowUp: () => step(-1), Enter: () => page.finding && openFindingBy(page.finding) });
  const act = acts[event.key] ?? (pictureKey(event.key) ? () => {} : null);
  if (!act) return;
  event.preventDefault();
  act();
}

function showKeys() {
  const dialog = byId("keys");
  if (!dialog.children.length) {
    dialog.append(el("h2", { id: "keys-title" }, "Keys"), el("dl", {}, [...tabs().filter(({ hidden }) => !hidden).map((tab) => [keyOf(tab), tab.firstChild.textContent.trim()]), ...KEYS].flatMap(([keys, does]) => [el("dt", {}, keys.split(" ").flatMap((key) => [el("kbd", {}, key), " "])), el("dd", {}, does)])), el("form", { method: "dialog" }, el("button", { class: "primary" }, "Close")));
  }
  dialog.showModal();
}

function makeChoices() {
  byId("which").append(...WHICH.map(([which, label]) => el("button", { data: { which }, "aria-pressed": String(which === page.which), onclick: (event) => {
    page.which = which;
    for (const button of byId("which").children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
    drawFindings();
  } }, label)));
}

function drawLegend() {
  const [none, ...rest] = known.severities;
  byId("legend").replaceChildren(el("span", {}, glyph("uncorroded", none), outcomeWord("uncorroded")), ...rest.map((word) => el("span", {}, glyph("corroded", word), word)), el("span", {}, glyph("corroded", null), "no severity"), el("span", {}, glyph("uncertain"), "uncertain"), el("span", {}, glyph("not_inspectable"), "not inspectable"), el("span", {}, el("i", { class: "area-line" }), "area"));
}

on("all", () => {
  document.title = known.title;
  setText(byId("title"), known.title);
  showPerson();
  drawLegend();
  drawLink();
  go(shownView() ?? location.hash.slice(1));
  showGaps();
});
on("stream", drawConnections);
on("link", drawConnections);
on("robots", () => {
  if (shownView() === "live") showRobots(page.robot, chooseRobot);
  if (shownView() === "health") showFleet();
  badge();
});
on("findings", () => { if (shownView() === "live") drawFindings(); board.soon(); });
on("finding", ({ record, before }) => {
  const { finding } = record;
  if (!before && finding.state !== "closed") announce(`Finding opened: ${finding.peak_severity ?? ""} ${finding.form ?? "corrosion"} on ${finding.material ?? "unknown material"}, ${finding.asset ? `${assetWord(finding)}, ` : ""}${robotWord(finding)}, ${reach(finding)}`);
  if (before && ["state", "peak_severity", "material", "form"].some((name) => before.finding[name] !== finding[name])) refresh("finding", findingKey(finding));
});
on("reviewed", (record) => refresh("finding", findingKey(record.finding)));
on("verdict-reviewed", (id) => { refresh("verdict", id); if (shownView() === "review") reviewed(id); });
on("verdicts", (fresh) => {
  if (shownView() !== "live") return;
  feed(fresh, page.robot, openVerdict);
  showLatestOnly();
  board.moved(fresh.map(robotKey));
});
on("picture", pictureCame);
on("gaps", showGaps);

const toView = makeTabs();
whenShown("live", drawLive);
whenShown("history", showHistory);
whenShown("health", showHealth);
whenShown("health", (_given, isAgain) => { if (!isAgain) showPeople(); });
whenShown("health", showAlerts);
whenShown("review", showQueue);
whenShown("defects", showDefects);
whenShown("compare", showCompare);
byId("theme").addEventListener("click", switchTheme);
byId("help").addEventListener("click", showKeys);
document.addEventListener("keydown", onKey);
setInterval(() => {
  setText(byId("clock"), `${clockTime(Date.now())} ${zoneOffset()}`);
  drawRate();
}, 500);
setInterval(() => { if (shownView() === "live") showRobots(page.robot, chooseRobot); if (shownView() === "health") refill(); }, 5000);
nameCells(byId("main"));
makeChoices();
makeHistory(openVerdict, openFindingBy);
makeQueue(openVerdict);
makeDefects(openFinding);
makeCompare(openFinding);
makePeople();
makeReview({ open: openSubject, next: openFollowing });
start();

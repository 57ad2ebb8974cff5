// The robots and their lamps.
import { byId, el, keyed, setText } from "../dom.js";
import { known, knownUntil, robotKey } from "../store.js";
import { age, clockWords, controlWords, count, counted, dateTime, duration, glyph, metres, plural, serverNow, verdictWords } from "../words.js";

const SILENT_MS = 30_000; // health comes every few seconds
const CLOCK_OFF_S = 5;
const PARTS = ["camera", "model", "clock", "link", "spool"];
const LAMPS = { ok: "ok", starting: "starting", absent: "off", failing: "bad", paused: "paused", unknown: "off" };

/** What is to be said of a robot: a lamp and a word; grey where nothing is known of it now. */
export function condition(robot) {
  const { status, last_heard_at: heardAt } = robot;
  const until = knownUntil();
  if (until !== null) return { lamp: "off", word: `not known since ${dateTime(until || heardAt)}`, isKnown: false, online: false };
  const is = (lamp, word, online = false) => ({ lamp, word, isKnown: true, online });
  if (!status) return is("off", "no status yet");
  if (status.presence !== "online") {
    return status.offline_reason === "link_lost" ? is("bad", `link lost, last heard ${age(heardAt)} ago`) : is("off", `stopped, last heard ${age(heardAt)} ago`);
  }
  if (serverNow() - Date.parse(heardAt) > SILENT_MS) return is("warn", `silent for ${age(heardAt)}`, true);
  const still = status.unchanged_since && (serverNow() - Date.parse(status.unchanged_since)) / 1000 + (robot.clock_ahead_s ?? 0);
  return is("ok", still ? `online, nothing new for ${duration(Math.max(0, still))}` : "online", true);
}

/** The lamp and the words of one part. */
export function part(robot, name) {
  const { status } = robot;
  if (knownUntil() !== null || !status || status.presence !== "online") return { lamp: "off", text: "not known" };
  if (name === "link") {
    const lamp = status.link !== "connected" ? "bad" : status.link_text ? "warn" : "ok";
    return { lamp, text: status.link_text || status.link };
  }
  if (name === "spool") return spool(robot.health?.spool ?? status.spool);
  if (name === "clock") return clock(robot);
  const { state, text } = status[name];
  const held = name === "camera" ? controlWords(status.camera_controls) : "";
  return { lamp: LAMPS[state] ?? "off", text: [text || state, held].filter(Boolean).join("; ") };
}

function clock({ status, clock_ahead_s: aheadS }) {
  const words = clockWords(status.clock);
  if (Math.abs(aheadS ?? 0) > CLOCK_OFF_S) return { lamp: "bad", text: `${words}; ${duration(Math.abs(aheadS))} ${aheadS > 0 ? "ahead of" : "behind"} the control room` };
  if (status.clock.state === "failing") return { lamp: /floor of time/.test(status.clock.text) ? "bad" : "warn", text: words };
  return { lamp: LAMPS[status.clock.state] ?? "off", text: words };
}

/** All alarms of a robot, as people read them. */
export function alarms(robot) {
  const said = [...(robot.status?.spool?.alarms ?? []), ...(robot.health?.alarms ?? [])];
  const texts = said.map((alarm) => alarm.text);
  if (robot.status?.scale?.state === "failing") texts.push(robot.status.scale.text);
  if (robot.conflicts) texts.push(`${counted(robot.conflicts, "verdict")} came with an id that another verdict has: two robots of one name?`);
  return [...new Set(texts)];
}

/** Draw the cards; `chosen` is the key of the robot that the page keeps to, `choose` is called with one. */
export function showRobots(chosen, choose) {
  const robots = [...known.robots.values()];
  keyed(byId("robots"), robots, robotKey, () => card(choose), (node, robot) => update(node.firstChild, robot, chosen));
  if (!robots.length) byId("robots").replaceChildren(el("li", { class: "empty-note" }, ...nobodyYet()));
  showTally(robots);
}

/** What is expected, and how a robot comes here, while none was heard. */
export function nobodyYet() {
  const [topic, broker] = (known.listens_to || "corrosion/v1/+/+/# at the broker").split(" at ");
  return [el("b", {}, "No robot has been heard yet."), el("p", {}, "This room listens to ", el("code", {}, topic), ` at ${broker}.`),
    el("p", {}, "On a robot: ", command(`edge-node init --broker ${broker}`), ", then ", command("edge-node run"), "."),
    el("p", {}, "What the broker passes on: ", command(`edge-node watch ${broker}`), ".")];
}

/** A command line, which breaks between its words only. */
function command(line) {
  return el("code", {}, line.split(" ").map((word, at) => [at ? " " : "", el("span", { class: "word" }, word)]));
}

function showTally(robots) {
  const isKnown = knownUntil() === null;
  const online = robots.filter((robot) => condition(robot).online).length;
  setText(byId("tally-online"), isKnown ? `${online} / ${robots.length}` : robots.length);
  setText(byId("tally-online-name"), `${plural(robots.length, "robot")} ${isKnown ? "online" : "not known"}`);
}

function spool(depth) {
  if (!depth) return { lamp: "off", text: "not known" };
  if (depth.dropped || depth.refused || depth.quarantined) return { lamp: "bad", text: `${depth.dropped} dropped, ${depth.refused} refused, ${depth.quarantined} quarantined` };
  return depth.waiting > 100 ? { lamp: "warn", text: `${count(depth.waiting)} wait` } : { lamp: "ok", text: `${depth.waiting} wait` };
}

function card(choose) {
  const node = el("li", {}, el("button", { class: "robot" },
    el("span", { class: "top" }, el("i", { class: "lamp" }), el("span", { class: "name" }), el("span", { class: "site" })),
    el("span", { class: "now" }),
    el("span", { class: "parts" }, PARTS.map((name) => el("span", {}, el("i", { class: "lamp", data: { part: name } }), name))),
    el("span", { class: "alarm", hidden: true }),
    el("span", { class: "counts" }, el("span", { class: "word" }), el("span", { class: "total" }), el("span", { class: "missing" }))));
  node.firstChild.addEventListener("click", () => choose(node.dataset.key));
  return node;
}

function update(node, robot, chosen) {
  const is = condition(robot);
  const find = (selector) => node.querySelector(selector);
  node.setAttribute("aria-pressed", String(chosen === robotKey(robot)));
  node.classList.toggle("unknown", !is.isKnown);
  find(".top .lamp").dataset.state = is.lamp;
  setText(find(".name"), robot.robot);
  setText(find(".site"), robot.site);
  setText(find(".word"), is.word);
  setText(find(".total"), counted(robot.verdicts, "verdict"));
  setText(find(".missing"), robot.missing ? `${count(robot.missing)} missing` : "");
  for (const name of PARTS) {
    const lamp = find(`[data-part="${name}"]`);
    const { lamp: state, text } = part(robot, name);
    lamp.dataset.state = state;
    lamp.parentNode.title = `${name}: ${text}`;
  }
  const said = alarms(robot);
  find(".alarm").hidden = !said.length;
  setText(find(".alarm"), said.join("; "));
  node.setAttribute("aria-description", `${robot.robot} at ${robot.site}: ${is.word}; ${PARTS.map((name) => `${name} ${part(robot, name).text}`).join(", ")}${said.length ? `; alarm: ${said.join("; ")}` : ""}`);
  showLatest(node, known.latest.get(robotKey(robot)));
}

function showLatest(node, verdict) {
  const now = node.querySelector(".now");
  if (!verdict) {
    setText(now, "");
    delete now.dataset.id;
  } else if (now.dataset.id !== verdict.id) {
    now.dataset.id = verdict.id;
    now.replaceChildren(glyph(verdict.outcome, verdict.severity), el("span", { class: "what" }, verdictWords(verdict, true)), el("span", { class: "place" }, verdict.distance_m === null ? "" : metres(verdict.distance_m)));
  }
}

/** Bring what the robots see up to date, without the rest of their cards. */
export function showLatestOnly() {
  for (const node of byId("robots").children) {
    if (node.firstChild?.classList?.contains("robot")) showLatest(node.firstChild, known.latest.get(node.dataset.key));
  }
}

// The robots and their lamps.
import { byId, el, keyed, setText } from "../dom.js";
import { known, robotKey } from "../store.js";
import { age, controlWords, count, counted, duration, glyph, metres, serverNow, verdictWords } from "../words.js";

const SILENT_MS = 30_000; // health comes every few seconds
const CLOCK_OFF_S = 5;
const PARTS = ["camera", "model", "clock", "link", "spool"];
const LAMPS = { ok: "ok", starting: "starting", absent: "off", failing: "bad", paused: "paused", unknown: "off" };

/** What is to be said of a robot: a word and a lamp for it and its parts. */
export function condition(robot) {
  const status = robot.status;
  const offline = !status || status.presence !== "online";
  const silent = !offline && serverNow() - Date.parse(robot.last_heard_at) > SILENT_MS;
  const still = status?.unchanged_since && (serverNow() - Date.parse(status.unchanged_since)) / 1000 + (robot.clock_ahead_s ?? 0);
  const lamp = !status ? "off" : offline ? (status.offline_reason === "link_lost" ? "bad" : "off") : silent ? "warn" : "ok";
  const word = !status ? "no status yet" : offline ? (status.offline_reason === "link_lost" ? "link lost" : "stopped") : silent ? `silent for ${age(robot.last_heard_at)}` : still ? `online, nothing new for ${duration(Math.max(0, still))}` : "online";
  return { lamp, word, online: !offline };
}

/** The lamp and the words of one part. */
export function part(robot, name) {
  const status = robot.status;
  if (!status || status.presence !== "online") return { lamp: "off", text: "unknown while it is away" };
  if (name === "link") {
    const lamp = status.link !== "connected" ? "bad" : status.link_text ? "warn" : "ok";
    return { lamp, text: status.link_text || status.link };
  }
  if (name === "spool") return spool(robot.health?.spool ?? status.spool);
  const { state, text } = status[name];
  if (name === "clock" && Math.abs(robot.clock_ahead_s ?? 0) > CLOCK_OFF_S) {
    return { lamp: "bad", text: `${duration(robot.clock_ahead_s)} ${robot.clock_ahead_s > 0 ? "ahead" : "behind"}` };
  }
  if (name === "clock" && state === "failing") return { lamp: "warn", text: `${text}, but right` };
  const held = name === "camera" ? controlWords(status.camera_controls) : "";
  return { lamp: LAMPS[state] ?? "off", text: [text || state, held].filter(Boolean).join("; ") };
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
  if (!robots.length) byId("robots").replaceChildren(el("li", { class: "empty-note" }, `No robot has been heard yet. This page listens to ${known.listens_to ?? "the broker"}. On a robot: edge-node init --broker HOST, then edge-node run; edge-node watch HOST shows what the broker passes on.`));
  setText(byId("tally-online"), `${robots.filter((robot) => condition(robot).online).length} / ${robots.length}`);
}

function spool(depth) {
  if (!depth) return { lamp: "off", text: "nothing said" };
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

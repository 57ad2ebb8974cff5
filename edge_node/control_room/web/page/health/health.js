// Health: robots in numbers, what is missing, what could not be read, and the room itself.
import { byId, el, setText } from "../dom.js";
import { alarms, condition, nobodyYet, part } from "../live/robots.js";
import { ask, known, robotKey, robotWord } from "../store.js";
import { age, bytes, count, counted, dateTime, duration, modelTime, moment, plural } from "../words.js";

/** Draw all of it. */
export async function showHealth() {
  showFleet();
  showGaps();
  try {
    const { usage, refused } = await ask("api/usage");
    Object.assign(known, { usage, refused });
    const [record, twice] = await Promise.all([ask("api/record"), ask("api/conflicts")]);
    Object.assign(known, { record: record.robots, conflicts: twice.conflicts });
  } catch { /* the last figures stay */ }
  showRoom();
  showRecord();
}

const PROOF = { proved: ["ok", "proved"], partly_proved: ["warn", "proved in part"], unproved: ["off", "unbroken, not proved"], not_chained: ["off", "not chained"], broken: ["bad", "broken"] };

/** Up to which number each robot's record is proved, and verdicts that share an id. */
function showRecord() {
  const robots = known.record ?? [], conflicts = known.conflicts ?? [];
  const broken = robots.filter((robot) => robot.state === "broken").length;
  setText(byId("record-text"), broken ? `The record of ${count(broken)} of ${counted(robots.length, "robot")} is broken: somebody changed or removed verdicts, or two robots have one name.` : !robots.length ? "No robot has been heard yet." : robots.some((robot) => robot.signed_at) ? "Each verdict holds the hash of the one before it, and the robot signs the newest every minute." : "Each verdict holds the hash of the one before it. No robot has signed one: that needs [node] signing_key_file on the robot, and its public key in [robots] keys of this room.");
  byId("record").replaceChildren(...robots.map((robot) => {
    const [lamp, word] = PROOF[robot.state] ?? ["off", robot.state];
    return el("tr", { data: { state: robot.state } }, el("td", { class: "name" }, robotWord(robot)), el("td", { class: "text" }, el("i", { class: "lamp", data: { state: lamp } }), ` ${word}`, el("div", { class: "quiet" }, robot.sentence.replace(`${word}: `, ""))),
      el("td", { class: "num" }, count(robot.not_yet)), el("td", {}, moment(robot.signed_at)));
  }));
  byId("record-problems").replaceChildren(...robots.flatMap((robot) => robot.problems.map((text) => el("li", { class: "note" }, `${robotKey(robot)}: ${text}`))));
  byId("record-scroll").hidden = !robots.length;
  setText(byId("conflicts-text"), conflicts.length ? "The room keeps both; the page shows the one that came first. Possible causes: two robots with one name, a state folder that was copied back, a forged message." : "None.");
  byId("conflicts").replaceChildren(...conflicts.map((one) => el("tr", {}, el("td", { class: "name" }, robotKey(one)), el("td", { class: "mono" }, one.epoch), el("td", { class: "num" }, one.seq), el("td", { class: "num" }, `${count(one.count)}×`), el("td", {}, moment(one.received_at)))));
  byId("conflicts-scroll").hidden = !conflicts.length;
  badge();
}

/** The table of robots, those first that want a look. */
export function showFleet() {
  const robots = [...known.robots.values()].sort((one, other) => wanting(other) - wanting(one));
  byId("fleet").replaceChildren(...robots.flatMap(rows));
  byId("fleet").closest(".scroll").hidden = !robots.length;
  byId("fleet-note").hidden = robots.length > 0;
  if (!robots.length) byId("fleet-note").replaceChildren(...nobodyYet());
}

/** What is missing, and the badge that says so. */
export function showGaps() {
  const missing = known.gaps.reduce((sum, gap) => sum + gap.last_seq - gap.first_seq + 1, 0);
  setText(byId("gaps-text"), missing ? `${counted(missing, "verdict")} ${missing === 1 ? "is" : "are"} missing. A robot may still send them from its spool; they then leave this list.` : "None: all numbers between the first and the last verdict are here.");
  byId("gaps").replaceChildren(...known.gaps.map((gap) => el("tr", {}, el("td", { class: "name" }, robotKey(gap)), el("td", { class: "mono" }, gap.epoch), el("td", { class: "num" }, gap.first_seq), el("td", { class: "num" }, gap.last_seq), el("td", { class: "num" }, gap.last_seq - gap.first_seq + 1), el("td", {}, moment(gap.noticed_at)))));
  byId("gaps-scroll").hidden = !known.gaps.length;
  badge();
}

/** How many things want a look. */
export function badge() {
  const wanting = (known.gaps.length ? 1 : 0) + (known.refused.length ? 1 : 0) + (known.record ?? []).filter((robot) => robot.problems.length).length + [...known.robots.values()].filter((robot) => alarms(robot).length).length;
  byId("health-badge").hidden = !wanting;
  setText(byId("health-badge"), wanting);
}

function showRoom() {
  const { usage, link } = known;
  byId("room-facts").replaceChildren(...[
    ["broker", `${link?.state ?? "–"}${link?.text ? `: ${link.text}` : ""}, since ${link ? dateTime(link.since) : "–"}`],
    ["history", [["verdict", usage?.verdicts], ["finding", usage?.findings], ["picture", usage?.pictures]].map(([noun, number]) => counted(number, noun)).join(", ")],
    ["on disk", `${bytes(usage?.database_bytes)}, of it pictures ${bytes(usage?.picture_bytes)}`],
    ["reaches back to", usage?.oldest_received_at ? dateTime(usage.oldest_received_at) : "–"],
    ["version", known.version ?? "–"],
    ...(link?.notices ?? []).map((notice) => ["notice", notice]),
  ].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  byId("refused-scroll").hidden = !known.refused.length;
  setText(byId("refused-text"), known.refused.length ? "Somebody sends messages that are not those of a robot. The room counts them and does not store them." : "None.");
  byId("refused").replaceChildren(...known.refused.map((one) => el("tr", {}, el("td", {}, one.reason), el("td", { class: "num" }, count(one.count)), el("td", {}, moment(one.last_at)), el("td", { class: "mono text" }, one.last_topic), el("td", { class: "mono text" }, one.last_text))));
  badge();
}

function wanting(robot) {
  return (alarms(robot).length ? 4 : 0) + (["bad", "warn", "off", "ok"].reverse().indexOf(condition(robot).lamp));
}

/** A robot's row, and below it one with its alarms. */
function rows(robot) {
  const { status, health } = robot;
  const spool = health?.spool ?? status?.spool;
  const is = condition(robot);
  const cells = [
    ["name", el("b", {}, el("bdi", {}, robot.robot)), el("bdi", { class: "quiet" }, robot.site)],
    ["state", el("span", {}, el("i", { class: "lamp", data: { state: is.lamp } }), ` ${is.word}`), /heard/.test(is.word) ? null : `heard ${age(robot.last_heard_at)} ago`, health ? `up ${duration(health.uptime_s)}` : null],
    ["name", status?.version ?? "–", status?.bundle ?? "–"],
    [null, per(health?.frames_per_s), `${count(health?.frames_dropped)} dropped`, `${count(health?.frames_unchanged)} unchanged`],
    [null, per(health?.verdicts_per_s), `${count(robot.verdicts)} stored`, `${count(robot.duplicates)} twice`, el("span", { class: robot.missing ? "missing" : null }, `${count(robot.missing)} missing`)],
    [null, `age ${health?.frame_age_ms == null ? "–" : `${health.frame_age_ms.toFixed(0)} ms`}`, `models ${modelTime(health?.inference_ms)}`],
    [null, spool ? `${count(spool.waiting)} waiting` : "–", ...(spool ? [`${bytes(spool.disk_bytes)} on disk`, `oldest ${duration(spool.oldest_age_s)}`] : [])],
    ["text", part(robot, "clock").text],
    [null, health?.memory_mb == null ? "–" : `${health.memory_mb.toFixed(0)} MB`, health?.temperature_c == null ? null : `${health.temperature_c.toFixed(0)} °C`],
    ["text", part(robot, "camera").text],
  ];
  const said = alarms(robot);
  const row = el("tr", { class: said.length ? "alarmed" : null }, cells.map(([kind, ...lines]) => el("td", { class: kind }, lines.filter((line) => line !== null).map((line) => el("div", {}, line)))));
  return said.length ? [row, el("tr", { class: "alarms" }, el("td", { colspan: "10" }, el("b", {}, `${plural(said.length, "Alarm")}: `), said.join("; ")))] : [row];
}

const per = (number) => (number === null || number === undefined ? "–" : `${number.toFixed(1)} / s`);

// What is known of a verdict or a finding beside its picture: figures, the models' path, where it comes from.
import { el } from "../dom.js";
import { originWords } from "../review/review.js";
import { clockWords, count, counted, dateTime, duration, modelTime, percent, squareMillimetres } from "../words.js";

export function figures(pairs) {
  return el("dl", { class: "figures" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { title: value }, value))));
}

export function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.flatMap(([name, ...values]) => [el("dt", {}, name), el("dd", {}, ...values)]));
}

/** The materials that the models can tell apart, as far as a verdict shows it. */
export function materials(verdict) {
  const stage = verdict?.stages.find(({ name, probabilities }) => name === "material" || (verdict.material && verdict.material in probabilities));
  return Object.keys(stage?.probabilities ?? {});
}

/** The path through the models in one line: each stage with its label and how likely it is. */
export function pathLine(verdict) {
  const steps = (verdict?.stages ?? []).map(({ name, label, probabilities }) => el("li", {}, el("span", { class: "quiet" }, `${name}: `), label === null ? "abstained" : `${label} ${percent(probabilities[label])}`));
  return steps.length ? el("ol", { class: "path-line", "aria-label": "Path through the models" }, steps) : null;
}

export function cascade(verdict) {
  return el("ol", { class: "path" }, verdict.stages.map((stage) => el("li", {},
    el("div", { class: "stage" }, el("b", {}, stage.name), el("span", { class: "chosen" }, stage.label ?? `abstained: no label reached ${percent(stage.abstain_below)}`)),
    el("div", { class: "probabilities" }, Object.entries(stage.probabilities).sort((one, other) => other[1] - one[1]).flatMap(([label, share]) => bar(stage, label, share))))));
}

function bar(stage, label, share) {
  const width = `${(share * 100).toFixed(1)}%`;
  const track = el("span", { class: `track${label === stage.label ? " chosen" : ""}` }, el("i", { style: { width } }));
  if (stage.abstain_below > 0) track.append(el("u", { title: `abstains below ${percent(stage.abstain_below)}`, style: { left: `${stage.abstain_below * 100}%` } }));
  return [el("span", {}, label), track, el("span", { class: "num" }, percent(share, 1))];
}

// The standards grade rust of painted steel. Robots before 0.7.0 sent grades for every metal and for no area at all.
function mayBeGraded({ grades, material, area_fraction: area }) {
  const isSteel = /steel|iron/i.test(material ?? "steel") && !/galvani|stainless|zinc/i.test(material ?? "");
  return Boolean(grades) && area > 0 && isSteel && grades.iso_4628_3 !== "Ri 0";
}

/** The line on an area in mm²: what it is of the picture, and that it is an estimate. */
export function surface(mm2, share, bound = "") {
  const known = bound ? `${bound} where the scale was known` : "";
  return mm2 ? [["area", `about ${squareMillimetres(mm2)}${known}, ${percent(share, 1)} of the picture${bound}; estimated from a coarse map, as if seen head-on`]] : [];
}

export function verdictFacts({ verdict, received_at: receivedAt, replayed }) {
  const grades = mayBeGraded(verdict) ? `ISO 4628-3 ${verdict.grades.iso_4628_3}, ASTM D610 ${verdict.grades.astm_d610} (${verdict.grades.basis})` : "–";
  const lateS = (Date.parse(receivedAt) - Date.parse(verdict.observed_at)) / 1000;
  return [el("h3", {}, "Where it comes from"), facts([
    ["observed", `${dateTime(verdict.observed_at)}${verdict.time_quality === "synchronized" ? "" : `, clock ${clockWords({ state: verdict.time_quality === "unknown" ? "unknown" : "failing" })}`}`],
    ["received", `${duration(lateS)} later${replayed ? ", from the robot's spool" : ""}`],
    ["grade", grades], ...surface(verdict.area_mm2, verdict.area_fraction), ["bundle", `${verdict.bundle.name} ${verdict.bundle.version}`, el("span", { class: "quiet mono" }, ` ${verdict.bundle.sha256.slice(0, 12)}`)],
    ["frame", `${count(verdict.frame_id)}, ${verdict.frame_age_ms.toFixed(0)} ms old when decided, ${verdict.inference_ms ? `${modelTime(verdict.inference_ms)} in the models` : "no model ran"}`],
    ...(verdict.frames_unchanged ? [["not judged before it", `${counted(verdict.frames_unchanged, "frame")}: nothing new in ${verdict.frames_unchanged === 1 ? "it" : "them"}`]] : []),
    ["verdict", el("span", { class: "mono" }, verdict.id)]])];
}

export function reviews(said) {
  if (!said?.length) return null;
  const line = (one, more) => el("p", { class: "note" }, `${dateTime(one.reviewed_at)} ${one.reviewer || "somebody"}${originWords(one)}: ${one.opinion}${one.note ? `: ${one.note}` : ""} `, el("span", { class: "quiet" }, more));
  const told = (one) => `(robot: ${one.delivery}${one.answer ? `, ${one.answer}` : ""})`;
  const takenBack = ({ withdrawn }) => (withdrawn ? el("p", { class: "note" }, `${dateTime(withdrawn.withdrawn_at)} ${withdrawn.reviewer} took it back${withdrawn.note ? `: ${withdrawn.note}` : ""} `, el("span", { class: "quiet" }, told(withdrawn))) : null);
  const heard = said.filter((one) => one.origin !== "robot").map((one) => el("li", { class: one.withdrawn ? "withdrawn" : null }, line(one, told(one)), takenBack(one)));
  const claims = said.filter((one) => one.origin === "robot").map((one) => el("li", {}, line({ ...one, reviewer: `${one.robot} says that ${one.reviewer || "somebody"}` }, one.answer ? `(${one.robot}: ${one.answer})` : "")));
  return el("div", {}, heard.length ? [el("h3", {}, "What people said"), el("ul", {}, heard)] : [],
    claims.length ? [el("h3", {}, "What the robot says people said"), el("p", { class: "quiet" }, "This room did not get it from a person. It does not count as a review, and it is no label. If it is right, review it here."), el("ul", { class: "claims" }, claims)] : []);
}

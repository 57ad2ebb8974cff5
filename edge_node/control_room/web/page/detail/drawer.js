// The drawer: one finding or one verdict, with its picture, its map and its path through the cascade.
import { byId, el } from "../dom.js";
import { pictureAddress, stateTag } from "../live/findings.js";
import { originWords, reviewForm } from "../review/review.js";
import { reasonTags } from "../review/queue.js";
import { ask, known } from "../store.js";
import { age, areaWords, clockWords, count, counted, dateTime, duration, glyph, metres, modelTime, outcomeWord, percent, place, reach, squareMillimetres, verdictWords } from "../words.js";

let shown = null; // { kind, key }
let before = null; // what had the focus
let pictured = null; // the picture of the finding that is shown: it stays while a person looks, also when a worse one comes

export const isOpen = () => !byId("drawer").hidden;
export const openedKey = () => shown?.key ?? null;

/** Show a finding. */
export async function openFinding(site, id) {
  const record = await load("finding", `${site}/${id}`, `api/findings/${encodeURIComponent(site)}/${encodeURIComponent(id)}`);
  if (!record) return;
  const { finding, best } = record;
  if (!pictured?.sha256) pictured = { sha256: finding.best_evidence_sha256, words: pictureWords(finding, best?.verdict) };
  const isNewest = pictured.sha256 === finding.best_evidence_sha256;
  const title = [finding.peak_severity, finding.form ?? "corrosion", "on", finding.material ?? "unknown material"].filter(Boolean).join(" ");
  fill(title, glyph("corroded", finding.peak_severity), [
    shownFigure(finding, `Evidence of ${title}`, isNewest ? pictureWords(finding, best?.verdict) : `${pictured.words}; a worse one has come: close and open this finding to see it`),
    figures([["peak severity", finding.peak_severity ?? "not given"], ["confidence", percent(finding.peak_confidence, 1)], ["peak area", areaWords(finding.peak_area_mm2, finding.peak_area_fraction, 1)], ["place", reach(finding)]]),
    facts([["state", stateTag(finding, record.review), finding.closed_because ? ` ${finding.closed_because.replace("_", " ")}` : ""], ["asset", finding.asset ?? "–"], ["robot", `${finding.robot} at ${finding.site}`], ["seen", `${dateTime(finding.first_observed_at)} to ${dateTime(finding.last_observed_at)}`], ["frames", count(finding.frames)], ...surface(finding.peak_area_mm2, finding.peak_area_fraction, " at most"), ["finding", el("span", { class: "mono" }, finding.id)]]),
    reviewForm({ address: `api/findings/${encodeURIComponent(site)}/${encodeURIComponent(id)}/review`, was: { outcome: "corroded", material: finding.material, severity: finding.peak_severity }, materials: materials(best?.verdict), last: record.review, sha256: pictured.sha256 }),
    reviews(record.reviews),
    ...(best ? [el("h3", {}, "How the models came to it: the best verdict"), cascade(best.verdict), ...verdictFacts(best)] : []),
    record.verdicts.length ? el("h3", {}, `Its corroded verdicts (${record.verdicts.length})`) : null,
    el("ol", {}, record.verdicts.map(line)),
  ]);
}

/** Show a verdict. */
export async function openVerdict(id) {
  const record = await load("verdict", id, `api/verdicts/${encodeURIComponent(id)}`);
  if (!record) return;
  const { verdict, queued } = record;
  if (queued && pictured?.sha256 !== queued.evidence_sha256) pictured = { sha256: queued.evidence_sha256 };
  fill([outcomeWord(verdict.outcome), verdict.material, verdict.form, verdict.severity].filter(Boolean).join(" · "), glyph(verdict.outcome, verdict.severity), [
    queued ? shownFigure(verdict, "Evidence of this verdict", verdictWords(rowOf(verdict))) : null,
    queued ? el("p", { class: "reasons" }, "Kept because: ", reasonTags(queued).flatMap((tag) => [tag, " "])) : null,
    queued?.shadow ? el("p", { class: "note" }, `The shadow says: ${verdictWords(rowOf(queued.shadow.new))}`) : null,
    figures([["severity", verdict.severity ?? "–"], ["confidence", percent(verdict.condition_confidence, 1)], ["area", areaWords(verdict.area_mm2, verdict.area_fraction, 1)], ["place", place(verdict.pose)]]),
    ...(verdict.reasons.length ? [el("h3", {}, "Why it was not judged, or not wholly"), el("ul", {}, verdict.reasons.map((reason) => el("li", {}, reason.text, " ", el("span", { class: "quiet mono" }, reason.code))))] : []),
    verdict.stages.length ? el("h3", {}, "How the models came to it") : null,
    cascade(verdict),
    reviewForm({ address: `api/verdicts/${encodeURIComponent(id)}/review`, was: verdict, materials: materials(verdict), last: record.reviews.find((one) => one.origin !== "robot"), sha256: queued?.evidence_sha256 }),
    reviews(record.reviews),
    ...verdictFacts(record),
  ]);
}

/** Close the drawer and give the focus back. */
export function closeDrawer() {
  if (!isOpen()) return;
  byId("drawer").hidden = true;
  byId("drawer").replaceChildren();
  shown = pictured = null;
  (before?.isConnected ? before : byId("main")).focus({ preventScroll: true });
}

/** Show or hide the corrosion map over the picture. */
export function toggleMap() {
  byId("drawer").querySelector("#map-toggle")?.click();
}

/** Load again what is open, if it is this. */
export function refresh(kind, key) {
  if (shown?.kind === kind && shown.key === key) {
    const [site, ...rest] = key.split("/");
    if (kind === "finding") openFinding(site, rest.join("/"));
    else openVerdict(key);
  }
}

async function load(kind, key, address) {
  const again = shown?.kind === kind && shown.key === key;
  if (!isOpen()) before = document.activeElement;
  if (!again) pictured = null;
  shown = { kind, key };
  byId("drawer").hidden = false;
  if (!again) fill("Loading …", null, []);
  try {
    const record = await ask(address);
    return shown?.kind === kind && shown.key === key ? record : null;
  } catch (problem) {
    if (shown?.key === key) fill("Not to be had", null, [el("p", { class: "note" }, problem.message)]);
    return null;
  }
}

function fill(title, mark, content) {
  const drawer = byId("drawer");
  const hadFocus = drawer.contains(document.activeElement) || document.activeElement === document.body;
  const given = [...drawer.querySelectorAll(".review [name]")].map(({ name, value }) => [name, value]);
  const close = el("button", { class: "icon", "aria-label": "Close", title: "Close (Esc)", onclick: closeDrawer }, "✕");
  drawer.replaceChildren(el("header", {}, mark, el("h2", { id: "drawer-title" }, title), close), ...content.filter(Boolean));
  for (const [name, value] of given) { // what a person has begun to say stays when news of it come
    const field = drawer.querySelector(`.review [name="${name}"]`);
    if (value && field) field.value = value;
  }
  if (hadFocus || title === "Loading …") close.focus({ preventScroll: true });
}

/** A decision with the fields of a row. */
const rowOf = (decision) => ({ ...decision, confidence: decision.condition_confidence, reason: decision.reasons[0]?.text });

/** What a finding's picture shows, which need not be its peaks; older robots do not say of which frame it is. */
function pictureWords(finding, best) {
  const own = best?.evidence_sha256 && best.evidence_sha256 === finding.best_evidence_sha256 ? { ...best, confidence: best.condition_confidence, verdict: best.id } : null;
  const shown = finding.best_evidence ?? own;
  if (!shown) return "a picture of this finding, perhaps not of its worst frame: its robot does not say which";
  const words = [shown.severity, shown.area_fraction === null ? null : `${percent(shown.area_fraction)} of the picture`, shown.area_mm2 ? areaWords(shown.area_mm2) : null, shown.confidence === null ? null : `confidence ${percent(shown.confidence)}`].filter(Boolean).join(", ");
  return shown.verdict === finding.best_verdict ? `the worst frame: ${words}` : `${words}; the worst frame has no picture`;
}

/** The figure of the picture that is shown: it stays as it is when news of its finding or verdict come. */
function shownFigure(of, alternative, words) {
  pictured.node ??= figure(of, pictured.sha256, alternative);
  const shows = pictured.node.querySelector(".shows");
  if (shows) shows.textContent = words;
  return pictured.node;
}

function figure(of, sha256, alternative) {
  if (!sha256) return el("p", { class: "quiet" }, "No picture was kept of it.");
  const address = pictureAddress(of, sha256);
  const waiting = el("p", {}, "The picture has not come yet.");
  const image = el("img", { src: address, alt: alternative, hidden: true, data: { sha256, address } });
  const map = el("canvas", { hidden: true, "aria-hidden": "true" });
  const toggle = el("button", { class: "plain", id: "map-toggle", "aria-pressed": "true", hidden: true, title: "Corrosion map over the picture (m)" }, "Map");
  const size = el("span", {});
  const whole = el("button", { class: "plain", hidden: true, title: "Ask the robot for the picture as its camera saw it" }, "Get the full picture");
  whole.addEventListener("click", async () => {
    whole.disabled = true;
    whole.textContent = "asked …";
    await ask(`${address}/ask`, { method: "POST" }).then(() => { whole.textContent = "on its way"; }, (problem) => { whole.textContent = "not to be had"; size.textContent = problem.message; });
  });
  toggle.addEventListener("click", () => {
    map.hidden = !map.hidden;
    toggle.setAttribute("aria-pressed", String(!map.hidden));
  });
  image.addEventListener("error", () => { image.hidden = true; waiting.hidden = false; });
  image.addEventListener("load", async () => {
    image.hidden = false;
    waiting.hidden = true;
    size.textContent = `${image.naturalWidth} × ${image.naturalHeight} pixels`;
    const marking = await ask(address.replace("api/pictures/", "api/markings/").split("?")[0]).catch(() => null);
    if (!marking) {
      size.textContent += ", thumbnail with the map drawn";
      whole.hidden = !known.can?.command;
      return;
    }
    drawMap(map, marking);
    map.hidden = toggle.hidden = false;
    whole.hidden = true;
  });
  return el("figure", {}, el("div", { class: "picture" }, image, map, waiting), el("figcaption", {}, el("span", { class: "shows" }), toggle, whole, size, el("a", { href: address, target: "_blank", rel: "noopener" }, "open alone")));
}

function drawMap(canvas, { rows, columns, corroded }) {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  corroded.forEach((share, at) => pixels.data.set([255, 90, 40, Math.round(255 * Math.max(0, share - 0.15))], at * 4));
  context.putImageData(pixels, 0, 0);
}

function figures(pairs) {
  return el("dl", { class: "figures" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { title: value }, value))));
}

function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.flatMap(([name, ...values]) => [el("dt", {}, name), el("dd", {}, ...values)]));
}

/** The materials that the models can tell apart, as far as a verdict shows it. */
function materials(verdict) {
  const stage = verdict?.stages.find(({ name, probabilities }) => name === "material" || (verdict.material && verdict.material in probabilities));
  return Object.keys(stage?.probabilities ?? {});
}

function cascade(verdict) {
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
function surface(mm2, share, bound = "") {
  const known = bound ? `${bound} where the scale was known` : "";
  return mm2 ? [["area", `about ${squareMillimetres(mm2)}${known}, ${percent(share, 1)} of the picture${bound}; estimated from a coarse map, as if seen head-on`]] : [];
}

function verdictFacts({ verdict, received_at: receivedAt, replayed }) {
  const grades = mayBeGraded(verdict) ? `ISO 4628-3 ${verdict.grades.iso_4628_3}, ASTM D610 ${verdict.grades.astm_d610} (${verdict.grades.basis})` : "–";
  const lateS = (Date.parse(receivedAt) - Date.parse(verdict.observed_at)) / 1000;
  return [el("h3", {}, "Where it comes from"), facts([
    ["observed", `${dateTime(verdict.observed_at)}${verdict.time_quality === "synchronized" ? "" : `, clock ${clockWords({ state: verdict.time_quality === "unknown" ? "unknown" : "failing" })}`}`],
    ["came", `${duration(lateS)} later${replayed ? ", from the robot's backlog" : ""}`],
    ["grade", grades], ...surface(verdict.area_mm2, verdict.area_fraction), ["bundle", `${verdict.bundle.name} ${verdict.bundle.version}`, el("span", { class: "quiet mono" }, ` ${verdict.bundle.sha256.slice(0, 12)}`)],
    ["frame", `${count(verdict.frame_id)}, ${verdict.frame_age_ms.toFixed(0)} ms old when decided, ${verdict.inference_ms ? `${modelTime(verdict.inference_ms)} in the models` : "no model ran"}`],
    ...(verdict.frames_unchanged ? [["not judged before it", `${counted(verdict.frames_unchanged, "frame")}: nothing new in ${verdict.frames_unchanged === 1 ? "it" : "them"}`]] : []),
    ["verdict", el("span", { class: "mono" }, verdict.id)]])];
}

function reviews(said) {
  if (!said?.length) return null;
  const line = (one, more) => el("li", { class: "note" }, `${dateTime(one.reviewed_at)} ${one.reviewer || "somebody"}${originWords(one)}: ${one.opinion}${one.note ? `: ${one.note}` : ""} `, el("span", { class: "quiet" }, more));
  const heard = said.filter((one) => one.origin !== "robot").map((one) => line(one, `(robot: ${one.delivery}${one.answer ? `, ${one.answer}` : ""})`));
  const claims = said.filter((one) => one.origin === "robot").map((one) => line({ ...one, reviewer: `${one.robot} says that ${one.reviewer || "somebody"}` }, one.answer ? `(${one.robot}: ${one.answer})` : ""));
  return el("div", {}, heard.length ? [el("h3", {}, "What people said"), el("ul", {}, heard)] : [],
    claims.length ? [el("h3", {}, "What the robot says people said"), el("p", { class: "quiet" }, "This room did not hear it from a person: it counts as no review, and labels nothing. Review it here if it is right."), el("ul", { class: "claims" }, claims)] : []);
}

function line(verdict) {
  return el("li", {}, el("button", { class: "verdict", onclick: () => openVerdict(verdict.id) }, el("time", {}, age(verdict.observed_at)), glyph(verdict.outcome, verdict.severity), el("span", { class: "what" }, `${verdict.severity ?? "corroded"} · ${percent(verdict.confidence)}`, el("span", {}, ` #${verdict.seq}${verdict.replayed ? " ↺" : ""}`)), el("span", { class: "place" }, metres(verdict.distance_m))));
}


// The drawer: one finding or one verdict, with its picture first, its review below, and what is known of it.
import { byId, el } from "../dom.js";
import { stateTag } from "../live/findings.js";
import { leaveForm, noteSeen, reviewForm } from "../review/review.js";
import { reasonTags } from "../review/queue.js";
import { ask } from "../store.js";
import { age, areaWords, count, dateTime, glyph, metres, outcomeWord, percent, place, reach, verdictWords } from "../words.js";
import { cascade, facts, figures, materials, pathLine, reviews, surface, verdictFacts } from "./facts.js";
import { makePicture } from "./picture.js";

let shown = null; // { kind, key }
let before = null; // what had the focus
let pictured = null; // the picture that is shown: it stays while a person looks, also when a worse one comes

export const isOpen = () => !byId("drawer").hidden;
export const openedKey = () => shown?.key ?? null;

/** Show a finding or a verdict by its kind and key. */
export function openSubject(kind, key) {
  const [site, ...rest] = key.split("/");
  return kind === "finding" ? openFinding(site, rest.join("/")) : openVerdict(key);
}

/** Show a finding. */
export async function openFinding(site, id) {
  const address = `api/findings/${encodeURIComponent(site)}/${encodeURIComponent(id)}`;
  const record = await load("finding", `${site}/${id}`, address);
  if (!record) return;
  const { finding, best } = record;
  if (!pictured?.sha256) pictured = { sha256: finding.best_evidence_sha256, words: pictureWords(finding, best?.verdict) };
  const isNewest = pictured.sha256 === finding.best_evidence_sha256;
  const title = [finding.peak_severity, finding.form ?? "corrosion", "on", finding.material ?? "unknown material"].filter(Boolean).join(" ");
  const worse = el("button", { class: "plain", type: "button", onclick: () => { pictured = null; openFinding(site, id); } }, "A worse picture has come: show it");
  fill(title, glyph("corroded", finding.peak_severity), {
    picture: shownPicture(finding, `Evidence of ${title}`, isNewest ? pictureWords(finding, best?.verdict) : [`${pictured.words} `, worse]),
    path: pathLine(best?.verdict),
    review: reviewForm({ kind: "finding", key: `${site}/${id}`, address: `${address}/review`, was: { outcome: "corroded", material: finding.material, form: finding.form, severity: finding.peak_severity }, materials: materials(best?.verdict), last: record.review, sha256: pictured.sha256 }),
    more: [
      figures([["peak severity", finding.peak_severity ?? "not given"], ["confidence", percent(finding.peak_confidence, 1)], ["peak area", areaWords(finding.peak_area_mm2, finding.peak_area_fraction, 1)], ["place", reach(finding)]]),
      facts([["state", stateTag(finding, record.review), finding.closed_because ? ` ${finding.closed_because.replace("_", " ")}` : ""], ["asset", finding.asset ?? "–"], ["robot", `${finding.robot} at ${finding.site}`], ["seen", `${dateTime(finding.first_observed_at)} to ${dateTime(finding.last_observed_at)}`], ["frames", count(finding.frames)], ...surface(finding.peak_area_mm2, finding.peak_area_fraction, " at most"), ["finding", el("span", { class: "mono" }, finding.id)]]),
      reviews(record.reviews),
      ...(best ? [el("h3", {}, "How the models decided: the best verdict"), cascade(best.verdict), ...verdictFacts(best)] : []),
      record.verdicts.length ? el("h3", {}, `Its corroded verdicts (${record.verdicts.length})`) : null,
      el("ol", {}, record.verdicts.map(line)),
    ],
  });
}

/** Show a verdict. */
export async function openVerdict(id) {
  const address = `api/verdicts/${encodeURIComponent(id)}`;
  const record = await load("verdict", id, address);
  if (!record) return;
  const { verdict, queued } = record;
  const sha256 = queued?.evidence_sha256 ?? null;
  if (!pictured || pictured.sha256 !== sha256) pictured = { sha256 };
  fill([outcomeWord(verdict.outcome), verdict.material, verdict.form, verdict.severity].filter(Boolean).join(" · "), glyph(verdict.outcome, verdict.severity), {
    picture: shownPicture(verdict, "Evidence of this verdict", verdictWords(rowOf(verdict))),
    path: pathLine(verdict),
    review: reviewForm({ kind: "verdict", key: id, address: `${address}/review`, was: verdict, materials: materials(verdict), last: record.reviews.find((one) => one.origin !== "robot" && !one.withdrawn), sha256 }),
    more: [
      queued ? el("p", { class: "reasons" }, "Kept because: ", reasonTags(queued).flatMap((tag) => [tag, " "])) : null,
      queued?.shadow ? el("p", { class: "note" }, `The shadow says: ${verdictWords(rowOf(queued.shadow.new))}`) : null,
      figures([["severity", verdict.severity ?? "–"], ["confidence", percent(verdict.condition_confidence, 1)], ["area", areaWords(verdict.area_mm2, verdict.area_fraction, 1)], ["place", place(verdict.pose)]]),
      ...(verdict.reasons.length ? [el("h3", {}, "Why it was not judged, or only in part"), el("ul", {}, verdict.reasons.map((reason) => el("li", {}, reason.text, " ", el("span", { class: "quiet mono" }, reason.code))))] : []),
      reviews(record.reviews),
      verdict.stages.length ? el("h3", {}, "How the models decided") : null,
      cascade(verdict),
      ...verdictFacts(record),
    ],
  });
}

/** Close the drawer and give the focus back. */
export function closeDrawer() {
  if (!isOpen()) return;
  byId("drawer").hidden = true;
  byId("drawer").replaceChildren();
  shown = pictured = null;
  leaveForm();
  noteSeen(null);
  (before?.isConnected ? before : byId("main")).focus({ preventScroll: true });
}

/** Do what a key means for the picture; false if it means nothing there. */
export const pictureKey = (key) => isOpen() && Boolean(pictured?.figure?.act(key));

/** Load again what is open, if it is this. */
export function refresh(kind, key) {
  if (shown?.kind === kind && shown.key === key) openSubject(kind, key);
}

async function load(kind, key, address) {
  const again = shown?.kind === kind && shown.key === key;
  if (!isOpen()) before = document.activeElement;
  if (!again) {
    pictured = null;
    leaveForm();
    noteSeen(null);
  }
  shown = { kind, key };
  byId("drawer").hidden = false;
  if (!again) fill("Loading …", null, {});
  try {
    const record = await ask(address);
    return shown?.kind === kind && shown.key === key ? record : null;
  } catch (problem) {
    if (shown?.key === key) fill("Cannot be shown", null, { more: [el("p", { class: "note" }, problem.message)] });
    return null;
  }
}

/** Fill the drawer; picture and review keep their nodes, and so focus, zoom and what was begun. */
function fill(title, mark, { picture = null, path = null, review = null, more = [] }) {
  const drawer = byId("drawer");
  const isNew = !drawer.querySelector(".scrolled");
  if (isNew) drawer.replaceChildren(el("header", {}), el("div", { class: "scrolled" }, el("div", { class: "looked-at" }), el("div", { class: "known" })), el("footer", {}));
  const [header, scrolled, footer] = drawer.children;
  const hadFocus = drawer.contains(document.activeElement) || document.activeElement === document.body;
  const close = el("button", { class: "icon", type: "button", "aria-label": "Close", title: "Close (Esc)", onclick: closeDrawer }, "✕");
  header.replaceChildren(...[mark, el("h2", { id: "drawer-title" }, title), close].filter(Boolean));
  keep(scrolled.firstChild, picture);
  scrolled.lastChild.replaceChildren(...[path, ...more].flat().filter(Boolean));
  keep(footer, review);
  if (title === "Loading …") scrolled.scrollTop = 0;
  if (title === "Loading …" || (hadFocus && !drawer.contains(document.activeElement))) drawer.focus({ preventScroll: true });
}

function keep(slot, node) {
  if (slot.firstChild !== node) slot.replaceChildren(...(node ? [node] : []));
}

/** A decision with the fields of a row. */
const rowOf = (decision) => ({ ...decision, confidence: decision.condition_confidence, reason: decision.reasons[0]?.text });

/** What a finding's picture shows, which need not be its peaks; older robots do not say of which frame it is. */
function pictureWords(finding, best) {
  const own = best?.evidence_sha256 && best.evidence_sha256 === finding.best_evidence_sha256 ? { ...best, confidence: best.condition_confidence, verdict: best.id } : null;
  const shown = finding.best_evidence ?? own;
  if (!shown) return "a picture of this finding, perhaps not of its worst frame: the robot does not say of which frame it is";
  const words = [shown.severity, shown.area_fraction === null ? null : `${percent(shown.area_fraction)} of the picture`, shown.area_mm2 ? areaWords(shown.area_mm2) : null, shown.confidence === null ? null : `confidence ${percent(shown.confidence)}`].filter(Boolean).join(", ");
  return shown.verdict === finding.best_verdict ? `the worst frame: ${words}` : `${words}; the worst frame has no picture`;
}

function shownPicture(of, alternative, words) {
  const mine = pictured;
  mine.figure ??= makePicture(of, mine.sha256, alternative, (sha256) => { if (pictured === mine) noteSeen(sha256); });
  mine.figure.say(words);
  return mine.figure.node;
}

function line(verdict) {
  return el("li", {}, el("button", { class: "verdict", type: "button", onclick: () => openVerdict(verdict.id) }, el("time", {}, age(verdict.observed_at)), glyph(verdict.outcome, verdict.severity), el("span", { class: "what" }, `${verdict.severity ?? "corroded"} · ${percent(verdict.confidence)}`, el("span", {}, ` #${verdict.seq}${verdict.replayed ? " ↺" : ""}`)), el("span", { class: "place" }, metres(verdict.distance_m))));
}

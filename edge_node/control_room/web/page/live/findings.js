// The list of findings: open ones first, worst first, then what was closed.
import { byId, el, keyed, setText } from "../dom.js";
import { assetWord, findingKey, known, robotKey, robotWord } from "../store.js";
import { areaWords, count, counted, glyph, moment, percent, plural, rank, reach } from "../words.js";

const SHOWN = 200;

/** Findings as they are listed: `which` is open, closed or all; `chosen` keeps to one robot. */
export function listed(which, chosen) {
  const records = [...known.findings.values()].filter(({ finding }) => (!chosen || robotKey(finding) === chosen) && (which === "all" || (which === "open") === (finding.state !== "closed")));
  const weight = ({ finding }) => (finding.state === "closed" ? 0 : 10 + (rank(finding.peak_severity) ?? 0.5));
  return records.sort((one, other) => weight(other) - weight(one) || (one.finding.last_observed_at < other.finding.last_observed_at ? 1 : -1));
}

/** Draw the list; returns the keys in their order. */
export function showFindings(which, chosen, selected, open) {
  const list = byId("findings");
  const all = listed(which, chosen);
  const records = all.slice(0, SHOWN);
  keyed(list, records, ({ finding }) => findingKey(finding), () => item(open), (node, record) => update(node, record, selected));
  list.hidden = !records.length;
  showNote(which, chosen, all.length);
  list.setAttribute("aria-activedescendant", records.some(({ finding }) => findingKey(finding) === selected) ? domId(selected) : "");
  const openOnes = [...known.findings.values()].filter(({ finding }) => finding.state !== "closed").length + known.openElsewhere;
  setText(byId("tally-open"), count(openOnes));
  setText(byId("tally-open-name"), `open ${plural(openOnes, "finding")}`);
  return records.map(({ finding }) => findingKey(finding));
}

/** What is to be said below the list: that it is not all, or why there is none and what comes next. */
function showNote(which, chosen, listable) {
  const note = byId("findings-note");
  const more = chosen ? 0 : (known.usage?.findings ?? 0) - listable;
  note.className = listable ? "quiet more-note" : "empty-note";
  if (listable > SHOWN || (listable && which === "all" && more > 0)) note.replaceChildren(`The first ${count(Math.min(SHOWN, listable))} of ${counted(Math.max(listable, known.usage?.findings ?? 0), "finding")}; the history and the report have the others.`);
  else if (listable) note.replaceChildren();
  else if (known.findings.size) note.replaceChildren(which === "open" ? "No finding is open." : `No ${which === "closed" ? "closed " : ""}finding${chosen ? ` of ${chosen}` : ""} yet.`);
  else note.replaceChildren("No finding yet. A robot opens one where it sees corrosion in several frames in a row, and sends it on ", el("code", {}, `corrosion/v1/${chosen ?? "SITE/ROBOT"}/finding`), ".");
  note.hidden = !note.childNodes.length;
}

/** Scroll the selected finding into view. */
export function reveal(key) {
  document.getElementById(domId(key))?.scrollIntoView({ block: "nearest" });
}

/** The address of a robot's picture; one that has not come is no failed request. */
export function pictureAddress(of, sha256, size = "") {
  return `api/pictures/${encodeURIComponent(of.site)}/${encodeURIComponent(of.robot)}/${encodeURIComponent(sha256)}?absent=ok${size ? `&size=${size}` : ""}`;
}

/** Load a finding's picture once it came. */
export function pictureCame(picture) {
  for (const image of document.querySelectorAll(`[data-sha256="${CSS.escape(picture.sha256)}"]`)) {
    image.hidden = false;
    image.src = `${image.dataset.address}&came=${Date.now()}`;
  }
}

/** An image that hides itself until its picture is there. */
export function shot(finding, alternative) {
  const sha256 = finding.best_evidence_sha256;
  if (!sha256) return el("span", { class: "shot" }, "no picture");
  const address = pictureAddress(finding, sha256, "thumbnail");
  const waiting = el("span", {}, "on its way");
  const image = el("img", { src: address, alt: alternative, loading: "lazy", data: { sha256, address } });
  image.addEventListener("error", () => { image.hidden = true; waiting.hidden = false; });
  image.addEventListener("load", () => { image.hidden = false; waiting.hidden = true; });
  return el("span", { class: "shot" }, image, waiting);
}

const domId = (key) => `finding-${key}`;

function item(open) {
  const node = el("li", { class: "finding", role: "option" });
  node.addEventListener("click", () => open(node.dataset.key));
  return node;
}

function update(node, record, selected) {
  const { finding, review } = record;
  const key = findingKey(finding);
  node.id = domId(key);
  node.setAttribute("aria-selected", String(key === selected));
  const version = JSON.stringify([finding.seq, finding.state, finding.frames, finding.best_evidence_sha256, finding.best_evidence, finding.last_observed_at, review]);
  if (node.dataset.version === version) return;
  node.dataset.version = version;
  node.classList.toggle("closed", finding.state === "closed");
  const what = [finding.peak_severity, finding.form ?? "corrosion", "on", finding.material ?? "unknown material"].filter(Boolean).join(" ");
  const picture = node.querySelector(".shot");
  const same = picture && node.dataset.picture === String(finding.best_evidence_sha256);
  node.dataset.picture = String(finding.best_evidence_sha256);
  node.replaceChildren(
    same ? picture : shot(finding, `Evidence of ${what}`),
    el("span", { class: "head" }, glyph("corroded", finding.peak_severity), el("b", {}, el("bdi", {}, what))),
    el("span", { class: "place" }, reach(finding)),
    el("span", { class: "sub" }, subWords(finding).map((words, at, all) => [el("bdi", {}, words), at < all.length - 1 ? " · " : ""])),
    el("span", { class: "state" }, stateTag(finding, review)));
}

function subWords(finding) {
  const area = finding.peak_area_mm2 ? areaWords(finding.peak_area_mm2) : finding.peak_area_fraction === null ? null : `${percent(finding.peak_area_fraction)} of the area`;
  return [finding.asset ? assetWord(finding) : null, robotWord(finding), moment(finding.last_observed_at), `confidence ${percent(finding.peak_confidence)}`, counted(finding.frames, "frame"), area, pictureNote(finding)].filter(Boolean);
}

/** What the picture beside a finding shows, where that is not the finding's worst. */
function pictureNote({ best_evidence: shown, peak_severity: severity, peak_area_fraction: share, peak_area_mm2: mm2 }) {
  if (!shown) return null;
  const isPeak = mm2 && shown.area_mm2 ? shown.area_mm2 >= 0.99 * mm2 : Math.abs((shown.area_fraction ?? 0) - (share ?? 0)) < 0.005;
  if (shown.severity === severity && isPeak) return null;
  return `picture: ${[shown.severity, shown.area_fraction === null ? null : areaWords(shown.area_mm2, shown.area_fraction)].filter(Boolean).join(", ") || "less"}`;
}

/** The state of a finding as a tag. */
export function stateTag(finding, review) {
  if (review) return el("span", { class: `tag ${review.opinion === "confirmed" ? "good" : "warn"}` }, review.opinion);
  if (finding.state === "closed") return el("span", { class: "tag", title: (finding.closed_because ?? "").replace("_", " ") }, "closed");
  return el("span", { class: "tag bad" }, "open");
}

// The list of findings: open ones first, worst first, then what was closed.
import { byId, el, keyed, setText } from "../dom.js";
import { findingKey, known, robotKey } from "../store.js";
import { areaWords, dateTime, glyph, percent, rank, reach } from "../words.js";

const SHOWN = 200;

/** Findings as they are listed: `which` is open, closed or all; `chosen` keeps to one robot. */
export function listed(which, chosen) {
  const records = [...known.findings.values()].filter(({ finding }) => (!chosen || robotKey(finding) === chosen) && (which === "all" || (which === "open") === (finding.state !== "closed")));
  const weight = ({ finding }) => (finding.state === "closed" ? 0 : 10 + (rank(finding.peak_severity) ?? 0.5));
  return records.sort((one, other) => weight(other) - weight(one) || (one.finding.last_observed_at < other.finding.last_observed_at ? 1 : -1)).slice(0, SHOWN);
}

/** Draw the list; returns the keys in their order. */
export function showFindings(which, chosen, selected, open) {
  const list = byId("findings");
  const records = listed(which, chosen);
  keyed(list, records, ({ finding }) => findingKey(finding), () => item(open), (node, record) => update(node, record, selected));
  if (!records.length) {
    list.replaceChildren(el("li", { class: "empty-note" }, which === "open" ? "No open finding. Nothing waits for you." : "No finding yet."));
  }
  list.setAttribute("aria-activedescendant", records.some(({ finding }) => findingKey(finding) === selected) ? domId(selected) : "");
  const open_ones = [...known.findings.values()].filter(({ finding }) => finding.state !== "closed").length;
  setText(byId("tally-open"), open_ones);
  setText(byId("tally-open-name"), open_ones === 1 ? "open finding" : "open findings");
  return records.map(({ finding }) => findingKey(finding));
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
    el("span", { class: "head" }, glyph("corroded", finding.peak_severity), el("b", {}, what)),
    el("span", { class: "place" }, reach(finding)),
    el("span", { class: "sub" }, [finding.asset, finding.robot, `${percent(finding.peak_confidence)} sure`, `${finding.frames} frames`, finding.peak_area_mm2 ? areaWords(finding.peak_area_mm2) : finding.peak_area_fraction === null ? null : `${percent(finding.peak_area_fraction)} of the area`, pictureNote(finding), dateTime(finding.last_observed_at)].filter(Boolean).join(" · ")),
    el("span", { class: "state" }, stateTag(finding, review)));
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

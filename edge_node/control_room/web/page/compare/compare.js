// Two missions over one asset side by side: what is new, grown, gone, unseen this time or unchanged.
import { byId, el, setText } from "../dom.js";
import { ask, known, robotWord } from "../store.js";
import { areaWords, counted, dateTime, glyph, moment, percent } from "../words.js";
import { take } from "../history/report.js";
import { image } from "../defects/defects.js";
import { defectName, stateWord } from "../defects/words.js";
import { go } from "../views.js";
import { pairStrip } from "./pair_strip.js";

const KINDS = [["new", "new"], ["grown", "grown"], ["gone", "gone"], ["unseen", "unseen this time"], ["seen_again", "seen again"], ["unchanged", "unchanged"]];
const TAGS = { new: "bad", grown: "bad", gone: "good", unseen: "", seen_again: "warn", unchanged: "" };

let openFinding = null;
let missions = [];
let compared = null;
let asked = 0;
const hidden = new Set(["unchanged"]); // kinds that are not listed

/** Build the form; `open(site, id)` shows a finding. */
export function makeCompare(open) {
  openFinding = open;
  const select = (name, label) => el("label", { class: name === "asset" ? "" : "mission" }, label, el("select", { name }));
  const kinds = ["pdf", "csv", "json"].map((kind) => el("button", { class: "plain", type: "button", onclick: () => download(kind) }, kind.toUpperCase()));
  const form = byId("compare-filters");
  form.append(select("asset", "Asset"), select("earlier", "Then"), select("later", "Now"), el("span", { class: "buttons", role: "group", "aria-label": "Changes as a file" }, kinds));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => { if (event.target.name === "asset") fillMissions(); else if (event.target.name === "later") fillEarlier(); compare(); });
}

/** Show the view; `given` chooses: { asset, earlier, later }. */
export async function showCompare(given = null) {
  try {
    missions = (await ask("api/missions")).missions; // the newest first
  } catch (problem) {
    setText(byId("compare-said"), problem.message);
    return;
  }
  const select = byId("compare-filters").elements.asset;
  const keys = [...new Set(missions.filter(({ asset }) => asset).map(assetKey))];
  const kept = given?.asset ?? select.value;
  select.replaceChildren(...keys.map((key) => el("option", { value: key }, assetOf(key))));
  const many = keys.find((key) => missions.filter((one) => assetKey(one) === key).length > 1);
  select.value = keys.includes(kept) ? kept : many ?? keys[0] ?? "";
  fillMissions(given);
  await compare();
}

const assetKey = ({ site, asset }) => `${site}/${asset}`;

function assetOf(key) {
  const [site, ...rest] = key.split("/");
  return new Set(missions.map((one) => one.site)).size > 1 ? `${rest.join("/")} (${site})` : rest.join("/");
}

const ofAsset = () => missions.filter((one) => assetKey(one) === byId("compare-filters").elements.asset.value);

/** What a mission is called in the lists: its name if a person gave one, and when it began. */
export const missionWords = (one) => [one.name, dateTime(one.began_at), robotWord(one), one.from_m === null ? null : `${one.from_m.toFixed(1)}–${one.to_m.toFixed(1)} m`].filter(Boolean).join(", ");

function fillMissions(given = null) {
  const { later } = byId("compare-filters").elements;
  const kept = given?.later ?? later.value;
  const found = ofAsset();
  later.replaceChildren(...found.map((one) => el("option", { value: one.id }, missionWords(one))));
  later.value = found.some(({ id }) => id === kept) ? kept : found[0]?.id ?? "";
  fillEarlier(given);
}

function fillEarlier(given = null) {
  const { earlier, later } = byId("compare-filters").elements;
  const kept = given?.earlier ?? earlier.value;
  const found = ofAsset();
  const at = found.findIndex(({ id }) => id === later.value);
  const others = found.filter(({ id }) => id !== later.value);
  earlier.replaceChildren(...others.map((one) => el("option", { value: one.id }, missionWords(one))));
  const before = found.slice(at + 1);
  earlier.value = before.some(({ id }) => id === kept) ? kept : before[0]?.id ?? others[0]?.id ?? "";
}

async function compare() {
  const mine = ++asked;
  const { earlier, later } = byId("compare-filters").elements;
  const site = ofAsset()[0]?.site;
  byId("changes-panel").hidden = true;
  byId("compare-head").replaceChildren();
  const canCompare = Boolean(later.value && earlier.value);
  byId("compare-note").hidden = canCompare;
  byId("compare-filters").hidden = !missions.length;
  for (const button of byId("compare-filters").querySelectorAll("button")) button.disabled = !canCompare;
  if (!canCompare) {
    setText(byId("compare-said"), "");
    byId("compare-note").replaceChildren(...(missions.length ? ["Only one mission over this asset is known. Once a robot has inspected the asset again, you can compare the two."] : ["No mission yet. The room finds missions in the verdicts, on ", el("code", {}, "corrosion/v1/SITE/ROBOT/verdict"), ", of robots that name their asset: ", el("code", {}, "[node] asset"), " in the robot's configuration."]));
    return;
  }
  setText(byId("compare-said"), "Comparing …");
  try {
    const found = await ask(`api/compare?${new URLSearchParams({ site, earlier: earlier.value, later: later.value })}`);
    if (mine !== asked) return;
    compared = found;
    setText(byId("compare-said"), found.summary + (found.left_out ? ` Left out: ${counted(found.left_out, "place")} that a person called no defect.` : ""));
    draw();
  } catch (problem) {
    if (mine === asked) setText(byId("compare-said"), problem.message);
  }
}

function draw() {
  const { earlier, later, drift } = compared;
  byId("compare-head").replaceChildren(el("div", { class: "both" }, side("Then", earlier), side("Now", later)),
    pairStrip(compared, reveal) ?? el("p", { class: "quiet" }, "These missions have no places along a path to draw."), el("p", { class: "quiet" }, drift));
  byId("changes-panel").hidden = false;
  drawKinds();
  drawList();
}

function side(word, mission) {
  const share = mission.coverage === null ? "" : `, ${percent(mission.coverage)} of the way`;
  const facts = [moment(mission.began_at), ` to ${dateTime(mission.ended_at).slice(11, 19)}, ${robotWord(mission)}`];
  return el("div", { class: "side" }, el("h3", {}, mission.name ? `${word}: ${mission.name}` : word), el("p", {}, facts),
    el("p", { class: "sub" }, `${mission.from_m === null ? "no distance" : `${mission.from_m.toFixed(2)}–${mission.to_m.toFixed(2)} m`}; ${counted(mission.judged, "frame")} of ${mission.verdicts.toLocaleString("en")} judged${share}`), el("p", { class: "sub" }, mission.bundles.join(", ")), naming(mission));
}

function naming(mission) {
  if (!known.can?.review && !known.can?.decide) return null;
  const input = el("input", { name: "name", value: mission.name, maxlength: "80", "aria-label": "Name of this mission", placeholder: "name this mission" });
  const by = known.me?.name ? null : el("input", { name: "by", placeholder: "your name", "aria-label": "Your name", maxlength: "64", required: true, autocomplete: "name" });
  const said = el("span", { class: "said quiet", role: "status" });
  return el("form", { class: "naming", onsubmit: async (event) => {
    event.preventDefault();
    try {
      await ask(`api/missions/${encodeURIComponent(mission.site)}/${encodeURIComponent(mission.id)}/name`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: input.value.trim(), ...(by ? { by: by.value.trim() } : {}) }) });
      await showCompare({ asset: assetKey(mission), earlier: compared.earlier.id, later: compared.later.id });
    } catch (problem) { said.textContent = `Not kept: ${problem.message}`; }
  } }, input, by, el("button", { class: "plain" }, "Name it"), said);
}

function drawKinds() {
  const counts = compared.counts;
  const offered = KINDS.filter(([kind]) => counts[kind]);
  if (offered.length && offered.every(([kind]) => hidden.has(kind))) hidden.clear();
  byId("change-kinds").replaceChildren(...offered.map(([kind, words]) => el("button", { "aria-pressed": String(!hidden.has(kind)), onclick: () => { if (!hidden.delete(kind)) hidden.add(kind); drawKinds(); drawList(); } }, `${counts[kind]} ${words}`)));
}

function drawList() {
  const rows = compared.changes.map((change, at) => [change, at]).filter(([change]) => !hidden.has(change.kind));
  setText(byId("changes-title"), compared.changes.length ? `Changes: ${rows.length} of ${counted(compared.changes.length, "defect")}` : "No defect in either mission");
  byId("changes").replaceChildren(...rows.map(([change, at]) => entry(change, at)));
}

function entry(change, at) {
  const { defect, place, in_space: space, earlier, later } = change;
  const where = place === null ? (space ? `x ${space.x_m.toFixed(2)}, y ${space.y_m.toFixed(2)}, z ${space.z_m.toFixed(2)} m` : "place not known") : place.to_m - place.from_m < 0.005 ? `${place.from_m.toFixed(2)} m` : `${place.from_m.toFixed(2)}–${place.to_m.toFixed(2)} m`;
  const seen = later ?? earlier;
  return el("li", { class: `change-entry kind-${change.kind}`, id: `change-${at}`, tabindex: "-1" },
    el("div", { class: "head" }, el("span", { class: `tag ${TAGS[change.kind]}` }, change.words), el("button", { class: "plain", title: "Open the defect", onclick: () => go("defects", { key: defect.key }) }, defectName(defect)), el("b", {}, where),
      el("span", { class: "sub" }, [seen?.material, seen?.form, defect.state === "known" || defect.state === "new" ? null : stateWord(defect.state)].filter(Boolean).join(" · ")), el("span", { class: "why" }, `${change.why}.`)),
    el("div", { class: "sights two" }, sight("then", compared.earlier, earlier), sight("now", compared.later, later)));
}

function sight(word, mission, seen) {
  if (!seen) return el("div", { class: "sight nothing" }, el("span", { class: "shot" }, `not found ${word}`));
  const words = [seen.severity ?? "no severity", areaWords(seen.area_mm2, seen.area_fraction), seen.confidence === null ? null : `confidence ${percent(seen.confidence)}`].filter(Boolean).join(" · ");
  const shows = seen.shows && !seen.shows.startsWith(`${seen.severity},`) ? el("span", { class: "sub" }, `the picture: ${seen.shows}`) : null;
  return el("button", { class: "sight", title: "Open the finding", onclick: () => openFinding(mission.site, seen.finding_id) }, image({ site: mission.site, robot: seen.robot, picture: seen.picture }, `Picture ${word}: ${words}`), el("span", { class: "when" }, `${word}: `, moment(seen.at)), el("span", {}, glyph("corroded", seen.severity), " ", words), shows);
}

function reveal(at) {
  const kind = compared.changes[at].kind;
  if (hidden.delete(kind)) { drawKinds(); drawList(); }
  const node = byId(`change-${at}`);
  node?.scrollIntoView({ block: "center" });
  node?.focus({ preventScroll: true });
}

function download(kind) {
  if (!compared) return;
  const { site, id: later } = compared.later;
  take({ kind, compare: { site, later, earlier: compared.earlier.id, zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" } }, byId("compare-said"));
}

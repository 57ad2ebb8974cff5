// The defects: what all missions found at one place of an asset; a list, and one of them with its history.
import { byId, el, setText } from "../dom.js";
import { ask, assetWord, known, on, robotWord } from "../store.js";
import { areaWords, counted, dateTime, glyph, moment, percent } from "../words.js";
import { pictureAddress } from "../live/findings.js";
import { decisions } from "./decisions.js";
import { trend } from "./trend.js";
import { STATES, defectName, defectPlace, stateTag, stateWord } from "./words.js";

let openFinding = null;
let shown = []; // the list as it was asked for
let opened = null; // key of the defect that is open
let asked = 0; // which question is the newest

/** Build the form; `open(site, id)` shows a finding. */
export function makeDefects(open) {
  openFinding = open;
  const select = (name, label, options) => el("label", {}, label, el("select", { name }, options));
  const form = byId("defect-filters");
  form.append(select("asset", "Asset", el("option", { value: "" }, "any")), select("state", "State", [el("option", { value: "" }, "any"), ...[...STATES, "unsure"].map((state) => el("option", { value: state }, stateWord(state)))]),
    el("label", {}, "Assigned to", el("input", { name: "assignee", maxlength: "64", autocomplete: "off" })),
    select("muted", "Muted", [["", "any"], ["false", "not muted"], ["true", "muted"]].map(([value, word]) => el("option", { value }, word))));
  form.addEventListener("submit", (event) => { event.preventDefault(); list(); });
  form.addEventListener("change", () => list());
  byId("defects").addEventListener("keydown", move);
  byId("defect").addEventListener("keydown", (event) => { if (event.key === "Escape" && byId("drawer").hidden && !event.target.closest("input, select, textarea")) { closeDefect(); event.stopPropagation(); } });
  on("defects", (keys) => { list(); if (keys?.some(({ key }) => key === opened)) openDefect(opened); });
}

/** Show the defects; `given` sets filters, or opens one: { key }. */
export async function showDefects(given = null) {
  const form = byId("defect-filters");
  const words = await ask("api/words").catch(() => ({ asset: [] }));
  const kept = given?.asset ?? form.elements.asset.value;
  form.elements.asset.replaceChildren(el("option", { value: "" }, "any"), ...words.asset.map((word) => el("option", { value: word }, word)));
  form.elements.asset.value = words.asset.includes(kept) ? kept : "";
  await list();
  if (given?.key) openDefect(given.key);
}

async function list() {
  const mine = ++asked;
  const wanted = new URLSearchParams([...new FormData(byId("defect-filters"))].filter(([, value]) => value !== ""));
  try {
    const { defects } = await ask(`api/defects?${wanted}`);
    if (mine !== asked) return;
    shown = defects;
    setText(byId("defects-title"), counted(defects.length, "defect"));
    byId("defects").replaceChildren(...defects.map(item));
    const note = byId("defects-note");
    note.hidden = Boolean(defects.length);
    if ([...wanted].length) note.replaceChildren("No defect matches: choose fewer filters.");
    else if (known.findings.size) note.replaceChildren("The room is joining the findings to defects; they appear here by themselves.");
    else note.replaceChildren("No defect yet. The room makes a defect from each finding that comes on ", el("code", {}, "corrosion/v1/SITE/ROBOT/finding"), ", and joins the findings of several missions at one place of an asset.");
    if (opened && !defects.some(({ key }) => key === opened)) mark(null);
    else mark(opened);
    listPairs(wanted.get("asset"));
  } catch (problem) {
    if (mine === asked) setText(byId("defects-title"), `Defects: ${problem.message}`);
  }
}

function item(defect) {
  const what = [defect.severity, defect.form ?? "corrosion", "on", defect.material ?? "unknown material"].filter(Boolean).join(" ");
  const about = [defect.asset ? assetWord(defect) : "no asset", defectPlace(defect), counted(defect.passes, "pass", "passes"), areaWords(defect.area_mm2, defect.area_fraction)];
  if (defect.assignee) about.push(`assigned to ${defect.assignee}`);
  if (isMuted(defect)) about.push(`muted until ${dateTime(defect.muted_until)}`);
  return el("li", {}, el("button", { class: "place", data: { key: defect.key }, onclick: () => openDefect(defect.key) }, image(defect.newest, `Newest picture of ${defect.label}`, "thumbnail"),
    el("span", { class: "about" }, el("span", { class: "head" }, glyph("corroded", defect.severity), el("b", {}, el("bdi", {}, defectName(defect))), stateTag(defect)), el("span", {}, el("bdi", {}, what)), el("span", { class: "sub" }, about.map((words, at) => [el("bdi", {}, words), at < about.length - 1 ? " · " : ""])))));
}

const isMuted = ({ muted_until: until }) => Boolean(until) && Date.parse(until) > Date.now();

/** Arrows go through the list as in any list. */
function move(event) {
  const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
  const buttons = [...byId("defects").querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  if (!step || at < 0) return;
  buttons[Math.min(buttons.length - 1, Math.max(0, at + step))].focus();
  event.preventDefault();
  event.stopPropagation();
}

function mark(key) {
  opened = key;
  byId("defect").hidden = key === null;
  byId("view-defects").classList.toggle("with-defect", key !== null);
  for (const button of byId("defects").querySelectorAll("button")) button.setAttribute("aria-current", String(Number(button.dataset.key) === key));
}

function closeDefect() {
  const key = opened;
  mark(null);
  byId("defects").querySelector(`[data-key="${key}"]`)?.focus();
}

async function openDefect(key) {
  const isOther = key !== opened;
  mark(key);
  const panel = byId("defect");
  if (isOther) panel.replaceChildren(el("p", { class: "quiet" }, "Loading …"));
  try {
    const found = await ask(`api/defects/${key}`);
    if (opened !== key) return;
    fill(panel, found);
    if (isOther) { panel.focus({ preventScroll: true }); if (matchMedia("(max-width: 1180px)").matches) panel.scrollIntoView({ block: "start" }); }
  } catch (problem) {
    if (opened === key) panel.replaceChildren(el("p", { class: "note" }, problem.message));
  }
}

function fill(panel, found) {
  const { defect, observations, log } = found;
  const begun = [...panel.querySelectorAll(".decisions [name]")].filter((field) => field === document.activeElement || field.name === "text").map(({ name, value }) => [name, value]);
  const close = el("button", { class: "icon", "aria-label": "Close", title: "Close", onclick: closeDefect }, "✕");
  panel.setAttribute("aria-labelledby", "defect-title");
  panel.replaceChildren(...[el("header", {}, glyph("corroded", defect.severity), el("h2", { id: "defect-title" }, defectName(defect)), stateTag(defect), close),
    el("dl", { class: "facts" }, facts(defect).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    doubts(defect), el("h3", {}, "Growth"), trend(defect.growth),
    el("h3", {}, `Picture after picture (${observations.length})`), el("ol", { class: "sights" }, observations.map(sight)),
    decisions(found, () => { list(); openDefect(defect.key); }),
    el("h3", {}, "Who set what"), log.length ? el("ul", { class: "log" }, log.map(deed)) : el("p", { class: "quiet" }, "Nobody has decided anything about it yet.")].filter(Boolean));
  for (const [name, value] of begun) { const field = panel.querySelector(`.decisions [name="${name}"]`); if (field && value) field.value = value; }
}

function facts(defect) {
  return [["asset", defect.asset ? assetWord(defect) : "–"], ["place", defectPlace(defect)], ["material", defect.material ?? "–"], ["worst severity", defect.severity ?? "not given"],
    ["largest area", areaWords(defect.area_mm2, defect.area_fraction, 1)], ["confidence", percent(defect.confidence, 1)], ["first seen", moment(defect.first_seen_at)], ["last seen", moment(defect.last_seen_at)],
    ["seen in", counted(defect.passes, "pass", "passes")], ["assigned to", defect.assignee || "nobody"], ["muted", isMuted(defect) ? ["until ", moment(defect.muted_until)] : "no"],
    ...(defect.set_state ? [["state", [`${stateWord(defect.set_state)}, set by ${defect.set_by} `, moment(defect.set_at), `; computed: ${stateWord(defect.computed_state)}`]]] : [])];
}

function doubts(defect) {
  if (!defect.is_unsure || !defect.candidates.length) return null;
  return el("p", { class: "note" }, "It may be ", defect.candidates.flatMap((one, at) => [at ? ", " : "", el("button", { class: "plain", onclick: () => openDefect(one.key) }, `${one.label} (${percent(one.probability)})`)]), ". Too few places match to tell; a person can join them.");
}

function sight(seen) {
  const words = [seen.severity ?? "no severity", areaWords(seen.area_mm2, seen.area_fraction), seen.confidence === null ? null : `confidence ${percent(seen.confidence)}`, counted(seen.frames, "frame")].filter(Boolean).join(" · ");
  const of = { site: seen.site, robot: seen.robot, picture: seen.picture };
  return el("li", {}, el("button", { class: "sight", title: "Open the finding", onclick: () => openFinding(seen.site, seen.finding_id) }, image(of, `Picture of ${dateTime(seen.at)}`), el("span", { class: "when" }, moment(seen.at)), el("span", {}, glyph("corroded", seen.severity), " ", words), el("span", { class: "sub" }, `${robotWord(seen)}${seen.by === "person" ? " · joined by a person" : ""}`)));
}

/** A picture, or why there is none. */
export function image(of, alternative, size = "") {
  if (!of?.picture) return el("span", { class: "shot" }, "no picture");
  const address = pictureAddress(of, of.picture, size);
  const waiting = el("span", { hidden: true }, "not received yet, or deleted");
  const node = el("img", { src: `${address}${address.includes("?") ? "&" : "?"}absent=ok`, alt: alternative, loading: "lazy", data: { sha256: of.picture, address } });
  node.addEventListener("error", () => { node.hidden = true; waiting.hidden = false; });
  node.addEventListener("load", () => { node.hidden = false; waiting.hidden = true; });
  return el("span", { class: "shot" }, node, waiting);
}

const deed = (one) => el("li", {}, moment(one.at), " ", el("b", {}, one.by || "the room"), ` ${one.action.replaceAll("_", " ")}`, one.text ? [": ", el("bdi", { class: "note" }, one.text)] : "");

async function listPairs(asset) {
  const panel = byId("pairs-panel");
  const sites = [...new Set([...known.robots.values()].map(({ site }) => site))];
  const found = await Promise.all(sites.map((site) => ask(`api/defects/pairs?${new URLSearchParams({ site, ...(asset ? { asset } : {}) })}`).catch(() => ({ pairs: [] }))));
  const pairs = found.flatMap((one) => one.pairs);
  panel.hidden = !pairs.length;
  byId("pairs").replaceChildren(...pairs.slice(0, 50).map(pair));
}

function pair({ one, other, likeness }) {
  const said = el("span", { class: "said quiet", role: "status" });
  const join = async () => {
    const by = known.me?.name ? {} : { by: prompt("Your name")?.trim() };
    if (!known.me?.name && !by.by) return;
    try {
      const made = await ask("api/defects", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ findings: [one, other].map(({ site, finding_id: id }) => ({ site, id })), ...by }) });
      said.textContent = `Joined: ${made.label}.`;
      list();
    } catch (problem) {
      said.textContent = `Not joined: ${problem.message}`;
    }
  };
  const side = (seen) => el("button", { class: "sight", onclick: () => openFinding(seen.site, seen.finding_id) }, image(seen, `Picture of ${dateTime(seen.at)}`, "thumbnail"), el("span", { class: "when" }, moment(seen.at)), el("span", { class: "sub" }, robotWord(seen)));
  return el("li", {}, side(one), side(other), el("span", {}, `${percent(likeness)} alike`), known.can?.review ? el("button", { class: "plain", onclick: join }, "They are one place") : null, said);
}

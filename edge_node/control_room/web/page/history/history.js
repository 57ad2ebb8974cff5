// The history: filters, their strip chart, their verdicts page by page.
import { byId, el } from "../dom.js";
import { ask, known, robotKey, robotWord } from "../store.js";
import { NO_ASSET, StripSet } from "../live/strip_set.js";
import { nobodyYet } from "../live/robots.js";
import { areaWords, count, counted, dateTime, glyph, isoOf, metres, outcomeWord, moment, percent, timeField, zoneName } from "../words.js";

const PAGE = 200;
const STRIPS = 12;
const CHOICES = [["site", "Site"], ["robot", "Robot"], ["outcome", "Outcome"], ["material", "Material"], ["severity", "Severity"], ["asset", "Asset"]];
const OUTCOMES = ["corroded", "uncorroded", "uncertain", "not_inspectable"];

let openVerdict = null;
let strips = null;
let last = null; // the id of the last row
let asked = 0; // which search is the newest

/** Build the form; `open(id)` shows a verdict, `openFinding(key)` a finding. */
export function makeHistory(open, openFinding) {
  openVerdict = open;
  const form = byId("filters");
  form.append(...CHOICES.map(([name, label]) => el("label", {}, label, el("select", { name, "aria-label": label }, el("option", { value: "" }, "any")))),
    timeField("since", "Since"), timeField("until", "Until"),
    ...[["from_m", "From m"], ["to_m", "To m"]].map(([name, label]) => el("label", {}, label, el("input", { type: "number", name, step: "any", "aria-label": label }))),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "replayed", value: "true" }), "came late"),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "with_picture", value: "true" }), "with picture"),
    el("button", { class: "primary" }, "Search"),
    el("button", { class: "plain", type: "reset" }, "Clear"),
    el("p", { class: "quiet zone" }, `Times as YYYY-MM-DD hh:mm:ss; without a zone they are ${zoneName()}.`));
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  form.addEventListener("change", () => search());
  form.addEventListener("reset", () => setTimeout(search));
  byId("more").addEventListener("click", more);
  strips = new StripSet(byId("history-strip"), { pick: narrow, openFinding });
}

/** Show the history; `given` sets filters. */
export async function showHistory(given = null) {
  const form = byId("filters");
  await fillChoices(form);
  if (given) {
    form.reset();
    fill(form, given);
  }
  await search();
}

/** Set filters; seconds since 1970 are times. */
function fill(form, { since_s: since, until_s: until, ...given }) {
  const times = Object.fromEntries([["since", since], ["until", until]].filter(([, at]) => at !== undefined).map(([name, at]) => [name, dateTime(at * 1000)]));
  for (const [name, value] of Object.entries({ ...given, ...times })) if (form.elements[name]) form.elements[name].value = value;
}

async function fillChoices(form) {
  const words = await ask("api/words");
  const same = (list) => list.map((word) => [word, word]);
  const robots = [...known.robots.values()];
  const sites = [...new Set(robots.map((robot) => robot.site))];
  const choices = {
    site: same(sites), robot: robots.map((robot) => [robotKey(robot), robotWord(robot)]), outcome: OUTCOMES.map((outcome) => [outcome, outcomeWord(outcome)]),
    material: same(words.material), severity: same(words.severity), asset: [...same(words.asset), [NO_ASSET, "none named"]],
  };
  for (const [name] of CHOICES) {
    const select = form.elements[name];
    const kept = select.value;
    select.replaceChildren(el("option", { value: "" }, "any"), ...choices[name].map(([value, label]) => el("option", { value }, label)));
    select.value = choices[name].some(([value]) => value === kept) ? kept : "";
  }
  form.elements.site.closest("label").hidden = sites.length < 2;
}

/** What the form asks for, as the API names it. */
function query() {
  const found = new URLSearchParams();
  for (const [name, value] of new FormData(byId("filters"))) {
    if (value === "") continue;
    if (name === "robot") {
      const [site, robot] = value.split("/");
      found.set("site", site);
      found.set("robot", robot);
    } else if (name === "asset" && value === NO_ASSET) found.set("without_asset", true);
    else if (name === "since" || name === "until") {
      const iso = isoOf(value);
      if (iso) found.set(name, iso);
    } else found.set(name, value);
  }
  return found;
}

const FINDING_FILTERS = ["site", "robot", "asset", "material", "severity", "since", "until"];

/** The findings that lie on the strips of a selection. */
async function findingsOf(wanted) {
  const filters = new URLSearchParams([...wanted].filter(([name]) => FINDING_FILTERS.includes(name)));
  return (await ask(`api/findings?${filters}&limit=1000`)).findings;
}

async function search() {
  if (!byId("filters").reportValidity()) return;
  const mine = ++asked;
  const wanted = query();
  const began = performance.now();
  const title = byId("results-title");
  try {
    const [found, along, findings] = await Promise.all([ask(`api/verdicts?${wanted}&limit=${PAGE}`), ask(`api/strip?${wanted}&by_asset=true&cells=240&most=${STRIPS}`), findingsOf(wanted)]);
    if (mine !== asked) return;
    title.textContent = `${counted(found.total, "verdict")}, found in ${(performance.now() - began).toFixed(0)} ms`;
    byId("results").replaceChildren(...found.verdicts.map(row));
    page(found.verdicts);
    strips.show(along.strips, findings, noteOn(along));
  } catch (problem) {
    if (mine === asked) title.textContent = problem.message;
  }
}

function noteOn({ strips: shown, total }) {
  if (!known.robots.size) return el("div", { class: "empty-note" }, ...nobodyYet());
  if (!shown.length) return el("p", { class: "empty-note" }, "No verdict matches these filters: widen the times, or clear them.");
  return total > shown.length ? el("p", { class: "quiet" }, `The ${count(shown.length)} strips with the newest verdicts, of ${count(total)}: choose an asset or a robot.`) : [];
}

async function more() {
  const mine = asked;
  const wanted = query();
  wanted.set("after", last);
  const found = await ask(`api/verdicts?${wanted}&limit=${PAGE}`);
  if (mine !== asked) return;
  byId("results").append(...found.verdicts.map(row));
  page(found.verdicts);
}

function page(verdicts) {
  last = verdicts[verdicts.length - 1]?.id ?? null;
  byId("more").hidden = verdicts.length < PAGE;
}

/** Keep to a stretch of a strip. */
function narrow(given) {
  fill(byId("filters"), given);
  search();
}

function row(verdict) {
  const open = () => openVerdict(verdict.id);
  const cells = [moment(verdict.observed_at), robotWord(verdict), null, verdict.material ?? "–", verdict.outcome === "corroded" ? (verdict.severity ?? "–") : "–", percent(verdict.confidence), areaWords(verdict.area_mm2, verdict.area_fraction), metres(verdict.distance_m), verdict.asset ?? "–", verdict.replayed ? "late ↺" : "live"];
  const node = el("tr", { tabindex: "0", data: { id: verdict.id }, onclick: open, onkeydown: (event) => { if (event.key === "Enter") open(); } },
    cells.map((text, at) => el("td", { class: at >= 5 && at <= 7 ? "num" : at === 1 || at === 8 ? "name" : null }, text ?? "")));
  node.children[2].replaceChildren(glyph(verdict.outcome, verdict.severity), outcomeWord(verdict.outcome));
  return node;
}

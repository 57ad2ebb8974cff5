// The history: filters, their strip chart, their verdicts page by page.
import { byId, el } from "../dom.js";
import { findingKey, ask, known, robotKey } from "../store.js";
import { Strip } from "../live/strip.js";
import { areaWords, count, dateTime, glyph, metres, outcomeWord, percent } from "../words.js";

const PAGE = 200;
const CHOICES = [["robot", "Robot"], ["outcome", "Outcome"], ["material", "Material"], ["severity", "Severity"], ["asset", "Asset"]];
const OUTCOMES = ["corroded", "uncorroded", "uncertain", "not_inspectable"];

let openVerdict = null;
let strip = null;
let last = null; // the id of the last row
let asked = 0; // which search is the newest

/** Build the form; `open(id)` shows a verdict, `openFinding(key)` a finding. */
export function makeHistory(open, openFinding) {
  openVerdict = open;
  const form = byId("filters");
  form.append(...CHOICES.map(([name, label]) => el("label", {}, label, el("select", { name, "aria-label": label }, el("option", { value: "" }, "any")))),
    ...[["since", "Since"], ["until", "Until"]].map(([name, label]) => el("label", {}, label, el("input", { type: "datetime-local", name, step: "1", "aria-label": label }))),
    ...[["from_m", "From m"], ["to_m", "To m"]].map(([name, label]) => el("label", {}, label, el("input", { type: "number", name, step: "any", "aria-label": label }))),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "replayed", value: "true" }), "came late"),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "with_picture", value: "true" }), "with picture"),
    el("button", { class: "primary" }, "Search"),
    el("button", { class: "plain", type: "reset" }, "Clear"));
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  form.addEventListener("change", () => search());
  form.addEventListener("reset", () => setTimeout(search));
  byId("more").addEventListener("click", more);
  strip = new Strip("Selection", { pick: narrow, openFinding });
  byId("history-strip").append(strip.node);
}

/** Show the history; `given` sets filters. */
export async function showHistory(given = null) {
  const form = byId("filters");
  await fillChoices(form);
  if (given) {
    form.reset();
    for (const [name, value] of Object.entries(given)) if (form.elements[name]) form.elements[name].value = value;
  }
  await search();
}

async function fillChoices(form) {
  const words = await ask("api/words");
  const choices = { robot: [...known.robots.values()].map((robot) => robotKey(robot)), outcome: OUTCOMES, material: words.material, severity: words.severity, asset: words.asset };
  for (const [name] of CHOICES) {
    const select = form.elements[name];
    const kept = select.value;
    select.replaceChildren(el("option", { value: "" }, "any"), ...choices[name].map((word) => el("option", { value: word }, name === "outcome" ? outcomeWord(word) : word)));
    select.value = choices[name].includes(kept) ? kept : "";
  }
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
    } else found.set(name, name === "since" || name === "until" ? new Date(value).toISOString() : value);
  }
  return found;
}

async function search() {
  const mine = ++asked;
  const wanted = query();
  const began = performance.now();
  const title = byId("results-title");
  try {
    const [found, along] = await Promise.all([ask(`api/verdicts?${wanted}&limit=${PAGE}`), ask(`api/strip?${wanted}&cells=240`)]);
    const cells = along.cells.length ? along : await ask(`api/strip?${wanted}&cells=240&by_time=true`);
    if (mine !== asked) return;
    title.textContent = `${count(found.total)} verdicts, found in ${(performance.now() - began).toFixed(0)} ms`;
    byId("results").replaceChildren(...found.verdicts.map(row));
    page(found.verdicts);
    showStrip(cells, wanted);
  } catch (problem) {
    if (mine === asked) title.textContent = problem.message;
  }
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

function showStrip({ cells, by_time: byTime }, wanted) {
  const findings = [...known.findings.values()].filter(({ finding }) => (!wanted.has("robot") || finding.robot === wanted.get("robot")) && (!wanted.has("asset") || finding.asset === wanted.get("asset")))
    .map(({ finding }) => ({ finding, key: findingKey(finding) }));
  strip.show({ cells, byTime, findings: wanted.has("robot") || wanted.has("asset") ? findings : [], here: null, heading: byTime ? "over time: no pose" : "" });
}

/** Keep to a stretch of the strip. */
function narrow({ from, to, byTime }) {
  const form = byId("filters");
  if (byTime) {
    form.elements.since.value = local(from);
    form.elements.until.value = local(to);
  } else {
    form.elements.from_m.value = +from.toFixed(6);
    form.elements.to_m.value = +to.toFixed(6);
  }
  search();
}

function local(seconds) {
  const moment = new Date(seconds * 1000);
  return new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function row(verdict) {
  const open = () => openVerdict(verdict.id);
  const cells = [dateTime(verdict.observed_at), verdict.robot, null, verdict.material ?? "–", verdict.outcome === "corroded" ? (verdict.severity ?? "–") : "–", percent(verdict.confidence), areaWords(verdict.area_mm2, verdict.area_fraction), metres(verdict.distance_m), verdict.asset ?? "–", verdict.replayed ? "late ↺" : "live"];
  const node = el("tr", { tabindex: "0", data: { id: verdict.id }, onclick: open, onkeydown: (event) => { if (event.key === "Enter") open(); } },
    cells.map((text, at) => el("td", { class: at >= 5 && at <= 7 ? "num" : null }, text ?? "")));
  node.children[2].replaceChildren(glyph(verdict.outcome, verdict.severity), outcomeWord(verdict.outcome));
  return node;
}

// The mission report and the reviewed pictures, to take away as files.

import { byId, el } from "../dom.js";
import { robotWord } from "../store.js";
import { counted, dateTime, isoOf, timeField, zoneName } from "../words.js";

const MOST_MISSIONS = 200;

export function makeReport() {
  const mission = el("select", { name: "mission", "aria-label": "Mission" });
  const robot = el("select", { name: "robot", "aria-label": "Robot" });
  const times = [timeField("since", "From"), timeField("until", "To")];
  const free = el("div", { class: "free" }, el("label", {}, "Robot", robot), ...times, el("p", { class: "quiet zone" }, `Without a zone: ${zoneName()}.`));
  const changes = el("select", { name: "changes", "aria-label": "Changes since" }, el("option", { value: "auto" }, "the mission before, if there is one"), el("option", { value: "none" }, "leave them out"));
  const words = [["client", "Client", 200], ["order", "Order number", 100]].map(([name, label, maxlength]) => el("label", {}, label, el("input", { name, maxlength: String(maxlength), placeholder: "as configured", autocomplete: "off" })));
  const kinds = ["pdf", "csv", "json"].map((kind) => el("button", { class: "plain", type: "submit", value: kind }, kind.toUpperCase()));
  const said = el("p", { class: "said", role: "status" });
  const form = el("form", { class: "report" }, el("label", {}, "Mission", mission), free, el("label", {}, "Changes since", changes), ...words, el("div", { class: "buttons" }, kinds, el("a", { class: "plain", href: "api/dataset.zip", title: "reviewed pictures with labels, for converter retrain" }, "Dataset")), said);
  mission.addEventListener("change", () => { free.hidden = Boolean(mission.value); });
  form.querySelector("a").addEventListener("click", (event) => { event.preventDefault(); take({ kind: "dataset" }, said); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = mission.value ? JSON.parse(mission.value) : ofRobot(robot, times);
    const given = words.map((label) => label.querySelector("input")).filter(({ value }) => value.trim()).map(({ name, value }) => [name, value.trim()]);
    take({ kind: event.submitter?.value ?? "pdf", report: { ...chosen, changes: changes.value, zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", ...Object.fromEntries(given) } }, said);
  });
  const details = el("details", { class: "report" }, el("summary", {}, "Report"), form);
  details.addEventListener("toggle", () => { if (details.open) keepInside(details, form); });
  window.addEventListener("resize", () => { if (details.open) keepInside(details, form); });
  details.addEventListener("toggle", () => { if (details.open) fillChoices(mission, robot, said).then(() => { free.hidden = Boolean(mission.value); }); });
  details.addEventListener("keydown", (event) => { if (event.key === "Escape") { details.open = false; details.querySelector("summary").focus(); event.stopPropagation(); } });
  byId("report-links").append(details);
}

/** Move the form up as far as it would reach below the window of a desk, which does not scroll. */
function keepInside(details, form) {
  const below = details.getBoundingClientRect().bottom + 4 + form.offsetHeight + 8 - window.innerHeight;
  const isDesk = matchMedia("(min-width: 1181px)").matches;
  form.style.setProperty("margin-top", isDesk && below > 0 ? `${-below}px` : "0");
}

/** A robot's verdicts between two times. */
function ofRobot(robot, times) {
  const [site, name] = robot.value.split("/");
  const given = times.map((label) => label.querySelector("input")).filter(({ value }) => value).map(({ name: key, value }) => [key, isoOf(value)]);
  return { site, robot: name, ...Object.fromEntries(given) };
}

async function fillChoices(mission, robot, said) {
  try {
    const [{ robots }, { missions }] = await Promise.all([talk("api/robots"), talk("api/missions")]);
    refill(robot, robots.map((one) => [`${one.site}/${one.robot}`, robotWord(one)]));
    const named = missions.slice(0, MOST_MISSIONS).map((one) => [JSON.stringify({ site: one.site, mission: one.id }), [one.name, one.asset ?? "no asset", dateTime(one.began_at), robotWord(one)].filter(Boolean).join(", ")]);
    refill(mission, [["", "no mission: all of a robot, or between two times"], ...named]);
  } catch (problem) {
    said.textContent = `The missions cannot be listed: ${problem.message}`;
  }
}

/** Offer other choices and keep what is chosen. */
function refill(select, choices) {
  const kept = select.options.length ? select.value : null;
  select.replaceChildren(...choices.map(([value, words]) => el("option", { value }, words)));
  const values = choices.map(([value]) => value);
  select.value = kept !== null && values.includes(kept) ? kept : values[0] ?? "";
}

/** Have a file made, say how far it is, and download it; the button ends it. */
export async function take(wanted, said) {
  const stop = el("button", { class: "plain", type: "button" }, "Cancel");
  const text = el("span", {}, "Making the file …");
  let ended = false;
  stop.addEventListener("click", () => { ended = true; });
  said.replaceChildren(text, " ", stop);
  try {
    let job = await talk("api/jobs", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted) });
    const path = `api/jobs/${encodeURIComponent(job.id)}`;
    while (job.state === "waiting" || job.state === "running") {
      if (ended) {
        await talk(path, { method: "DELETE" });
        said.textContent = `${job.name} was cancelled`;
        return;
      }
      text.textContent = describe(job);
      await new Promise((wake) => { setTimeout(wake, 500); stop.addEventListener("click", wake, { once: true }); });
      job = await talk(path);
    }
    if (job.state !== "done") throw new Error(job.problem ?? job.state);
    el("a", { href: `${path}/file`, download: job.name }).click();
    said.textContent = `${job.name} is downloaded`;
  } catch (problem) {
    said.textContent = problem.message;
  }
}

function describe(job) {
  if (job.state === "waiting") return `Waits for ${counted(job.before, "other file")} …`;
  return job.of ? `Making the file: ${job.done.toLocaleString("en")} of ${job.of.toLocaleString("en")} …` : "Making the file …";
}

async function talk(path, given = {}) {
  const answer = await fetch(path, given);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.problem ?? `status ${answer.status}`);
  return told;
}

makeReport();

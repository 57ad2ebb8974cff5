// The mission report and the reviewed pictures, to take away as files.

import { byId, el } from "../dom.js";
import { counted, isoOf, timeField, zoneName } from "../words.js";

export function makeReport() {
  const robot = el("select", { name: "robot", required: true, "aria-label": "Robot" });
  const times = [timeField("since", "From"), timeField("until", "To")];
  const kinds = ["pdf", "csv", "json"].map((kind) => el("button", { class: "plain", type: "submit", value: kind }, kind.toUpperCase()));
  const said = el("p", { class: "said", role: "status" });
  const form = el("form", { class: "report" }, el("label", {}, "Robot", robot), ...times, el("p", { class: "quiet zone" }, `Without a zone: ${zoneName()}.`), el("div", { class: "buttons" }, ...kinds, el("a", { class: "plain", href: "api/dataset.zip", title: "reviewed pictures with labels, for converter retrain" }, "Dataset")), said);
  form.querySelector("a").addEventListener("click", (event) => { event.preventDefault(); take({ kind: "dataset" }, said); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = event.submitter?.value ?? "pdf";
    const [site, name] = robot.value.split("/");
    const report = { site, robot: name };
    for (const input of form.querySelectorAll("input")) if (input.value) report[input.name] = isoOf(input.value);
    take({ kind, report }, said);
  });
  const details = el("details", { class: "report" }, el("summary", {}, "Report"), form);
  details.addEventListener("toggle", () => { if (details.open) listRobots(robot, said); });
  details.addEventListener("keydown", (event) => { if (event.key === "Escape") { details.open = false; details.querySelector("summary").focus(); event.stopPropagation(); } });
  byId("report-links").append(details);
}

async function listRobots(select, said) {
  try {
    const found = await (await fetch("api/robots")).json();
    const names = (found.robots ?? found).map((one) => `${one.site}/${one.robot}`);
    const chosen = select.value;
    select.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
    if (names.includes(chosen)) select.value = chosen;
  } catch (problem) {
    said.textContent = `The robots cannot be listed: ${problem.message}`;
  }
}

/** Have a file made, say how far it is, and download it; the button ends it. */
async function take(wanted, said) {
  const stop = el("button", { class: "plain", type: "button" }, "End it");
  const text = el("span", {}, "Being made …");
  let ended = false;
  stop.addEventListener("click", () => { ended = true; });
  said.replaceChildren(text, " ", stop);
  try {
    let job = await talk("api/jobs", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted) });
    const path = `api/jobs/${encodeURIComponent(job.id)}`;
    while (job.state === "waiting" || job.state === "running") {
      if (ended) {
        await talk(path, { method: "DELETE" });
        said.textContent = `${job.name} was ended`;
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
  return job.of ? `Being made: ${job.done.toLocaleString("en")} of ${job.of.toLocaleString("en")} …` : "Being made …";
}

async function talk(path, given = {}) {
  const answer = await fetch(path, given);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.problem ?? `status ${answer.status}`);
  return told;
}

makeReport();

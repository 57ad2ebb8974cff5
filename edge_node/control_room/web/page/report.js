// The mission report and the reviewed pictures, to take away as files.

import { byId, el } from "./dom.js";

export function makeReport() {
  const robot = el("select", { name: "robot", required: true, "aria-label": "Robot" });
  const times = [["since", "From"], ["until", "To"]].map(([name, label]) => el("label", {}, label, el("input", { type: "datetime-local", name, step: "1", "aria-label": label })));
  const kinds = ["pdf", "csv"].map((kind) => el("button", { class: "plain", type: "submit", value: kind }, kind.toUpperCase()));
  const said = el("p", { class: "said", role: "status" });
  const form = el("form", { class: "report" }, el("label", {}, "Robot", robot), ...times, el("div", { class: "buttons" }, ...kinds, el("a", { class: "plain", href: "api/dataset.zip", title: "reviewed pictures with labels, for converter retrain" }, "Dataset")), said);
  form.querySelector("a").addEventListener("click", (event) => { event.preventDefault(); take("api/dataset.zip", "reviewed.zip", said); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = event.submitter?.value ?? "pdf";
    const [site, name] = robot.value.split("/");
    const asked = new URLSearchParams({ site, robot: name });
    for (const input of form.querySelectorAll("input")) if (input.value) asked.set(input.name, new Date(input.value).toISOString());
    take(`api/report.${kind}?${asked}`, `${site}-${name}.${kind}`, said);
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

async function take(url, name, said) {
  said.textContent = "Being made …";
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).problem ?? `status ${answer.status}`);
    const file = URL.createObjectURL(await answer.blob());
    const link = el("a", { href: file, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(file), 60000);
    said.textContent = `${name} is downloaded`;
  } catch (problem) {
    said.textContent = problem.message;
  }
}

makeReport();

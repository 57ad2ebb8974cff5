// What an operator may ask of the robot that the page keeps to, and what came of it.
import { agree } from "../dialog.js";
import { byId, el, keyed, setText } from "../dom.js";
import { ask, known, on, robotWord } from "../store.js";
import { moment, percent } from "../words.js";
import { chooseBundle } from "./update.js";

const COMMANDS = [["snapshot", "Snapshot", "Keep and send a picture of what the camera sees now"], ["pause", "Pause …", "Stop judging frames"], ["resume", "Resume", "Judge frames again"], ["update", "Update …", "Send other models"], ["ping", "Ping", "Ask whether it responds"]];
const STATES = { sent: "sent, waits for the response", accepted: "begun", done: "done", refused: "refused", failed: "failed", expired: "expired" };
const TAGS = { sent: "warn", accepted: "warn", done: "good", refused: "bad", failed: "bad", expired: "bad" };
const LENGTHS = [["", "until Resume"], ["300", "for 5 minutes"], ["900", "for 15 minutes"], ["3600", "for an hour"]];
const SHOWN = 6;
const REFRESH_MS = 5000; // while the answer of one is awaited

const shown = { key: null, said: null, list: null, offline: null, timer: null };

/** Show the buttons for a robot; none for those who may not command, and none without a robot. */
export function showCommands(chosen) {
  const box = byId("commands");
  const mayAsk = known.can?.command;
  box.hidden = !chosen || !(mayAsk || mayOnly());
  if (box.hidden) shown.key = null;
  if (box.hidden || shown.key === chosen) return drawPresence();
  shown.key = chosen;
  shown.said = el("p", { class: "quiet", role: "status" });
  shown.offline = el("p", { class: "quiet", hidden: true });
  shown.list = el("ol", { class: "sent", "aria-label": "Commands sent to it, newest first" });
  const name = known.robots.get(chosen) ? robotWord(known.robots.get(chosen)) : chosen;
  const buttons = mayAsk ? el("div", { class: "buttons" }, COMMANDS.map(([verb, label, title]) => el("button", { class: "plain", type: "button", title, data: { verb }, onclick: () => press(chosen, name, verb) }, label))) : el("p", { class: "quiet" }, "Commands are switched off: [commands] enabled = false in this control room's file.");
  box.replaceChildren(el("h3", {}, `Command ${name}`), shown.offline, buttons, shown.said, shown.list);
  drawPresence();
  list();
}

/** Whether a person's role allows commands where the room does not. */
function mayOnly() {
  return ["operator", "admin"].includes(known.me?.role);
}

function drawPresence() {
  if (!shown.key || !shown.offline) return;
  const { status } = known.robots.get(shown.key) ?? {};
  const isOff = Boolean(status) && status.presence !== "online";
  shown.offline.hidden = !isOff;
  setText(shown.offline, "It is offline: a command that is sent now would not reach it.");
  for (const button of byId("commands").querySelectorAll("[data-verb]")) button.disabled = isOff;
}

async function press(key, name, verb) {
  if (verb === "update") return update(key, name);
  const values = {};
  if (verb === "pause") {
    const length = el("select", { "aria-label": "How long" }, LENGTHS.map(([seconds, words]) => el("option", { value: seconds }, words)));
    if (!await agree(`Pause ${name}?`, "While it is paused it judges no frames. What it passes is not inspected, and is missing from the report.", "Pause it", [el("label", {}, "Pause ", length)])) return;
    if (length.value) values.duration_s = Number(length.value);
  }
  await send(key, `commands/${verb}`, values, `${verb}: sent …`);
}

async function update(key, name) {
  const file = await chooseBundle(name);
  if (file) await send(key, "update", { file }, "update: offered …");
}

async function send(key, what, values, words) {
  const address = key.split("/").map(encodeURIComponent).join("/");
  setText(shown.said, words);
  const asked = ask(`api/robots/${address}/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values) });
  setTimeout(list, 300);
  try {
    const { said } = await asked;
    if (shown.key === key) setText(shown.said, said);
  } catch (problem) {
    if (shown.key === key) setText(shown.said, problem.message);
  }
  list();
}

async function list() {
  const key = shown.key;
  clearTimeout(shown.timer);
  if (!key) return;
  const [site, robot] = key.split("/");
  try {
    const { commands } = await ask(`api/commands?${new URLSearchParams({ site, robot, limit: SHOWN })}`);
    if (shown.key !== key) return;
    keyed(shown.list, commands, (one) => one.command_id, () => el("li", {}), draw);
    if (commands.some(({ state }) => state === "sent" || state === "accepted")) shown.timer = setTimeout(list, REFRESH_MS);
  } catch (problem) {
    console.warn(problem);
  }
}

function draw(node, one) {
  const told = JSON.stringify(one);
  if (node.dataset.told === told) return;
  node.dataset.told = told;
  const isSending = one.state === "accepted" && one.progress !== null;
  node.replaceChildren(
    el("span", { class: "top" }, el("b", {}, [one.verb, one.detail].filter(Boolean).join(" · ")), el("span", { class: `tag ${TAGS[one.state]}` }, STATES[one.state] ?? one.state)),
    isSending ? el("progress", { max: 1, value: one.progress, "aria-label": `${percent(one.progress)} of the bundle fetched` }) : "",
    el("span", { class: "words" }, [isSending ? `${percent(one.progress)} fetched` : "", one.text].filter(Boolean).join("; ")),
    el("span", { class: "quiet" }, one.asked_by || "somebody", ", ", moment(one.asked_at), one.state === "sent" ? "" : [", responded ", moment(one.changed_at)]));
}

on("commands", ({ site, robot }) => { if (shown.key === `${site}/${robot}`) list(); });
on("robots", drawPresence);

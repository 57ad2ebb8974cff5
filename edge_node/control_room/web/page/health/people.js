// Who uses the room: who is logged in, and, for admins, users and the audit.
import { byId, el, setText } from "../dom.js";
import { ask, known } from "../store.js";
import { count, counted, dateTime, moment, plural } from "../words.js";

const PAGE = 50;
const ORIGINS = { login: "logged in with a password", proxy: "named by the site's own login", program: "by a program's token", shared_token: "logged in with the token that all share", loopback: "on the control room's machine, without a login", command_line: "on the control room's command line" };

let oldest = null; // position of the last entry that is shown

/** Show who is logged in, with which role; nothing where nobody has to log in. */
export function showPerson() {
  const { name, role, origin } = known.me;
  const who = byId("who");
  who.hidden = !origin || origin === "loopback";
  setText(who.querySelector("b"), name || "shared token");
  setText(who.querySelector(".tag"), role ?? "");
  who.title = ORIGINS[origin] ?? "";
  byId("logout").hidden = !known.logins;
}

/** Load users and audit, where the role sees them. */
export async function showPeople() {
  for (const id of ["audit-panel", "users-panel", "quarantine-panel"]) byId(id).hidden = !known.can?.administer;
  if (!known.can?.administer) return;
  showQuarantine();
  try {
    const [{ users, tokens }, { entries }] = await Promise.all([ask("api/users"), ask(`api/audit?limit=${PAGE}`)]);
    byId("users-panel").hidden = !users.length && !tokens.length;
    byId("users").replaceChildren(...users.map(userRow), ...tokens.map(tokenRow));
    if (oldest !== null && byId("audit").children.length > PAGE) return; // somebody reads further back
    byId("audit").replaceChildren();
    add(entries);
    setText(byId("audit-text"), entries.length ? "" : "Nobody has decided or commanded anything yet.");
    byId("audit-scroll").hidden = !entries.length;
  } catch (problem) {
    setText(byId("audit-text"), problem.message);
  }
}

export function makePeople() {
  byId("audit-more").addEventListener("click", async () => add((await ask(`api/audit?limit=${PAGE}&before=${oldest}`)).entries));
}

function add(entries) {
  byId("audit").append(...entries.map(entryRow));
  oldest = entries.at(-1)?.position ?? oldest;
  byId("audit-more").hidden = entries.length < PAGE;
}

function entryRow(entry) {
  const tone = entry.outcome === "done" ? "good" : entry.outcome === "asked" ? "" : "bad";
  return el("tr", {}, el("td", {}, moment(entry.at)), el("td", { class: "name", title: ORIGINS[entry.origin] ?? "" }, entry.user || (ORIGINS[entry.origin] && entry.origin !== "login" ? entry.origin.replaceAll("_", " ") : "unknown")), el("td", {}, entry.role),
    el("td", { class: "mono" }, entry.address || "–"), el("td", {}, entry.action.replaceAll("_", " ")), el("td", { class: "mono text" }, entry.subject || "–"), el("td", {}, el("span", { class: `tag ${tone}` }, entry.outcome)), el("td", { class: "text" }, entry.text));
}

/** Robots beyond the bounds: nothing of them is stored until somebody admits them. */
async function showQuarantine(said = "") {
  try {
    const { robots } = await ask("api/quarantine");
    const waiting = robots.filter((robot) => robot.state === "waiting").length;
    byId("quarantine-panel").hidden = !robots.length;
    setText(byId("quarantine-text"), said || (waiting ? `${counted(waiting, "robot waits", "robots wait")}: nothing of ${plural(waiting, "it", "them")} is stored until ${plural(waiting, "it is", "they are")} admitted.` : "No robot waits."));
    byId("quarantine").replaceChildren(...robots.map(quarantineRow));
  } catch (problem) {
    setText(byId("quarantine-text"), problem.message);
  }
}

function quarantineRow(robot) {
  const name = `${robot.site}/${robot.robot}`;
  const button = (decision, label, state) => el("button", { class: "plain", type: "button", disabled: robot.state === state, title: `${label} ${name}`, onclick: () => decide(robot, decision) }, label);
  return el("tr", {}, el("td", { class: "name" }, name), el("td", { class: "buttons" }, button("admit", "Admit", "admitted"), button("refuse", "Refuse", "refused")), el("td", {}, el("span", { class: `tag ${robot.state === "admitted" ? "good" : robot.state === "refused" ? "bad" : ""}` }, robot.state)), el("td", { class: "num" }, count(robot.messages)), el("td", {}, moment(robot.first_heard_at)), el("td", {}, moment(robot.last_heard_at)), el("td", {}, robot.decided_at ? `${dateTime(robot.decided_at)} ${robot.decided_by}` : "–"));
}

async function decide(robot, decision) {
  try {
    const { said } = await ask(`api/quarantine/${encodeURIComponent(robot.site)}/${encodeURIComponent(robot.robot)}/${decision}`, { method: "POST" });
    showQuarantine(said);
  } catch (problem) {
    setText(byId("quarantine-text"), problem.message);
  }
}

function userRow(user) {
  return el("tr", {}, el("td", { class: "name" }, user.name), el("td", {}, user.role), el("td", {}, user.has_password ? "password" : "the proxy"), el("td", { class: "num" }, count(user.sessions)), el("td", {}, moment(user.changed_at)));
}

function tokenRow(token) {
  return el("tr", {}, el("td", { class: "name" }, token.name), el("td", {}, token.role), el("td", {}, "token, a program"), el("td", { class: "num" }, "–"), el("td", {}, moment(token.changed_at)));
}

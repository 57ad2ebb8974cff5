// Who uses the room: who is logged in, and, for admins, users and the audit.
import { byId, el, setText } from "./dom.js";
import { ask, known } from "./store.js";
import { count, dateTime } from "./words.js";

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
  for (const id of ["audit-panel", "users-panel"]) byId(id).hidden = !known.can?.administer;
  if (!known.can?.administer) return;
  try {
    const [{ users, tokens }, { entries }] = await Promise.all([ask("api/users"), ask(`api/audit?limit=${PAGE}`)]);
    byId("users-panel").hidden = !users.length && !tokens.length;
    byId("users").replaceChildren(...users.map(userRow), ...tokens.map(tokenRow));
    if (oldest !== null && byId("audit").children.length > PAGE) return; // somebody reads further back
    byId("audit").replaceChildren();
    add(entries);
    setText(byId("audit-text"), entries.length ? "" : "Nothing yet.");
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
  return el("tr", {}, el("td", {}, dateTime(entry.at)), el("td", { title: ORIGINS[entry.origin] ?? "" }, entry.user || (ORIGINS[entry.origin] && entry.origin !== "login" ? entry.origin.replaceAll("_", " ") : "unknown")), el("td", {}, entry.role),
    el("td", { class: "mono" }, entry.address || "–"), el("td", {}, entry.action.replaceAll("_", " ")), el("td", { class: "mono subject" }, entry.subject || "–"), el("td", {}, el("span", { class: `tag ${tone}` }, entry.outcome)), el("td", { class: "text" }, entry.text));
}

function userRow(user) {
  return el("tr", {}, el("td", {}, user.name), el("td", {}, user.role), el("td", {}, user.has_password ? "password" : "the proxy"), el("td", { class: "num" }, count(user.sessions)), el("td", {}, dateTime(user.changed_at)));
}

function tokenRow(token) {
  return el("tr", {}, el("td", {}, token.name), el("td", {}, token.role), el("td", {}, "token, a program"), el("td", { class: "num" }, "–"), el("td", {}, dateTime(token.changed_at)));
}

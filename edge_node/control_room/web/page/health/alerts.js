// Alerts: rules, the channels by which people are told, what was told of late, a test message, muting a rule.
import { byId, el, setText } from "../dom.js";
import { ask, known } from "../store.js";
import { count, counted, dateTime } from "../words.js";

const MUTES = [[1, "1 h"], [8, "8 h"], [168, "7 d"]];
const NOT_TOLD = { muted: "muted", too_old: "came too late", dropped: "its rule was removed", waiting: "waits for the next message" };
const STATES = { delivered: ["ok", "delivered"], waiting: ["bad", "not delivered, tries again"], given_up: ["bad", "not delivered"], "": ["off", "not used yet"] };

const maySend = () => ["operator", "admin"].includes(known.me?.role);

/** Draw the panel; `said` is what came of what somebody did. */
export async function showAlerts(said = "") {
  let found;
  try {
    found = await ask("api/alerts");
  } catch (problem) {
    setText(byId("alerts-text"), problem.message);
    return;
  }
  const { channels, rules, messages, events } = found;
  byId("alerts-text").replaceChildren(...sentence(channels, rules).split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part)));
  byId("alerts-text").classList.toggle("note", Boolean(rules.length && !channels.length));
  if (said) setText(byId("alerts-said"), said);
  const focused = document.activeElement?.dataset?.does;
  fill("alert-channels", channels.map(channelRow));
  fill("alert-rules", rules.map(ruleRow));
  fill("alert-messages", messages.map(messageRow));
  const untold = events.filter((event) => event.fate in NOT_TOLD);
  fill("alert-events", untold.map(eventRow));
  if (focused) document.querySelector(`#alerts-panel [data-does="${CSS.escape(focused)}"]`)?.focus();
}

function sentence(channels, rules) {
  if (!rules.length && !channels.length) return "There is no rule and no channel, so nobody is told anything. Set both in `[alerts]` of the control room's configuration; `edge-node control-room --example` shows how.";
  if (!channels.length) return `There is no channel: what ${rules.length === 1 ? "the rule finds" : `the ${count(rules.length)} rules find`} is listed here, and nobody is told. Set channels in the file that \`[alerts] channels_file\` names.`;
  if (!rules.length) return `${counted(channels.length, "channel")} and no rule: nobody is told anything. Set rules in \`[alerts.rules.NAME]\` of the configuration.`;
  const failing = channels.filter((channel) => channel.why).map((channel) => channel.name);
  return failing.length ? `Not delivered at the moment: ${failing.join(", ")}.` : `${counted(rules.length, "rule")}, ${counted(channels.length, "channel")}.`;
}

function fill(id, rows) {
  byId(id).replaceChildren(...rows);
  byId(`${id}-scroll`).hidden = !rows.length;
}

function channelRow(channel) {
  const [lamp, word] = channel.why ? STATES[channel.state === "waiting" ? "waiting" : "given_up"] : STATES[channel.state] ?? ["off", channel.state];
  const test = maySend() ? el("button", { class: "plain", type: "button", data: { does: `test ${channel.name}` }, "aria-label": `Send a test message by ${channel.name}`, onclick: () => sendTest(channel.name) }, "Test") : "";
  return el("tr", {}, el("td", { class: "name" }, channel.name), el("td", {}, el("i", { class: "lamp", data: { state: lamp } }), ` ${word}`, channel.why ? el("div", { class: "quiet text" }, channel.why) : null),
    el("td", {}, channel.delivered_at ? dateTime(channel.delivered_at) : "–"), el("td", { class: "num" }, count(channel.waiting)), el("td", { class: "buttons" }, test));
}

function ruleRow(rule) {
  const muted = rule.muted_until ? `muted until ${dateTime(rule.muted_until)}${rule.muted_by ? ` by ${rule.muted_by}` : ""}` : rule.quiet_until ? `cools down until ${dateTime(rule.quiet_until)}` : "watching";
  const button = (label, does, title, hours) => el("button", { class: "plain", type: "button", data: { does }, "aria-label": title, onclick: () => mute(rule.name, hours) }, label);
  const buttons = !maySend() ? [] : rule.muted_until ? [button("Unmute", `unmute ${rule.name}`, `Unmute: ${rule.name}`, null)] : MUTES.map(([hours, label]) => button(`Mute ${label}`, `mute ${hours} ${rule.name}`, `Mute ${label}: ${rule.name}`, hours));
  return el("tr", {}, el("td", { class: "name" }, rule.name), el("td", { class: "text" }, rule.text), el("td", { class: "name" }, rule.channels.join(", ") || "no channel"), el("td", { class: "num" }, rule.raised === null ? "–" : count(rule.raised)), el("td", {}, rule.told_at ? dateTime(rule.told_at) : "–"), el("td", {}, el("span", { class: `tag ${rule.muted_until ? "warn" : ""}` }, muted)), el("td", { class: "buttons" }, buttons));
}

function messageRow(message) {
  const delivered = message.deliveries.map((one) => el("div", {}, el("span", { class: `tag ${one.state === "delivered" ? "good" : "bad"}` }, `${one.channel}: ${STATES[one.state]?.[1] ?? one.state}`), one.tries > 1 ? ` ${count(one.tries)} tries` : "", one.why ? el("div", { class: "quiet text" }, one.why) : null));
  return el("tr", {}, el("td", {}, dateTime(message.at)), el("td", { class: "name" }, message.kind === "test" ? "test" : message.rule), el("td", { class: "text", title: message.text }, message.title), el("td", { class: "num" }, message.events ? count(message.events) : "–"), el("td", {}, delivered.length ? delivered : "no channel"));
}

function eventRow(event) {
  return el("tr", {}, el("td", {}, dateTime(event.at)), el("td", { class: "name" }, event.rule), el("td", { class: "text" }, event.text), el("td", {}, NOT_TOLD[event.fate]));
}

async function sendTest(channel) {
  await act("api/alerts/test", { channels: [channel] }, (found) => found.outcomes.map((one) => (one.delivered ? `${one.channel}: the test message was delivered.` : `${one.channel}: not delivered: ${one.text}`)).join(" "), `${channel}: sending a test message …`);
}

async function mute(rule, hours) {
  await act(`api/alerts/rules/${encodeURIComponent(rule)}/${hours ? "mute" : "unmute"}`, hours ? { hours } : {}, (found) => (found.muted_until ? `${rule}: muted until ${dateTime(found.muted_until)}` : `${rule}: no longer muted`));
}

async function act(path, order, describe, doing = "") {
  setText(byId("alerts-said"), doing);
  try {
    showAlerts(describe(await ask(path, { method: "POST", body: JSON.stringify(order) })));
  } catch (problem) {
    setText(byId("alerts-said"), problem.message);
  }
}

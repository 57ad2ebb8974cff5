// What a person says of a finding or a verdict. `c` and `d` open the choice of what is right, digits choose, Enter
// sends, `u` takes the last one back. No key alone sends anything, and nothing is sent of a picture that was not seen.
import { byId, el, setText } from "../dom.js";
import { ask, known } from "../store.js";
import { nothingKnown, rightChoices, rightWords } from "./choices.js";
import { acceptName, askName, forgetName, nameIsKnown, reviewerName } from "./reviewer.js";

let current = null; // the form that is open, or null
let looked = null; // the picture that is to be seen now
let room = { open: null, next: null }; // how a subject is opened, and the one that follows it
let pending = null; // what is to be taken back once it is open
const given = []; // reviews of this tab, the newest last: { kind, key, id, words }

/** Prepare: `open(kind, key)` shows a finding or verdict, `next(kind, key)` the one that follows it, if there is one. */
export function makeReview(how) {
  room = how;
}

/** Note which picture is to be seen; null while none is. */
export function noteSeen(sha256) {
  looked = sha256;
  if (current) draw();
}

/** Forget the form: its subject is not shown any more. */
export function leaveForm() {
  current = null;
}

/** Whether keys belong to the form. */
export const hasForm = () => current !== null;

/**
 * The form of what can be reviewed; null where the room only looks. It stays as it is when news come that change
 * nothing of what the person judges, and closes its choice otherwise.
 *
 * `kind` and `key` name the subject, `address` is where the review goes; `was` is what the robot said, `last` the
 * review that counts, `sha256` the picture beside it, `materials` what the models can tell apart.
 */
export function reviewForm({ kind, key, address, was, materials, last, sha256 }) {
  if (!known.can?.review) return null;
  const seen = { outcome: was.outcome, material: was.material ?? null, form: was.form ?? null, severity: was.severity ?? null, review: last?.review_id ?? "" };
  const same = current?.address === address;
  if (same && (current.isSending || (current.sha256 === sha256 && JSON.stringify(current.seen) === JSON.stringify(seen)))) return current.node;
  const said = !same ? null : current.said ?? (current.mode ? "It changed while you chose: look again." : null);
  const node = el("form", { class: "review", "aria-label": "Review", tabindex: "-1", onsubmit: (event) => event.preventDefault() });
  current = { kind, key, address, was, seen, last, sha256, node, groups: rightChoices(was, materials), mode: null, chosen: {}, note: same ? current.note : "", said, isSending: false, naming: null };
  if (pending?.key === key) startUndo();
  pending = null; // what a person opened instead is not what is to be taken back
  draw();
  return node;
}

/** Do what a key means for the form; true if it is done with. The caller leaves out held keys and modifiers. */
export function reviewKey(event) {
  if (event.key === "u" && !isText(event.target)) return undo();
  if (!current) return false;
  if (isText(event.target)) return keyInText(event);
  if (event.key === "c" || event.key === "d") return choose(event.key === "c" ? "confirmed" : "disputed");
  if (!current.mode) return /^[0-9]$/.test(event.key) && event.key !== "0"; // digits do not lead away from a form
  if (event.key === "Escape") return leaveChoice();
  if (event.key === "Enter") return !event.shiftKey && !event.target.closest("button, a, summary") && send();
  if (/^[0-9]$/.test(event.key)) return pick(event.key);
  return false;
}

const isText = (target) => Boolean(target.closest?.("textarea, select, [contenteditable], input:not([type=radio])"));

function keyInText(event) {
  if (!current.node.contains(event.target) || !["Enter", "Escape"].includes(event.key)) return false;
  if (event.target.name === "by" && event.key === "Enter") takeName();
  else if (event.target.name === "by") leaveChoice();
  else current.node.focus(); // Enter in the note ends it: a second one sends
  return true;
}

/** Open the choice; where no login says who reviews, ask for the name once. */
function choose(mode) {
  if (current.isSending || looked !== current.sha256 || !current.sha256) return true;
  current.said = null;
  if (!nameIsKnown()) current.naming = mode;
  else if (current.mode !== mode) Object.assign(current, { mode, chosen: {} });
  draw();
  (current.naming ? current.node.elements.by : current.node).focus({ preventScroll: true });
  return true;
}

function takeName() {
  if (!acceptName(current.node.elements.by)) return;
  const mode = current.naming;
  current.naming = null;
  choose(mode);
}

function leaveChoice() {
  Object.assign(current, { mode: null, naming: null, chosen: {} });
  draw();
  byId("drawer").focus({ preventScroll: true });
  return true;
}

/** Choose by a digit; the same digit again takes it back. */
function pick(digit) {
  if (current.mode !== "disputed") return true;
  for (const group of [...current.groups, nothingKnown()]) {
    const option = group.options.find((one) => one.digit === digit);
    if (!option) continue;
    const isSame = current.chosen[group.name] === option;
    if (group.name === "nothing" && !isSame) current.chosen = {};
    else delete current.chosen.nothing;
    if (isSame) delete current.chosen[group.name];
    else current.chosen[group.name] = option;
  }
  draw();
  current.node.focus({ preventScroll: true });
  return true;
}

/** Send what was chosen; true also if nothing is to be sent yet. */
function send() {
  const form = current;
  const { mode } = form;
  const labels = Object.assign({}, ...Object.values(form.chosen).map((option) => option.labels));
  if (form.isSending) return true;
  if (mode === "disputed" && !Object.keys(form.chosen).length) form.said = "Choose what is right first, by its digit.";
  else deliver(form, mode, labels);
  draw();
  return true;
}

async function deliver(form, mode, labels) {
  const isUndo = mode === "withdrawn";
  const body = { judgement: mode, seen: form.seen, ...reviewerName(), ...(isUndo ? { withdraws: form.last.review_id } : { evidence_sha256: form.sha256, ...labels }) };
  const note = form.note.trim().replace(/\s+/g, " ");
  if (note) body.note = note;
  const words = isUndo ? "taken back" : mode === "confirmed" ? `confirmed: ${rightWords(form.was, {})}` : `disputed: ${rightWords(form.was, labels)}`;
  Object.assign(form, { mode: null, chosen: {}, isSending: true, said: "Keeping it …" });
  try {
    const stored = await ask(form.address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    form.note = "";
    form.said = isUndo ? "Taken back. Review it again, or continue." : `Kept: ${words}. The room sends it to the robot; u takes it back.`;
    if (isUndo) given.splice(0, given.length, ...given.filter(({ id }) => id !== body.withdraws));
    else given.push({ kind: form.kind, key: form.key, id: stored.review_id, words });
  } catch (problem) {
    form.said = `Not kept: ${problem.message}`;
    if (current !== form) setText(byId("announcer"), form.said);
    return;
  } finally {
    form.isSending = false;
    if (current === form) draw();
  }
  setText(byId("announcer"), form.said);
  if (current !== form) return;
  if (isUndo) room.open(form.kind, form.key);
  else room.next(form.kind, form.key);
}

/** Show the review that this tab gave last, to be taken back by Enter; else the one that counts of what is open. */
function undo() {
  const mine = current?.last && current.last.reviewer === reviewerName().by ? { kind: current.kind, key: current.key, id: current.last.review_id } : null;
  const last = given[given.length - 1] ?? mine;
  if (!last || current?.isSending) return Boolean(current);
  pending = last;
  if (current?.key === last.key) startUndo();
  else room.open(last.kind, last.key);
  if (current) draw();
  return true;
}

function startUndo() {
  const { id } = pending;
  pending = null;
  if (current.last?.review_id === id) Object.assign(current, { mode: "withdrawn", chosen: {}, naming: null, said: null });
  else {
    given.splice(0, given.length, ...given.filter((one) => one.id !== id));
    current.said = "Your review of it no longer counts: there is nothing to take back.";
  }
  queueMicrotask(() => current?.node.focus({ preventScroll: true }));
}

function draw() {
  const { node, mode, naming, isSending, last } = current;
  const hadFocus = node.contains(document.activeElement) && document.activeElement.name;
  const isSeen = current.sha256 && looked === current.sha256;
  const status = !current.sha256 ? "No picture of it was kept, so nobody can review it here." : !isSeen ? "Its picture is not received yet: you can review it once you have seen it." : last ? `Latest review: ${last.opinion} by ${last.reviewer}${originWords(last)}.` : "Nobody has reviewed it yet.";
  const said = el("p", { class: "said", role: "status" }, current.said ?? status);
  const isMine = last && last.reviewer === reviewerName().by;
  const open = [button("Confirm", "c", () => choose("confirmed"), !isSeen || isSending, "primary"), button("Dispute", "d", () => choose("disputed"), !isSeen || isSending), isMine || given.length ? button("Undo", "u", undo, isSending) : null, signedAs()];
  node.replaceChildren(said, ...(naming ? [askName(takeName)] : mode ? [choice(), noteField(), el("div", { class: "buttons" }, button({ confirmed: "Send", disputed: "Send", withdrawn: "Take it back" }[mode], "Enter", send, isSending, "primary"), button("Cancel", "Esc", leaveChoice), el("span", { class: "as" }, `as ${reviewerName().by}`))] : [el("div", { class: "buttons" }, open)]));
  if (hadFocus) node.elements[hadFocus]?.focus?.({ preventScroll: true });
}

/** As whom the person reviews, where no login says it: a click asks anew. */
function signedAs() {
  if (known.me?.name) return el("span", { class: "as" }, `as ${known.me.name}`);
  if (!nameIsKnown()) return null;
  return el("button", { class: "plain as", type: "button", title: "Another name", onclick: () => { forgetName(); draw(); } }, `as ${reviewerName().by}`);
}

function choice() {
  const { mode, was, groups, chosen, last } = current;
  if (mode === "withdrawn") return el("p", { class: "right" }, "Take this review back: ", el("b", {}, `${last.opinion} by ${last.reviewer}`), ". It stays in the record, but no longer counts.");
  if (mode === "confirmed") return el("p", { class: "right" }, "Right is: ", el("b", {}, rightWords(was, {})));
  return el("div", { class: "rights" }, [...groups, nothingKnown()].map(({ name, label, options }) => el("fieldset", { class: name }, el("legend", { class: "sr" }, label), options.map((option) => el("label", {},
    el("input", { type: "radio", name, value: option.digit, checked: chosen[name] === option, onclick: () => pick(option.digit) }), el("kbd", {}, option.digit), el("span", {}, option.words))))));
}

function noteField() {
  return el("input", { name: "note", class: "note-field", placeholder: "note for the record (may stay empty)", "aria-label": "Note", maxlength: "500", autocomplete: "off", value: current.note, oninput: (event) => { current.note = event.target.value; } });
}

function button(label, key, act, disabled = false, style = "plain") {
  return el("button", { class: style, type: "button", disabled, "aria-keyshortcuts": key, onclick: act }, label, " ", el("kbd", { "aria-hidden": "true" }, key));
}

/** How the reviewer's name is known, where no login says it. */
export const originWords = ({ origin }) => ({ typed: " (name typed by hand)", signed: " (signed with a trusted key)", "": " (not known whether this room heard it)" })[origin] ?? "";

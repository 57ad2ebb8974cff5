// What a person says of a finding or a verdict: confirmed, or disputed with what is right; kept, and told to
// the robot.
import { el } from "../dom.js";
import { ask, known } from "../store.js";

const NAME = "reviewer";

/**
 * The form under what can be reviewed; null where the room only looks. `address` is where the review goes, `was`
 * what the robot said: outcome, material, severity; `materials` are those it can tell apart; `last` is the newest
 * review; `sha256` names the picture that the person sees.
 */
export function reviewForm({ address, was, materials, last, sha256 }) {
  if (!known.can?.review) return null;
  const by = known.me?.name ? null : el("input", { name: "by", placeholder: "your name", "aria-label": "Your name", title: "No login says who you are: the review is marked as signed by hand", maxlength: "64", required: true, autocomplete: "name", value: remembered() });
  const note = el("textarea", { name: "note", rows: "2", placeholder: "note for the record (may stay empty)", "aria-label": "Note", maxlength: "500" });
  const right = choice("right", "If disputed: what is right", "if disputed: what is right?", corrections(was));
  const metals = materials.filter((material) => material !== was.material);
  const metal = metals.length ? choice("metal", "If disputed: which metal", "the metal is right", metals.map((material) => [material, `the metal is ${material}`])) : null;
  const said = el("p", { class: "said", role: "status" }, last ? `Last said: ${last.opinion} by ${last.reviewer}${originWords(last)}.` : "Nobody has looked at it yet.");
  const send = async (judgement) => {
    if (by && !by.reportValidity()) return;
    if (by) remember(by.value);
    const answer = { judgement, ...(by ? { by: by.value.trim() } : {}) };
    if (sha256) answer.evidence_sha256 = sha256;
    if (note.value.trim()) answer.note = note.value.trim().replace(/\s+/g, " ");
    if (judgement === "disputed") Object.assign(answer, right.value ? JSON.parse(right.value) : {}, metal?.value ? { material: metal.value } : {});
    said.textContent = "Keeping it …";
    try {
      await ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(answer) });
      note.value = "";
      said.textContent = `Kept: ${judgement}. The robot is told.`;
    } catch (problem) {
      said.textContent = `Not kept: ${problem.message}`;
    }
  };
  const button = (judgement, label, key) => el("button", { class: judgement === "confirmed" ? "primary" : "plain", type: "button", data: { judgement }, title: `${label} (${key})`, onclick: () => send(judgement) }, label);
  return el("form", { class: "review", "aria-label": "Review", onsubmit: (event) => event.preventDefault() }, said, note,
    by ? null : el("p", { class: "quiet" }, `Signed as ${known.me.name}.`),
    el("div", { class: "pair" }, by, right, metal), el("div", { class: "buttons" }, button("confirmed", "Confirm", "c"), button("disputed", "Dispute", "d")));
}

/** How the reviewer's name is known, where no login says it. */
export const originWords = ({ origin }) => ({ typed: " (name typed by hand)", signed: " (signed with a trusted key)", "": " (not known whether this room heard it)" })[origin] ?? "";

/** Press a button of the form by its key. */
export function press(judgement) {
  document.querySelector(`#drawer [data-judgement="${judgement}"]`)?.click();
}

/** What may be right instead of what the robot said: pairs of an answer's labels and words. */
function corrections(was) {
  const worse = known.severities.slice(1).filter((word) => was.outcome !== "corroded" || word !== was.severity);
  return [
    ...(was.outcome === "uncorroded" ? [] : [[{ outcome: "uncorroded" }, "there is no corrosion"]]),
    ...(was.outcome === "corroded" ? [] : [[{ outcome: "corroded" }, "it is corroded"]]),
    ...worse.map((severity) => [{ outcome: "corroded", severity }, was.outcome === "corroded" ? `it is ${severity}` : `it is corroded, ${severity}`]),
  ].map(([labels, words]) => [JSON.stringify(labels), words]);
}

function choice(name, label, nothing, pairs) {
  return el("select", { name, "aria-label": label }, el("option", { value: "" }, nothing), ...pairs.map(([value, words]) => el("option", { value }, words)));
}

function remembered() {
  try { return localStorage.getItem(NAME) ?? ""; } catch { return ""; }
}

function remember(name) {
  try { localStorage.setItem(NAME, name); } catch { /* storage is switched off */ }
}

// What a person says of a finding: confirmed, or disputed with what is right, kept and told to the robot.
import { el } from "./dom.js";
import { ask, known } from "./store.js";

const NAME = "reviewer";

/** The form under a finding; null where the room only looks. */
export function reviewForm(record) {
  if (!known.can?.review) return null;
  const { finding, review } = record;
  const by = el("input", { name: "by", placeholder: "your name", "aria-label": "Your name", maxlength: "64", required: true, autocomplete: "name", value: remembered() });
  const note = el("textarea", { name: "note", rows: "2", placeholder: "note for the record (may stay empty)", "aria-label": "Note", maxlength: "500" });
  const right = el("select", { name: "right", "aria-label": "If disputed: what is right" },
    el("option", { value: "" }, "if disputed: what is right?"),
    el("option", { value: "outcome:uncorroded" }, "there is no corrosion"),
    ...known.severities.slice(1).filter((word) => word !== finding.peak_severity).map((word) => el("option", { value: `severity:${word}` }, `it is ${word}`)));
  const said = el("p", { class: "said", role: "status" }, review ? `Last said: ${review.opinion} by ${review.reviewer}.` : "Nobody has looked at it yet.");
  const send = async (judgement) => {
    if (!by.reportValidity()) return;
    remember(by.value);
    const answer = { judgement, by: by.value.trim() };
    if (note.value.trim()) answer.note = note.value.trim().replace(/\s+/g, " ");
    if (judgement === "disputed" && right.value) {
      const [name, value] = right.value.split(":");
      answer[name] = value;
    }
    said.textContent = "Keeping it …";
    try {
      await ask(`/api/findings/${encodeURIComponent(finding.site)}/${encodeURIComponent(finding.id)}/review`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(answer) });
      note.value = "";
      said.textContent = `Kept: ${judgement}. The robot is told.`;
    } catch (problem) {
      said.textContent = `Not kept: ${problem.message}`;
    }
  };
  const button = (judgement, label, key) => el("button", { class: judgement === "confirmed" ? "primary" : "plain", type: "button", data: { judgement }, title: `${label} (${key})`, onclick: () => send(judgement) }, label);
  return el("form", { class: "review", "aria-label": "Review", onsubmit: (event) => event.preventDefault() }, said, note,
    el("div", { class: "pair" }, by, right), el("div", { class: "buttons" }, button("confirmed", "Confirm", "c"), button("disputed", "Dispute", "d")));
}

/** Press a button of the form by its key. */
export function press(judgement) {
  document.querySelector(`#drawer [data-judgement="${judgement}"]`)?.click();
}

function remembered() {
  try { return localStorage.getItem(NAME) ?? ""; } catch { return ""; }
}

function remember(name) {
  try { localStorage.setItem(NAME, name); } catch { /* storage is switched off */ }
}

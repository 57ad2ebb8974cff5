// What people decide of a defect: its state, who looks after it, a note, a name, mute, join and part.
import { el } from "../dom.js";
import { ask, known } from "../store.js";
import { dateTime, isoOf, timeField } from "../words.js";
import { STATES, stateWord } from "./words.js";

const NAME = "reviewer"; // where the browser remembers who signs without a login

/** The forms under a defect; null where the room only looks. `done(defect)` is called once something is stored. */
export function decisions({ defect, observations }, done) {
  if (!known.can?.decide && !known.can?.review) return null;
  const said = el("p", { class: "said", role: "status" });
  const by = known.me?.name ? null : el("input", { name: "by", placeholder: "your name", "aria-label": "Your name", maxlength: "64", autocomplete: "name", value: remembered() });
  const send = async (deed, body) => {
    if (by && !by.value.trim()) { said.textContent = "Say who you are first: no login does."; by.focus(); return; }
    if (by) remember(by.value.trim());
    said.textContent = "Keeping it …";
    try {
      const answer = await ask(`api/defects/${defect.key}/${deed}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, ...(by ? { by: by.value.trim() } : {}) }) });
      said.textContent = "Kept.";
      done(answer);
    } catch (problem) {
      said.textContent = `Not kept: ${problem.message}`;
    }
  };
  return el("div", { class: "decisions" }, el("h3", {}, "Decide"), by ? el("label", {}, "Your name", by) : el("p", { class: "quiet" }, `Signed as ${known.me.name}.`), said,
    el("div", { class: "forms" }, stateForm(defect, send), line("Name", field("name", defect.name, 80), "Name it", (value) => send("name", { name: value })),
      line("Assigned to", field("to", defect.assignee ?? "", 64), "Assign", (value) => send("assign", { to: value })),
      muteForm(defect, send), noteForm(send), joinForm(defect, send), partForm(defect, observations, send)));
}

function stateForm(defect, send) {
  const select = el("select", { name: "state", "aria-label": "State" }, el("option", { value: "" }, `as computed: ${stateWord(defect.computed_state)}`), STATES.map((state) => el("option", { value: state, selected: defect.set_state === state }, stateWord(state))));
  return form("State", select, "Set", () => send("state", { state: select.value || null }));
}

function muteForm(defect, send) {
  const until = timeField("until", "Mute until");
  const input = until.querySelector("input");
  if (defect.muted_until) input.value = dateTime(defect.muted_until);
  const node = form(null, until, "Mute", () => { const iso = isoOf(input.value); if (iso) send("mute", { until: iso }); else input.focus(); });
  if (defect.muted_until) node.append(el("button", { class: "plain", type: "button", onclick: () => send("mute", { until: null }) }, "Unmute"));
  return node;
}

function noteForm(send) {
  const text = el("textarea", { name: "text", rows: "2", maxlength: "2000", "aria-label": "Note" });
  return form("Note", text, "Keep the note", () => { if (text.value.trim()) send("note", { text: text.value.trim() }); else text.focus(); }, "wide");
}

function joinForm(defect, send) {
  const input = el("input", { name: "others", placeholder: "D12", "aria-label": "Other defects that are this one", maxlength: "80", list: "defect-labels" });
  if (defect.candidates?.length) input.value = defect.candidates[0].label;
  return form("Is the same as", input, "Join", () => {
    const others = [...input.value.matchAll(/\d+/g)].map(([digits]) => Number(digits)).filter((key) => key !== defect.key);
    if (others.length) send("join", { others }); else input.focus();
  });
}

function partForm(defect, observations, send) {
  if (observations.length < 2) return null;
  const boxes = observations.map((seen) => [seen, el("input", { type: "checkbox" })]);
  const node = el("details", { class: "wide" }, el("summary", {}, "Some of these findings are another place"),
    el("ul", { class: "ticks" }, boxes.map(([seen, box]) => el("li", {}, el("label", { class: "tick" }, box, `${dateTime(seen.at)}, ${seen.severity ?? "no severity"}, ${seen.robot}`)))),
    el("button", { class: "plain", type: "button", onclick: () => { const findings = boxes.filter(([, box]) => box.checked).map(([seen]) => ({ site: seen.site, id: seen.finding_id })); if (findings.length) send("part", { findings }); } }, "Part them"));
  return node;
}

const field = (name, value, maxlength) => el("input", { name, value, maxlength: String(maxlength) });

function line(label, input, does, act) {
  input.setAttribute("aria-label", label);
  return form(label, input, does, () => act(input.value.trim()));
}

function form(label, input, does, act, kind = "") {
  return el("form", { class: kind, onsubmit: (event) => { event.preventDefault(); act(); } }, label ? el("label", {}, label, input) : input, el("button", { class: "plain" }, does));
}

function remembered() {
  try { return localStorage.getItem(NAME) ?? ""; } catch { return ""; }
}

function remember(name) {
  try { localStorage.setItem(NAME, name); } catch { /* storage is switched off */ }
}

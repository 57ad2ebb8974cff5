// Who reviews: the login says it, or the person types the name once, which this browser remembers.
import { el } from "../dom.js";
import { known } from "../store.js";

const NAME = "reviewer";
let typed = null;

/** Whether a review can be signed without asking. */
export const nameIsKnown = () => Boolean(known.me?.name || remembered());

/** The field of a review that names its reviewer; empty where the login says it, or nobody was asked yet. */
export function reviewerName() {
  const by = known.me?.name || remembered();
  return by ? { by } : {};
}

/** The question for the name; `take` is called when the person is done. */
export function askName(take) {
  return el("div", { class: "naming" }, el("label", {}, "Your name (asked once; Enter continues)",
    el("input", { name: "by", "aria-label": "Your name", placeholder: "your name", title: "No login says who you are: reviews are marked as signed by hand", maxlength: "64", required: true, autocomplete: "name", value: remembered() })),
  el("button", { class: "primary", type: "button", onclick: take }, "Continue"));
}

/** Remember the name in a field; false if there is none in it. */
export function acceptName(field) {
  field.value = field.value.trim();
  if (!field.reportValidity()) return false;
  typed = field.value;
  try { localStorage.setItem(NAME, typed); } catch { /* storage is switched off: this tab remembers it */ }
  return true;
}

/** Forget the name, so that it is asked for again. */
export function forgetName() {
  typed = "";
  try { localStorage.removeItem(NAME); } catch { /* storage is switched off */ }
}

function remembered() {
  if (typed !== null) return typed;
  try { return localStorage.getItem(NAME) ?? ""; } catch { return ""; }
}

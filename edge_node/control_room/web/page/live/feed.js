// Verdicts as they come.
import { byId, el } from "../dom.js";
import { known, robotKey } from "../store.js";
import { clockTime, glyph, metres, verdictWords } from "../words.js";

const ROWS = 60;

/** Fill the feed anew. */
export function fillFeed(chosen, open) {
  byId("feed").replaceChildren(...known.verdicts.filter((verdict) => wanted(verdict, chosen)).slice(0, ROWS).map((verdict) => row(verdict, open)));
}

/** Put what is new on top; `fresh` is newest first. */
export function feed(fresh, chosen, open) {
  const list = byId("feed");
  const rows = fresh.filter((verdict) => wanted(verdict, chosen)).slice(0, ROWS).map((verdict) => row(verdict, open));
  if (known.skipped) rows.push(el("li", { class: "skipped" }, `${known.skipped} more came at once; they are in the history`));
  list.prepend(...rows);
  while (list.children.length > ROWS) list.lastElementChild.remove();
}

function wanted(verdict, chosen) {
  return !chosen || robotKey(verdict) === chosen;
}

function row(verdict, open) {
  const late = verdict.replayed ? " ↺" : "";
  return el("li", {}, el("button", { class: "verdict", data: { id: verdict.id }, title: `${verdict.id}${late ? "; came late, from the robot's backlog" : ""}`, onclick: () => open(verdict.id) },
    el("time", { datetime: verdict.observed_at }, clockTime(verdict.observed_at)), glyph(verdict.outcome, verdict.severity),
    el("span", { class: "what" }, verdictWords(verdict, true), el("span", {}, `  ${verdict.robot}${late}`)),
    el("span", { class: "place" }, verdict.distance_m === null ? "" : metres(verdict.distance_m))));
}


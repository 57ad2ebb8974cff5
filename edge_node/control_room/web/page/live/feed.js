// Verdicts as they come.
import { byId, el, setText } from "../dom.js";
import { known, robotKey, robotWord } from "../store.js";
import { clockTime, counted, dateTime, glyph, metres, verdictWords, zoneOffset } from "../words.js";

const ROWS = 60;

/** Fill the feed anew. */
export function fillFeed(chosen, open) {
  const rows = known.verdicts.filter((verdict) => wanted(verdict, chosen)).slice(0, ROWS).map((verdict) => row(verdict, open));
  byId("feed").replaceChildren(...rows);
  setText(byId("feed-zone"), `times ${zoneOffset()}`);
  const topic = `corrosion/v1/${chosen ?? "SITE/ROBOT"}/verdict`;
  byId("feed-note").hidden = rows.length > 0;
  byId("feed-note").replaceChildren("No verdict yet. They come on ", el("code", {}, topic), " while a robot has a camera and is not paused.");
}

/** Put what is new on top; `fresh` is newest first. */
export function feed(fresh, chosen, open) {
  const list = byId("feed");
  const rows = fresh.filter((verdict) => wanted(verdict, chosen)).slice(0, ROWS).map((verdict) => row(verdict, open));
  if (known.skipped) rows.push(el("li", { class: "skipped" }, `${counted(known.skipped, "more verdict")} came at once; the history has ${known.skipped === 1 ? "it" : "them"}`));
  list.prepend(...rows);
  if (rows.length) byId("feed-note").hidden = true;
  while (list.children.length > ROWS) list.lastElementChild.remove();
}

function wanted(verdict, chosen) {
  return !chosen || robotKey(verdict) === chosen;
}

function row(verdict, open) {
  const late = verdict.replayed ? " ↺" : "";
  return el("li", {}, el("button", { class: "verdict", data: { id: verdict.id }, title: `${dateTime(verdict.observed_at)}, ${verdict.id}${late ? "; came late, from the robot's spool" : ""}`, onclick: () => open(verdict.id) },
    el("time", { datetime: verdict.observed_at }, clockTime(verdict.observed_at)), glyph(verdict.outcome, verdict.severity),
    el("span", { class: "what" }, verdictWords(verdict, true), " ", el("span", { class: "by" }, el("bdi", {}, robotWord(verdict)), late)),
    el("span", { class: "place" }, verdict.distance_m === null ? "" : metres(verdict.distance_m))));
}

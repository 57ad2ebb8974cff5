// Say where on a drawing the metres lie: points by clicking or by numbers, with what each is in metres.
import { el, svg } from "../dom.js";

const KINDS = [["path", "A path: click along it, and say the distance at each point"], ["points", "Two points: click two places whose coordinates are known"], ["scale", "A scale: say how long a pixel is, and click where the coordinates are 0"]];
const NUMBERS = { path: [["distance_m", "distance, m"]], points: [["x_m", "x, m"], ["y_m", "y, m"]], scale: [] };
const MOST = { path: 500, points: 2, scale: 1 };

/** Fill `parent` with the form; `changed`, `cancel` and `save(placement)` are called. */
export function makePlacing(drawing, parent, { changed, cancel, save }) {
  const before = drawing.placement;
  const draft = { kind: before?.kind ?? "path", points: pointsOf(before), yUp: before?.y_up ?? true, scale: before?.metres_per_px ?? "" };
  const rows = el("tbody", {});
  const head = el("tr", {});
  const said = el("p", { class: "said", role: "status" });
  const kinds = el("fieldset", {}, el("legend", {}, "How is it placed?"), KINDS.map(([kind, words]) => el("label", {}, el("input", { type: "radio", name: "placing-kind", value: kind, checked: kind === draft.kind, onchange: () => { draft.kind = kind; draft.points = []; fill(); } }), " ", words)));
  const scale = el("label", {}, "Metres per pixel ", el("input", { type: "number", step: "any", min: "0", value: draft.scale, oninput: (event) => { draft.scale = event.target.value; } }));
  const up = el("label", {}, "y grows ", el("select", { onchange: (event) => { draft.yUp = event.target.value === "up"; } }, [["up", "towards the upper edge"], ["down", "towards the lower edge"]].map(([value, words]) => el("option", { value, selected: (value === "up") === draft.yUp }, words))));
  const buttons = el("div", { class: "buttons" }, el("button", { class: "plain", type: "button", onclick: () => add("", "") }, "Add a point by numbers"), el("button", { class: "plain", type: "button", onclick: cancel }, "Cancel"), el("button", { class: "primary", type: "button", onclick: finish }, "Save the placement"));
  parent.replaceChildren(el("h3", {}, `Place the drawing of ${drawing.asset}`), kinds, el("div", { class: "scroll", tabindex: "0", "aria-label": "Points" }, el("table", { class: "points" }, el("thead", {}, head), rows)), scale, up, said, buttons);
  fill();

  function fill() {
    scale.hidden = draft.kind !== "scale";
    up.hidden = draft.kind === "path";
    head.replaceChildren(...["Point", "x, px", "y, px", ...NUMBERS[draft.kind].map(([, label]) => label), "Remove"].map((label) => el("th", {}, label)));
    rows.replaceChildren(...draft.points.map((point, at) => el("tr", {}, el("td", {}, at + 1), [["x_px", "x, px"], ["y_px", "y, px"], ...NUMBERS[draft.kind]].map(([name, label]) => el("td", {}, el("input", { type: "number", step: "any", "aria-label": `${label} of point ${at + 1}`, value: point[name] ?? "", oninput: (event) => { point[name] = event.target.value; changed(); } }))), el("td", {}, el("button", { class: "plain", type: "button", "aria-label": `Remove point ${at + 1}`, onclick: () => { draft.points.splice(at, 1); fill(); } }, "×")))));
    said.textContent = draft.points.length ? "" : draft.kind === "scale" ? "Click where the coordinates are 0." : "Click on the drawing for the first point.";
    changed();
  }

  function add(x, y) {
    if (draft.points.length >= MOST[draft.kind]) {
      if (draft.kind === "path") { said.textContent = `A path has at most ${MOST.path} points.`; return; }
      draft.points.shift();
    }
    draft.points.push({ x_px: x, y_px: y });
    fill();
    rows.lastElementChild?.querySelectorAll("input")[x === "" ? 0 : 2]?.focus();
  }

  function finish() {
    const names = ["x_px", "y_px", ...NUMBERS[draft.kind].map(([name]) => name)];
    const points = draft.points.map((point) => Object.fromEntries(names.map((name) => [name, number(point[name])])));
    const wanted = { path: 2, points: 2, scale: 1 }[draft.kind];
    if (points.length < wanted) said.textContent = wanted === 1 ? "Click where the coordinates are 0." : `${points.length} of at least ${wanted} points are there: click on the drawing.`;
    else if (points.some((point) => Object.values(point).some((value) => value === null))) said.textContent = "A number is missing: each point needs all of its fields.";
    else if (draft.kind === "path") save({ kind: "path", points });
    else if (draft.kind === "points") save({ kind: "points", points, y_up: draft.yUp });
    else if (!(number(draft.scale) > 0)) said.textContent = "Say how many metres a pixel is, such as 0.01.";
    else save({ kind: "scale", metres_per_px: number(draft.scale), origin_x_px: points[0].x_px, origin_y_px: points[0].y_px, y_up: draft.yUp });
  }

  return {
    add,
    draw(group, unit) {
      const spots = draft.points.map((point) => [number(point.x_px), number(point.y_px)]).filter((spot) => !spot.includes(null));
      group.replaceChildren(...(draft.kind === "path" && spots.length > 1 ? [svg("polyline", { points: spots.map((spot) => spot.join(",")).join(" "), "stroke-width": 2 * unit })] : []),
        ...spots.flatMap(([x, y], at) => [svg("circle", { cx: x, cy: y, r: 6 * unit, "stroke-width": 2 * unit }), svg("text", { x: x + 9 * unit, y: y - 7 * unit, "font-size": 13 * unit }, at + 1)]));
    },
  };
}

function pointsOf(placement) {
  if (!placement) return [];
  return placement.kind === "scale" ? [{ x_px: placement.origin_x_px, y_px: placement.origin_y_px }] : placement.points.map((point) => ({ ...point }));
}

/** A typed number, or null. */
function number(given) {
  const value = Number(given);
  return given === "" || given === undefined || given === null || !Number.isFinite(value) ? null : value;
}

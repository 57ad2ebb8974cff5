// The trend of a defect: one point for each pass, with the interval that the scatter of its verdicts leaves.
import { el, svg } from "../dom.js";
import { dateTime, getSeverities, percent, squareMillimetres } from "../words.js";

const WIDTH = 520, HEIGHT = 170, LETTER = 7.6, RIGHT = 14, TOP = 12, BOTTOM = 26;

/** The figure of a growth: the drawing, the sentence, and the values as a table for whoever cannot see it. */
export function trend(growth) {
  if (!growth?.points?.length) return el("p", { class: "quiet" }, growth?.text || "Nothing was measured of it yet.");
  const say = sayer(growth.basis);
  return el("figure", { class: "trend" }, draw(growth, say), el("figcaption", {}, growth.text),
    el("details", {}, el("summary", {}, "The values"), el("table", {}, el("thead", {}, el("tr", {}, ["Pass", BASES[growth.basis] ?? "value", "± (95 %)", "verdicts"].map((name) => el("th", {}, name)))),
      el("tbody", {}, growth.points.map((point) => el("tr", {}, [dateTime(point.at), say(point.value), say(1.96 * point.standard_error), point.verdicts].map((text) => el("td", {}, String(text)))))))));
}

const BASES = { area_mm2: "area", area_fraction: "share of the picture", severity: "severity" };

function sayer(basis) {
  if (basis === "area_mm2") return squareMillimetres;
  if (basis === "area_fraction") return (value) => percent(value, value < 0.1 ? 1 : 0);
  return (value) => (Number.isInteger(value) ? getSeverities()[value] : null) ?? value.toFixed(1);
}

function draw(growth, say) {
  const points = growth.points.map((point) => ({ at: Date.parse(point.at), value: point.value, error: 1.96 * (point.standard_error ?? 0) }));
  const [first, last] = [points[0].at, points[points.length - 1].at];
  const high = Math.max(...points.map((point) => point.value + point.error)) * 1.1 || 1;
  const ticks = [0, 0.5, 1].map((share) => (high / 1.1) * share).map((value) => ({ value, text: growth.basis === "severity" ? value.toFixed(1) : say(value) }));
  const left = 12 + LETTER * Math.max(...ticks.map(({ text }) => text.length)); // no number is cut
  const x = (at) => (last === first ? (left + WIDTH - RIGHT) / 2 : left + 8 + ((at - first) / (last - first)) * (WIDTH - left - RIGHT - 16));
  const y = (value) => HEIGHT - BOTTOM - (Math.max(0, value) / high) * (HEIGHT - TOP - BOTTOM);
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${BASES[growth.basis] ?? "value"} over ${points.length} passes: ${growth.text}` });
  for (const { value, text } of ticks) {
    node.append(svg("line", { class: "grid", x1: left, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }), svg("text", { class: "tick", x: left - 7, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  if (points.length > 1) node.append(svg("polyline", { class: "line", points: points.map((point) => `${x(point.at).toFixed(1)},${y(point.value).toFixed(1)}`).join(" ") }));
  for (const point of points) {
    const [at, low, top] = [x(point.at), y(point.value - point.error), y(point.value + point.error)];
    node.append(svg("path", { class: "error", d: `M${at} ${low}V${top}M${at - 4} ${low}h8M${at - 4} ${top}h8` }), svg("circle", { class: "point", cx: at, cy: y(point.value), r: 4 }));
  }
  const day = (at) => dateTime(at).slice(0, 10);
  node.append(svg("text", { class: "tick", x: x(first), y: HEIGHT - 7, "text-anchor": last === first ? "middle" : "start" }, day(first)));
  if (last !== first) node.append(svg("text", { class: "tick", x: x(last), y: HEIGHT - 7, "text-anchor": "end" }, day(last)));
  return node;
}

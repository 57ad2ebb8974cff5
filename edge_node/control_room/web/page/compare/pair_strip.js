// Two missions over one asset as two bars in the same metres, and between them where something changed.
import { el, svg } from "../dom.js";
import { metres, rank, tone } from "../words.js";

const LEFT = 52, RIGHT = 12, BAR = 26, LANE = 24, AXIS = 20, TOP = 2;
const SHAPES = { new: "M-5 4L0 -5L5 4z", grown: "M-6 5L0 -6L6 5z", gone: "M-4 -4L4 4M4 -4L-4 4", unseen: "M-5 0H5", seen_again: "M-5 4L0 -5L5 4z", unchanged: "M0 -3V3" };

/** The drawing; `open(at)` shows the change of that index in the list. */
export function pairStrip({ strips, changes }, open) {
  if (!strips) return null;
  const cells = [...strips.earlier, ...strips.later];
  if (!cells.length) return null;
  const [low, high] = [Math.min(...cells.map(({ start }) => start)), Math.max(...cells.map(({ end }) => end))];
  const node = svg("svg", { class: "pair-strip", role: "img", "aria-label": summary(strips, low, high) });
  const draw = () => {
    const width = Math.max(300, node.parentElement?.clientWidth ?? 900);
    const x = (at) => LEFT + ((at - low) / (high - low || 1)) * (width - LEFT - RIGHT);
    const height = TOP + 2 * BAR + LANE + AXIS;
    node.setAttribute("viewBox", `0 0 ${width} ${height}`);
    node.setAttribute("height", height);
    node.replaceChildren(...bar("then", strips.earlier, TOP, x), ...bar("now", strips.later, TOP + BAR + LANE, x), ...axis(low, high, TOP + 2 * BAR + LANE, x, width));
    changes.forEach((change, at) => { if (change.place) node.append(mark(change, x, () => open(at))); });
  };
  new ResizeObserver(draw).observe(node);
  requestAnimationFrame(draw);
  return el("div", { class: "pair" }, node, el("p", { class: "quiet legend" }, key("uncorroded", "uncorroded"), ...["sev-1", "sev-2"].map((name, at) => key(name, at ? "worst severity" : "corroded")), key("none", "not judged"), el("span", {}, "empty: no frame")));
}

const key = (name, words) => el("span", {}, el("i", { class: `swatch tone-${name}` }), words);

function bar(label, cells, top, x) {
  return [svg("text", { class: "band", x: LEFT - 8, y: top + BAR / 2 + 4, "text-anchor": "end" }, label),
    ...cells.map((cell) => {
      const worst = Object.keys(cell.by_severity).sort((one, other) => (rank(other) ?? 0.5) - (rank(one) ?? 0.5))[0] ?? null;
      const name = cell.corroded ? tone("corroded", worst) : cell.judged ? "uncorroded" : "none";
      const share = cell.judged / Math.max(1, cell.judged + cell.not_judged);
      return svg("rect", { class: `tone-${name}`, fill: "currentColor", "fill-opacity": cell.corroded ? 1 : cell.judged ? 0.35 + 0.35 * share : 0.55, x: x(cell.start), y: top, width: Math.max(0.6, x(cell.end) - x(cell.start) + 0.2), height: BAR });
    })];
}

function mark(change, x, open) {
  const middle = (change.place.from_m + change.place.to_m) / 2;
  const node = svg("g", { class: `change kind-${change.kind}`, transform: `translate(${x(middle).toFixed(1)} ${TOP + BAR + LANE / 2})` }, svg("rect", { x: -8, y: -LANE / 2, width: 16, height: LANE, fill: "transparent" }), svg("path", { d: SHAPES[change.kind] ?? SHAPES.unchanged }), svg("title", {}, `${change.defect.label}, ${change.words}, ${metres(middle)}`));
  node.addEventListener("click", open);
  return node;
}

function axis(low, high, top, x, width) {
  const raw = (high - low) / Math.max(2, Math.floor(width / 110)) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) found.push(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: top, y2: top + 5 }), svg("text", { class: "tick", x: Math.min(x(at), width - 22), y: top + AXIS - 3, "text-anchor": "middle" }, `${+at.toFixed(3)} m`));
  return found;
}

function summary({ earlier, later }, low, high) {
  const corroded = (cells) => cells.filter((cell) => cell.corroded).length;
  return `Both missions from ${metres(low)} to ${metres(high)}: then ${corroded(earlier)} of ${earlier.length} stretches corroded, now ${corroded(later)} of ${later.length}. The list below says what changed.`;
}

// The outline of what a map says is corroded, as lines over its picture: nothing is painted over the surface.
import { svg } from "../dom.js";

const BEYOND = 0.002; // of the picture: where an area reaches the edge, its line runs along it

/** Lines around the area; `marking` has the map's rows, columns and values, and from which value on a position counts. */
export function outlinePath({ rows, columns, corroded, corroded_from: from = 0.5 }) {
  const xs = edges(columns);
  const ys = edges(rows);
  const at = (row, column) => {
    if (row === 0 || column === 0 || row === rows + 3 || column === columns + 3) return 0;
    return corroded[clamp(row - 2, rows) * columns + clamp(column - 2, columns)];
  };
  let path = "";
  for (let row = 0; row < rows + 3; row++) {
    for (let column = 0; column < columns + 3; column++) {
      path += cell([at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)], [xs[column], xs[column + 1]], [ys[row], ys[row + 1]], from);
    }
  }
  return svg("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none" }, svg("path", { class: "casing", d: path }), svg("path", { class: "line", d: path }));
}

const clamp = (index, count) => Math.min(count - 1, Math.max(0, index));

/** Places of the values along a side: outside, edge, middles, edge, outside. */
function edges(count) {
  return [-BEYOND, 0, ...Array.from({ length: count }, (_, index) => (index + 0.5) / count), 1, 1 + BEYOND];
}

/** The lines through a square with these values at its corners: left to right, then back (marching squares). */
function cell(values, [left, right], [top, bottom], from) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
  const crossings = [];
  for (let side = 0; side < 4; side++) {
    const [one, other] = [values[side], values[(side + 1) % 4]];
    if (one >= from === other >= from) continue;
    const share = (from - one) / (other - one);
    const [a, b] = [corners[side], corners[(side + 1) % 4]];
    crossings.push([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]);
  }
  let path = "";
  for (let pair = 0; pair + 1 < crossings.length; pair += 2) path += `M${point(crossings[pair])}L${point(crossings[pair + 1])}`;
  return path;
}

const point = (place) => place.map((part) => part.toFixed(4)).join(" ");

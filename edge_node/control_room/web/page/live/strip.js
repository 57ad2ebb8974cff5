// The strip chart: a pass along the path as an inspection log. Findings on top, severity as columns that are
// the fuller the more of a stretch is corroded, the corroded area as a line, and below what was looked at.
import { el, setText, svg } from "../dom.js";
import { clockTime, counted, dateTime, getSeverities, percent, rank, tone, reach } from "../words.js";

const LEFT = 56, RIGHT = 40, TOP = 4, LANE = 16, PLOT = 84, SEEN = 7, AXIS = 20;

/** One chart; `pick({from, to, byTime})` is called for a stretch, `openFinding(key)` for a bar. */
export class Strip {
  constructor(title, { pick, openFinding }) {
    this.here = [];
    this.pick = pick;
    this.openFinding = openFinding;
    this.cells = [];
    this.findings = [];
    this.cursor = null;
    this.heading = el("span", {});
    this.name = el("b", {}, title);
    this.drawing = svg("svg", { role: "img", tabindex: "0" });
    this.reading = el("p", { class: "reading", "aria-live": "polite" });
    this.node = el("div", { class: "strip" }, el("h3", {}, this.name, this.heading), this.drawing, this.reading);
    this.drawing.addEventListener("pointermove", (event) => this.point(event));
    this.drawing.addEventListener("pointerleave", () => this.read(null));
    this.drawing.addEventListener("click", () => this.choose());
    this.drawing.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  /** Show other data: cells, whether they are along time, findings, and where robots are now. */
  show({ cells, byTime, findings, here, heading }) {
    Object.assign(this, { cells, byTime, findings, here });
    setText(this.heading, heading);
    this.draw();
  }

  draw() {
    const width = Math.max(320, this.node.clientWidth);
    const height = TOP + LANE + PLOT + SEEN + AXIS + 4;
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.drawing.setAttribute("height", height);
    this.drawing.replaceChildren();
    if (!this.cells.length) {
      this.drawing.append(svg("text", { class: "tick", x: width / 2, y: height / 2, "text-anchor": "middle" }, "Nothing was judged in this time."));
      this.drawing.setAttribute("aria-label", "Nothing was judged in this time.");
      return;
    }
    this.low = this.cells[0].start;
    this.high = this.cells[this.cells.length - 1].end;
    this.width = width;
    this.x = (at) => LEFT + ((at - this.low) / (this.high - this.low || 1)) * (width - LEFT - RIGHT);
    this.drawScale();
    this.drawCells();
    this.drawFindings();
    this.drawHere();
    this.mark = svg("line", { class: "cursor", y1: TOP, y2: TOP + LANE + PLOT + SEEN + 4, visibility: "hidden" });
    this.drawing.append(this.mark);
    this.drawing.setAttribute("aria-label", this.summary());
    if (this.cursor !== null) this.read(this.cursor);
  }

  drawScale() {
    const words = getSeverities().slice(1);
    const base = TOP + LANE + PLOT;
    words.forEach((word, at) => {
      const y = base - (PLOT * (at + 1)) / words.length;
      this.drawing.append(svg("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }),
        svg("text", { class: "band", x: LEFT - 8, y: y + PLOT / words.length / 2 + 4, "text-anchor": "end" }, word));
    });
    this.drawing.append(svg("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: base, y2: base }));
    for (const [share, label] of [[0, "0"], [0.5, "50"], [1, "100 %"]]) {
      this.drawing.append(svg("text", { class: "tick", x: this.width - RIGHT + 5, y: base - PLOT * share + 4 }, label));
    }
    for (const at of ticks(this.low, this.high, Math.max(2, Math.floor(this.width / 110)), this.byTime)) {
      const label = this.byTime ? clockTime(at * 1000).slice(0, this.high - this.low < 300 ? 8 : 5) : `${+at.toFixed(3)} m`;
      this.drawing.append(svg("line", { class: "grid", x1: this.x(at), x2: this.x(at), y1: base + SEEN + 2, y2: base + SEEN + 6 }),
        svg("text", { class: "tick", x: this.x(at), y: base + SEEN + AXIS, "text-anchor": "middle" }, label));
    }
  }

  drawCells() {
    const base = TOP + LANE + PLOT;
    const line = [];
    for (const cell of this.cells) {
      const x0 = this.x(cell.start);
      const [x, wide] = [x0, Math.max(1, this.x(cell.end) - x0)];
      const worst = worstOf(cell);
      if (cell.corroded) {
        const tall = PLOT * (rank(worst) ?? 0.5);
        const share = cell.corroded / Math.max(1, cell.judged);
        this.drawing.append(svg("rect", { class: `tone-${tone("corroded", worst)}`, fill: "currentColor", x, y: base - Math.max(tall, 4), width: wide, height: Math.max(tall, 4), "fill-opacity": 0.3 + 0.7 * share }));
      }
      const judged = cell.judged / (cell.judged + cell.not_judged);
      this.drawing.append(svg("rect", { class: judged > 0 ? "seen" : "unseen", x, y: base + 2, width: wide, height: SEEN - 2, "fill-opacity": judged > 0 ? 0.35 + 0.65 * judged : 1 }));
      if (cell.peak_area_fraction !== null) line.push(`${line.length ? "L" : "M"}${(x + wide / 2).toFixed(1)} ${(base - PLOT * cell.peak_area_fraction).toFixed(1)}`);
      else if (line.length && !line[line.length - 1].startsWith(" ")) line.push(" ");
    }
    const path = line.join("").replace(/ L/g, "M").trim();
    if (path) this.drawing.append(svg("path", { class: "area", d: path }));
  }

  drawFindings() {
    for (const { finding, key } of this.findings) {
      const [from, to] = this.byTime ? [Date.parse(finding.first_observed_at) / 1000, Date.parse(finding.last_observed_at) / 1000] : [finding.from_pose?.distance_m, finding.to_pose?.distance_m ?? finding.from_pose?.distance_m];
      if (from === undefined || from === null || to < this.low || from > this.high) continue;
      const x = this.x(Math.max(from, this.low));
      const bar = svg("rect", { class: `bar-finding tone-${tone("corroded", finding.peak_severity)} ${finding.state === "closed" ? "closed" : "open"}`, fill: "currentColor", x, y: TOP + 2, width: Math.max(4, this.x(Math.min(to, this.high)) - x), height: LANE - 6, rx: 3, "fill-opacity": finding.state === "closed" ? 0.6 : 1 },
        svg("title", {}, `${finding.peak_severity ?? ""} ${finding.form ?? "corrosion"} on ${finding.material ?? "unknown material"}, ${reach(finding)}`));
      bar.addEventListener("click", (event) => { event.stopPropagation(); this.openFinding(key); });
      this.drawing.append(bar);
    }
    this.drawing.append(svg("text", { class: "band", x: LEFT - 8, y: TOP + LANE - 5, "text-anchor": "end" }, "findings"),
      svg("text", { class: "band", x: LEFT - 8, y: TOP + LANE + PLOT + SEEN + 2, "text-anchor": "end" }, "seen"));
  }

  drawHere() {
    for (const here of this.byTime ? [] : this.here) {
      if (here < this.low || here > this.high) continue;
      const x = this.x(here);
      this.drawing.append(svg("line", { class: "here", x1: x, x2: x, y1: TOP + LANE - 2, y2: TOP + LANE + PLOT + SEEN }), svg("path", { class: "here-tip", d: `M${x - 5} ${TOP + LANE - 7}h10l-5 7z` }));
    }
  }

  summary() {
    const worst = this.cells.filter((cell) => cell.corroded).length;
    return `${this.name.textContent} ${this.byTime ? "over time" : "along the path"} from ${this.say(this.low)} to ${this.say(this.high)}: ${worst} of ${counted(this.cells.length, "stretch", "stretches")} show corrosion. Arrows move along, Enter lists the verdicts.`;
  }

  say(at) {
    return this.byTime ? dateTime(at * 1000) : `${at.toFixed(2)} m`;
  }

  point(event) {
    if (!this.cells.length) return;
    const box = this.drawing.getBoundingClientRect();
    const at = this.low + ((event.clientX - box.left) * (this.width / box.width) - LEFT) / (this.width - LEFT - RIGHT) * (this.high - this.low);
    const near = this.cells.findIndex((cell) => at >= cell.start && at < cell.end);
    this.read(near < 0 ? null : near);
  }

  read(index) {
    this.cursor = index;
    const cell = index === null ? undefined : this.cells[index];
    if (!cell) {
      this.reading.textContent = "";
      this.mark?.setAttribute("visibility", "hidden");
      return;
    }
    const x = this.x((cell.start + cell.end) / 2);
    this.mark.setAttribute("x1", x);
    this.mark.setAttribute("x2", x);
    this.mark.setAttribute("visibility", "visible");
    const kinds = Object.entries(cell.by_severity).map(([word, number]) => `${number} ${word || "of no severity"}`).join(", ");
    this.reading.textContent = `${this.say(cell.start)} – ${this.say(cell.end)}: ${counted(cell.judged + cell.not_judged, "verdict")}, ${cell.corroded} corroded${kinds ? ` (${kinds})` : ""}${cell.not_judged ? `, ${cell.not_judged} not judged` : ""}${cell.peak_area_fraction === null ? "" : `, up to ${percent(cell.peak_area_fraction)} of the area`}. Click or Enter lists them.`;
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && this.cells.length) {
      this.read(Math.min(this.cells.length - 1, Math.max(0, (this.cursor ?? (step > 0 ? -1 : this.cells.length)) + step)));
      event.preventDefault();
    } else if (event.key === "Enter") this.choose();
    else return;
    event.stopPropagation();
  }

  choose() {
    const cell = this.cursor === null ? undefined : this.cells[this.cursor];
    if (cell) this.pick({ from: cell.start, to: cell.end, byTime: this.byTime });
  }
}

function worstOf(cell) {
  const words = Object.keys(cell.by_severity);
  return words.sort((one, other) => (rank(other) ?? 0.5) - (rank(one) ?? 0.5))[0] ?? null;
}

function ticks(low, high, most, byTime) {
  const steps = byTime ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800] : null;
  const raw = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = steps?.find((one) => one >= raw) ?? [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) found.push(at);
  return found;
}

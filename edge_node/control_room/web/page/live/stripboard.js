// The strip charts of the live view: of the chosen robot, or of the few that matter most.
import { el } from "../dom.js";
import { ask, known, knownUntil, robotKey } from "../store.js";
import { counted, dateTime, serverNow } from "../words.js";
import { StripSet } from "./strip_set.js";

const SPANS = [["15 min", 900], ["1 h", 3600], ["24 h", 86_400], ["all", null]];
const MAX_ROBOTS = 4; // whose strips are shown while none is chosen
const FEW = 4, MANY = 40; // strips at once, and after "show all"
const FRESH_MS = 1500; // charts are drawn anew at most so often,
const REST = 10; // and after so many times what the last answer took: a long history is read at each
const CELLS = 240;

/** Fetches what the charts show, no more often than needed and never while the last answer is awaited. */
export class StripBoard {
  constructor(parent, choice, { openFinding, pick }) {
    this.set = new StripSet(parent, { openFinding, pick });
    this.span = 86_400;
    this.robot = null;
    this.most = FEW;
    this.busy = this.isStale = false;
    this.timer = null;
    this.tookMs = 0;
    choice.append(...SPANS.map(([label, seconds]) => el("button", { "aria-pressed": String(seconds === this.span), onclick: (event) => {
      this.span = seconds;
      for (const button of choice.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      this.soon(true);
    } }, label)));
  }

  /** Show one robot's charts, or those of the robots with open findings and the newest verdicts. */
  keepTo(robot) {
    if (this.robot !== robot) this.most = FEW;
    this.robot = robot;
    this.soon(true);
  }

  /** Note that robots went on. */
  moved(keys) {
    const shown = this.chosen();
    if (keys.some((key) => shown.includes(key))) this.soon();
  }

  /** Draw anew before long; at once if somebody `waits`. */
  soon(waits = false) {
    this.isStale = true;
    if (waits) clearTimeout(this.timer);
    if (waits || this.timer === null) this.timer = setTimeout(() => { this.timer = null; this.draw(); }, waits ? 0 : Math.max(FRESH_MS, REST * this.tookMs));
  }

  async draw() {
    if (this.busy || !this.isStale) return;
    this.busy = true;
    this.isStale = false;
    try {
      const robots = this.chosen();
      const began = performance.now();
      const { strips, total } = robots.length ? await ask(`api/strip?${this.query(robots)}`) : { strips: [], total: 0 };
      this.tookMs = performance.now() - began;
      this.set.show(strips, this.findings(), strips.length ? this.note(total, robots.length) : this.nothing());
    } catch (problem) {
      console.warn(problem);
      this.isStale = true;
    } finally {
      this.busy = false;
      if (this.isStale) this.soon();
    }
  }

  query(robots) {
    const wanted = new URLSearchParams({ by_asset: true, cells: CELLS, most: this.most, robots: robots.join(",") });
    if (this.span) wanted.set("since", new Date(serverNow() - this.span * 1000).toISOString());
    return wanted;
  }

  chosen() {
    if (this.robot) return [this.robot];
    const open = new Map();
    for (const { finding } of known.findings.values()) if (finding.state !== "closed") open.set(robotKey(finding), (open.get(robotKey(finding)) ?? 0) + 1);
    const heard = [...known.robots.values()].filter((robot) => robot.verdicts || known.latest.has(robotKey(robot)));
    const weight = (robot) => open.get(robotKey(robot)) ?? 0;
    return heard.sort((one, other) => weight(other) - weight(one) || (one.last_verdict_at < other.last_verdict_at ? 1 : -1)).slice(0, MAX_ROBOTS).map(robotKey);
  }

  findings() {
    return [...known.findings.values()].filter(({ finding }) => !this.span || Date.parse(finding.last_observed_at) > serverNow() - this.span * 1000);
  }

  note(total, robots) {
    const others = this.robot ? 0 : known.robots.size - robots;
    return [
      total > this.most ? el("button", { class: "plain", type: "button", onclick: () => { this.most = MANY; this.soon(true); } }, `Show all ${counted(total, "strip")}`) : null,
      others > 0 ? el("p", { class: "quiet" }, `Strips of the ${counted(robots, "robot")} with the most open findings and the newest verdicts; choose a robot for its own.`) : null,
    ].filter(Boolean);
  }

  nothing() {
    const newest = (this.robot ? [known.robots.get(this.robot)] : [...known.robots.values()]).map((robot) => robot?.last_verdict_at).filter(Boolean).sort().at(-1);
    if (newest) return el("p", { class: "empty-note" }, `Nothing was judged in this time. The newest verdict is from ${dateTime(newest)}: choose a longer time above.`);
    return el("p", { class: "empty-note" }, "A strip for each asset appears with its first verdicts, which come on ", el("code", {}, "corrosion/v1/SITE/ROBOT/verdict"), knownUntil() === null ? "." : ", once the broker is there.");
  }
}

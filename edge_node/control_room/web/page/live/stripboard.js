// The strip charts of the live view: of the chosen robot, or of the few that matter most.
import { el } from "../dom.js";
import { ask, findingKey, known, robotKey } from "../store.js";
import { Strip } from "./strip.js";
import { serverNow } from "../words.js";

const SPANS = [["15 min", 900], ["1 h", 3600], ["24 h", 86_400], ["all", null]];
const MAX_STRIPS = 3;
const FRESH_MS = 1500; // a chart is drawn anew at most so often
const CELLS = 240;

/** Fetches what the charts show, no more often than needed and never while the last answer is awaited. */
export class StripBoard {
  constructor(parent, choice, { openFinding, pick }) {
    this.parent = parent;
    this.openFinding = openFinding;
    this.pick = pick;
    this.strips = new Map();
    this.span = 86_400;
    this.robot = null;
    this.stale = new Set();
    this.busy = false;
    this.timer = null;
    choice.append(...SPANS.map(([label, seconds]) => el("button", { "aria-pressed": String(seconds === this.span), onclick: (event) => {
      this.span = seconds;
      for (const button of choice.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      this.soon(true);
    } }, label)));
  }

  /** Show one robot's chart, or those of the robots with open findings and the newest verdicts. */
  keepTo(robot) {
    this.robot = robot;
    this.soon(true);
  }

  /** Note that robots went on. */
  moved(keys) {
    for (const key of keys) this.stale.add(key);
    this.soon();
  }

  /** Draw anew before long; `all` whether or not anything moved. */
  soon(all = false) {
    if (all) for (const key of known.robots.keys()) this.stale.add(key);
    this.timer ??= setTimeout(() => { this.timer = null; this.draw(); }, all ? 0 : FRESH_MS);
  }

  async draw() {
    if (this.busy) return this.soon();
    this.busy = true;
    try {
      const shown = this.chosen();
      for (const [key, strip] of this.strips) {
        if (!shown.includes(key)) {
          strip.node.remove();
          this.strips.delete(key);
        }
      }
      await Promise.all(shown.map((key) => this.drawOne(key)));
      const nodes = shown.map((key) => this.strips.get(key)?.node).filter(Boolean);
      if (nodes.some((node, at) => this.parent.children[at] !== node)) this.parent.replaceChildren(...nodes);
      this.parent.querySelector(".empty-note")?.remove();
      if (!shown.length) this.parent.append(el("p", { class: "empty-note" }, "Charts appear with the first verdicts."));
    } finally {
      this.busy = false;
    }
  }

  chosen() {
    if (this.robot) return [this.robot];
    const weight = (key) => [...known.findings.values()].filter(({ finding }) => finding.state !== "closed" && robotKey(finding) === key).length;
    const keys = [...known.robots.keys()].filter((key) => known.robots.get(key).verdicts || known.latest.has(key));
    return keys.length <= MAX_STRIPS ? keys.sort() : keys.sort((one, other) => weight(other) - weight(one)).slice(0, MAX_STRIPS);
  }

  async drawOne(key) {
    const isNew = !this.strips.has(key);
    if (!isNew && !this.stale.has(key)) return;
    this.stale.delete(key);
    const [site, robot] = key.split("/");
    const wanted = new URLSearchParams({ site, robot, cells: CELLS });
    if (this.span) wanted.set("since", new Date(serverNow() - this.span * 1000).toISOString());
    let found = { cells: [] };
    try {
      found = await ask(`api/strip?${wanted}`);
      if (!found.cells.length) found = await ask(`api/strip?${wanted}&by_time=true`);
    } catch (problem) {
      console.warn(problem);
      this.stale.add(key);
      return;
    }
    if (!this.strips.has(key)) {
      const strip = new Strip(robot, { openFinding: this.openFinding, pick: (stretch) => this.pick(stretch, key) });
      this.strips.set(key, strip);
      this.parent.append(strip.node);
    }
    const latest = known.latest.get(key);
    const findings = [...known.findings.values()].filter(({ finding }) => robotKey(finding) === key && (!this.span || Date.parse(finding.last_observed_at) > serverNow() - this.span * 1000));
    this.strips.get(key).show({
      cells: found.cells, byTime: found.by_time, here: latest?.distance_m ?? null,
      findings: findings.map(({ finding }) => ({ finding, key: findingKey(finding) })),
      heading: [latest?.asset, found.by_time ? "over time: it sends no pose" : "distance × severity"].filter(Boolean).join(" · "),
    });
  }
}

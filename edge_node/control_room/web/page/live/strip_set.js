// Strip charts below one another: one for each asset; where a robot names none, or sends no pose, one for it.
import { el } from "../dom.js";
import { assetWord, findingKey, known, knownUntil, robotKey, robotWord } from "../store.js";
import { counted } from "../words.js";
import { Strip } from "./strip.js";

/** What the history is asked for where a robot names no asset; no asset is called so. */
export const NO_ASSET = "\u0001";

/** The charts of `parent`; `pick(filters)` is called for a stretch, `openFinding(key)` for a finding. */
export class StripSet {
  constructor(parent, { openFinding, pick }) {
    Object.assign(this, { parent, openFinding, pick });
    this.charts = new Map();
    this.below = el("div", { class: "below-strips" });
    parent.append(this.below);
  }

  /** Draw the strips of an answer of /api/strip?by_asset=true, with the findings on each, and `note` below them. */
  show(strips, findings, note = []) {
    const wanted = new Map(strips.map((strip) => [keyOf(strip), strip]));
    for (const [key, chart] of this.charts) {
      if (wanted.has(key)) continue;
      chart.node.remove();
      this.charts.delete(key);
    }
    let at = this.parent.firstElementChild;
    for (const [key, strip] of wanted) {
      if (!this.charts.has(key)) this.charts.set(key, new Strip(titleOf(strip), { openFinding: this.openFinding, pick: (stretch) => this.pick(filtersOf(strip, stretch)) }));
      const chart = this.charts.get(key);
      if (chart.node === at) at = at.nextElementSibling;
      else this.parent.insertBefore(chart.node, at);
      chart.show({ cells: strip.cells, byTime: strip.by_time, findings: findingsOn(strip, findings), here: placesOn(strip), heading: headingOf(strip) });
    }
    this.below.replaceChildren(...[note].flat());
  }
}

const keyOf = ({ site, asset, robots, by_time: byTime }) => JSON.stringify([site, asset, asset === null || byTime ? robots : null, byTime]);
const titleOf = (strip) => (strip.asset === null ? robotWord({ site: strip.site, robot: strip.robots[0] }) : assetWord(strip));

function headingOf({ asset, site, robots, by_time: byTime }) {
  const who = robots.map((robot) => robotWord({ site, robot }));
  const names = who.length > 4 ? `${who.slice(0, 3).join(", ")} and ${counted(who.length - 3, "other robot")}` : who.join(", ");
  return [asset === null ? "no asset named" : names, byTime ? "over time: the robot sends no pose" : null].filter(Boolean).join(" · ");
}

/** Findings of the strip's asset, or of its robot where that names none. */
function findingsOn({ site, asset, robots, by_time: byTime }, findings) {
  return findings.filter(({ finding }) => finding.site === site && (finding.asset ?? null) === asset && (robots.includes(finding.robot) || !(asset === null || byTime)))
    .map(({ finding }) => ({ finding, key: findingKey(finding) }));
}

/** Where the strip's robots are now. */
function placesOn({ site, asset, robots }) {
  return knownUntil() !== null ? [] : robots.map((robot) => known.latest.get(robotKey({ site, robot }))).filter((latest) => latest && (latest.asset ?? null) === asset && latest.distance_m !== null).map((latest) => latest.distance_m);
}

function filtersOf({ site, asset, robots, by_time: byTime }, { from, to }) {
  return { site, asset: asset ?? NO_ASSET, ...(robots.length === 1 ? { robot: `${site}/${robots[0]}` } : {}), ...(byTime ? { since_s: from, until_s: to } : { from_m: +from.toFixed(6), to_m: +to.toFixed(6) }) };
}

// How values are said and drawn: times, places, shares, outcomes, severities.
import { svg } from "./dom.js";

const OUTCOMES = { corroded: "corroded", uncorroded: "sound", uncertain: "uncertain", not_inspectable: "not inspectable" };

let severities = ["none", "mid", "late"];
let clockAheadMs = 0; // of the server, so that a tablet with a wrong clock counts ages right

export const setSeverities = (words) => { severities = words; };
export const getSeverities = () => severities;
export const setServerTime = (iso) => { clockAheadMs = Date.parse(iso) - Date.now(); };
export const serverNow = () => Date.now() + clockAheadMs;

const REASONS = { shadow: "the shadow disagrees", uncertain: "uncertain", low_margin: "low margin", finding_worse: "worst of its finding so far", finding_first: "first of a finding", corroded: "corroded", snapshot: "asked for", sample: "sample", none: "no reason told" };

/** Why a picture was kept, in words. */
export const reasonWord = (reason) => REASONS[reason] ?? reason.replaceAll("_", " ");
export const outcomeWord = (outcome) => OUTCOMES[outcome] ?? outcome;
/** A share; what is not quite all is never rounded up to all. */
export function percent(share, digits = 0) {
  if (share === null || share === undefined) return "–";
  const text = (share * 100).toFixed(digits);
  return share < 1 && Number(text) === 100 ? `> ${(100 - 10 ** -digits).toFixed(digits)} %` : `${text} %`;
}

/** An area with two significant digits: it is estimated from a coarse map. */
export function squareMillimetres(area) {
  const rounded = Number(area.toPrecision(2));
  return rounded > 0 && rounded < 0.01 ? "< 0.01 mm²" : `${rounded.toLocaleString("en")} mm²`;
}

/** An area on the surface where that is known, as a share of the picture otherwise. */
export function areaWords(mm2, share, digits = 0) {
  return mm2 === null || mm2 === undefined ? percent(share, digits) : `≈ ${squareMillimetres(mm2)}`;
}

export const metres = (distance) => (distance === null || distance === undefined ? "–" : `${distance.toFixed(2)} m`);
export const count = (number) => (number ?? 0).toLocaleString("en");

/** A number with its noun: "1 finding", "2 findings". */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export function bytes(number) {
  if (number === null || number === undefined) return "–";
  return number < 1e6 ? `${(number / 1e3).toFixed(0)} kB` : number < 1e9 ? `${(number / 1e6).toFixed(1)} MB` : `${(number / 1e9).toFixed(2)} GB`;
}

export function clockTime(iso) {
  return new Date(iso).toLocaleTimeString("en-GB");
}

export function dateTime(iso) {
  const moment = new Date(iso);
  return `${moment.toLocaleDateString("sv-SE")} ${moment.toLocaleTimeString("en-GB")}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const size = Math.abs(seconds);
  if (size < 90) return `${size.toFixed(size < 10 ? 1 : 0)} s`;
  if (size < 5400) return `${(size / 60).toFixed(0)} min`;
  return size < 172800 ? `${(size / 3600).toFixed(1)} h` : `${(size / 86400).toFixed(0)} d`;
}

export const age = (iso) => duration(Math.max(0, (serverNow() - Date.parse(iso)) / 1000));

/** Where something is: along the path, or in space. */
export function place(pose) {
  if (!pose) return "–";
  if (pose.distance_m !== null && pose.distance_m !== undefined) return metres(pose.distance_m) + uncertainty(pose);
  const parts = [pose.x_m, pose.y_m, pose.z_m].map((part) => part ?? null);
  if (parts.every((part) => part === null)) return "–";
  return parts.map((part) => part?.toFixed(2) ?? "–").join(" / ") + " m" + uncertainty(pose);
}

/** The standard deviation of places, the largest where there are several; nothing where the robot told none. */
function uncertainty(...poses) {
  const sigmas = poses.map((pose) => pose?.sigma_m).filter((sigma) => sigma !== null && sigma !== undefined);
  return sigmas.length ? ` ± ${Number(Math.max(...sigmas).toPrecision(2))} m` : "";
}

const CONTROLS = { exposure_us: "exposure", white_balance: "white balance" };
const UNITS = { us: "µs", x: "×", dpt: "dpt" };

/** The camera's settings as it answered, such as "exposure 8000 µs fixed, focus auto"; empty where none is configured. */
export function controlWords(controls) {
  return (controls ?? []).map(({ key, mode, values, unit }) => [
    CONTROLS[key] ?? key, values.map((value) => Number(value.toFixed(3))).join(" / "), values.length ? (UNITS[unit] ?? unit) : "",
    mode === "lock" ? "locked" : mode].filter((word) => word !== "").join(" ")).join(", ");
}

/** From where to where a finding reaches. */
export function reach(finding) {
  const [from, to] = [finding.from_pose?.distance_m, finding.to_pose?.distance_m];
  if (from === null || from === undefined) return place(finding.from_pose);
  const where = to === null || to === undefined || Math.abs(to - from) < 0.005 ? metres(from) : `${from.toFixed(2)}–${to.toFixed(2)} m`;
  return where + uncertainty(finding.from_pose, finding.to_pose);
}

/** 0 for sound to 1 for the worst; null where no severity is given. */
export function rank(severity) {
  const at = severities.indexOf(severity);
  return at < 0 ? null : at / Math.max(1, severities.length - 1);
}

/** The colour's name of an outcome and its severity. */
export function tone(outcome, severity) {
  if (outcome === "uncorroded") return "sound";
  if (outcome !== "corroded") return "none";
  const level = rank(severity);
  return level === null ? "unknown" : level >= 1 ? "sev-2" : "sev-1";
}

/** A disc that fills with severity; a sign where nothing was judged. */
export function glyph(outcome, severity) {
  const drawn = svg("svg", { class: `glyph tone-${tone(outcome, severity)}`, viewBox: "0 0 16 16", "aria-hidden": "true" });
  if (outcome === "uncertain") drawn.append(svg("path", { class: "sign", d: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.8-1.1 1.6M8 12.6v.1" }));
  else if (outcome === "not_inspectable") drawn.append(svg("path", { class: "sign", d: "M4.5 4.5l7 7M11.5 4.5l-7 7" }));
  else {
    const share = outcome === "uncorroded" ? 0 : (rank(severity) ?? 0.5);
    drawn.append(svg("circle", { class: "ring", cx: 8, cy: 8, r: 6.2 }));
    if (share >= 1) drawn.append(svg("circle", { class: "fill", cx: 8, cy: 8, r: 6.2 }));
    else if (share > 0) drawn.append(svg("path", { class: "fill", d: pie(share) }));
    if (outcome === "corroded" && rank(severity) === null) drawn.append(svg("circle", { class: "ring", cx: 8, cy: 8, r: 2.2 }));
  }
  return drawn;
}

/** One line on a verdict; a `brief` one leaves out what columns beside it say. */
export function verdictWords(verdict, brief = false) {
  if (verdict.outcome === "corroded" || verdict.outcome === "uncorroded") {
    return brief ? [outcomeWord(verdict.outcome), verdict.material, verdict.severity].filter((word) => word && word !== severities[0]).join(" · ") : [outcomeWord(verdict.outcome), verdict.material, verdict.form, verdict.outcome === "corroded" ? verdict.severity : null, verdict.confidence === null ? null : percent(verdict.confidence)].filter(Boolean).join(" · ");
  }
  return [outcomeWord(verdict.outcome), verdict.reason].filter(Boolean).join(": ");
}

function pie(share) {
  const angle = 2 * Math.PI * share;
  const [x, y] = [8 + 6.2 * Math.sin(angle), 8 - 6.2 * Math.cos(angle)];
  return `M8 8V1.8A6.2 6.2 0 ${share > 0.5 ? 1 : 0} 1 ${x.toFixed(2)} ${y.toFixed(2)}z`;
}

// How values are said and drawn: times, places, shares, outcomes, severities.
import { el, svg } from "./dom.js";

const OUTCOMES = { corroded: "corroded", uncorroded: "uncorroded", uncertain: "uncertain", not_inspectable: "not inspectable" };

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
/** How long the models took; a dash where none ran: robots up to 0.7.0 said 0 then. */
export const modelTime = (milliseconds, digits = 1) => (milliseconds ? `${milliseconds.toFixed(digits)} ms` : "–");

/** A share; what is not quite all is never rounded up to all. */
export function percent(share, digits = 0) {
  if (share === null || share === undefined) return "–";
  const text = (share * 100).toFixed(digits);
  return share < 1 && Number(text) === 100 ? `>\u00a0${(100 - 10 ** -digits).toFixed(digits)}\u00a0%` : `${text}\u00a0%`;
}

/** An area with two significant digits: it is estimated from a coarse map. */
export function squareMillimetres(area) {
  const rounded = Number(area.toPrecision(2));
  return rounded > 0 && rounded < 0.01 ? "<\u00a00.01\u00a0mm²" : `${rounded.toLocaleString("en")}\u00a0mm²`;
}

/** An area on the surface where that is known, as a share of the picture otherwise. */
export function areaWords(mm2, share, digits = 0) {
  return mm2 === null || mm2 === undefined ? percent(share, digits) : `≈\u00a0${squareMillimetres(mm2)}`;
}

export const metres = (distance) => (distance === null || distance === undefined ? "–" : `${distance.toFixed(2)} m`);
export const count = (number) => (number ?? 0).toLocaleString("en");


/** The noun of a number: "finding" of one, "findings" of others. */
export const plural = (number, noun, nouns = `${noun}s`) => (number === 1 ? noun : nouns);

/** A number with its noun: "1 finding", "2 findings". */
export const counted = (number, noun, nouns) => `${count(number)} ${plural(number, noun, nouns)}`;

export function bytes(number) {
  if (number === null || number === undefined) return "–";
  return number < 1e6 ? `${(number / 1e3).toFixed(0)} kB` : number < 1e9 ? `${(number / 1e6).toFixed(1)} MB` : `${(number / 1e9).toFixed(2)} GB`;
}

/** The time of day in the browser's zone; whatever lists such times names the zone once, by `zoneOffset`. */
export const clockTime = (iso) => new Date(iso).toLocaleTimeString("en-GB");

/** A moment with its zone, the browser's: "2026-11-30 14:03:05 +01:00". */
export function dateTime(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "–" : `${date.toLocaleDateString("sv-SE")} ${clockTime(date)} ${zoneOffset(date)}`;
}

/** The same as an element, which is never broken over lines. */
export const moment = (iso) => (iso ? el("time", { datetime: iso }, dateTime(iso)) : "–");

/** How far the browser's zone is ahead of UTC at a moment: "+01:00". */
export function zoneOffset(iso = Date.now()) {
  const minutes = -new Date(iso).getTimezoneOffset();
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  return `${minutes < 0 ? "−" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** The browser's zone by its name, with what it is ahead of UTC now: "Europe/Berlin, now +01:00". */
export function zoneName() {
  return `${Intl.DateTimeFormat().resolvedOptions().timeZone || "local time"}, now ${zoneOffset()}`;
}

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s*(Z|UTC|[+−-]\d\d:?\d\d)?$/i;

/** A moment that somebody typed as an ISO time for the API, or null: without a zone it is the browser's. */
export function isoOf(typed) {
  const [whole, year, month, day, hour = "00", minute = "00", second = "00", zone] = MOMENT.exec(typed.trim()) ?? [];
  if (!whole) return null;
  const offset = !zone ? "" : /^(z|utc)$/i.test(zone) ? "Z" : zone.replace("−", "-").replace(/(\d\d):?(\d\d)$/, "$1:$2");
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`);
  const isThere = !Number.isNaN(date.getTime()) && (offset || date.getDate() === Number(day)); // no 31st of June
  return isThere ? date.toISOString() : null;
}

/** A field for a moment in ISO form, in whatever language the browser is; once typed, it says the zone. */
export function timeField(name, label) {
  const input = el("input", { type: "text", class: "moment", name, "aria-label": label, placeholder: "YYYY-MM-DD hh:mm:ss", title: `ISO form, such as ${dateTime(Date.now())}; without a zone: ${zoneName()}`, autocomplete: "off", spellcheck: "false", maxlength: "40" });
  input.addEventListener("change", () => {
    const iso = isoOf(input.value);
    input.setCustomValidity(input.value.trim() && !iso ? "A time in ISO form, such as 2026-11-30 14:03:05 +01:00" : "");
    if (iso) input.value = dateTime(iso);
  });
  return el("label", {}, label, input);
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
  return sigmas.length ? ` ±\u00a0${Number(Math.max(...sigmas).toPrecision(2))}\u00a0m` : "";
}

const CLOCKS = { ok: "synchronized", failing: "not synchronized", not_synchronized: "not synchronized", unknown: "not known whether synchronized" };

/** The state of a robot's clock in the words that all displays use; robots up to 0.9.0 send a code as text. */
export function clockWords({ state, text }) {
  const [quality, ...more] = (text ?? "").split("; ");
  return [CLOCKS[quality || state] ?? (quality || state), ...more].join("; ");
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

/** 0 for uncorroded to 1 for the worst; null where no severity is given. */
export function rank(severity) {
  const at = severities.indexOf(severity);
  return at < 0 ? null : at / Math.max(1, severities.length - 1);
}

/** The colour's name of an outcome and its severity. */
export function tone(outcome, severity) {
  if (outcome === "uncorroded") return "uncorroded";
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

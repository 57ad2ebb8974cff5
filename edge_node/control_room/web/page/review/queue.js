// Pictures that nobody reviewed, what teaches most first.
import { byId, el } from "../dom.js";
import { pictureAddress, shot } from "../live/findings.js";
import { ask, known, robotKey, robotWord } from "../store.js";
import { count, dateTime, glyph, metres, percent, reasonWord, verdictWords } from "../words.js";

const PAGE = 60;
const ORDER = ["shadow", "uncertain", "low_margin", "finding_worse", "finding_first", "corroded", "snapshot", "sample", "none"];

const ORDERS = { teaching: "what teaches most", severity: "the worst" };
const KEPT_ORDER = "queue-order";

let openVerdict = null;
let order = []; // ids as they are shown
let chosen = null;
const sources = new Map(); // id -> the address of its picture
let gap = null; // where the chosen picture was, once it left the queue
let asked = 0; // which load is the newest

/** Build the form; `open(id)` shows a verdict. */
export function makeQueue(open) {
  openVerdict = open;
  const form = byId("queue-filters");
  const orders = Object.entries(ORDERS).map(([value, words]) => el("option", { value, selected: value === rememberedOrder() }, words));
  form.append(el("label", {}, "First", el("select", { name: "order", "aria-label": "What comes first" }, orders)), ...[["reason", "Kept because"], ["robot", "Robot"]].map(([name, label]) => el("label", {}, label, el("select", { name, "aria-label": label }, el("option", { value: "" }, "any")))),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "reviewed", value: "true" }), "reviewed too"),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "missing", value: "true" }), "not received yet too"));
  form.addEventListener("submit", (event) => { event.preventDefault(); showQueue(); });
  form.addEventListener("change", () => { rememberOrder(form.elements.order.value); showQueue(); });
  byId("queue-more").addEventListener("click", more);
}

/** Load the queue and show it. */
export async function showQueue() {
  const mine = ++asked;
  const title = byId("queue-title");
  try {
    fillRobots();
    const found = await ask(`api/queue?${query()}&limit=${PAGE}`);
    if (mine !== asked) return;
    fillReasons(found.counts);
    order = [];
    gap = null;
    byId("queue").replaceChildren();
    add(found.pictures);
    title.textContent = found.pictures.length ? "Pictures to review" : "Nothing to review";
    showNote(!found.pictures.length);
  } catch (problem) {
    if (mine === asked) title.textContent = problem.message;
  }
}

/** Say where pictures come from, where there is none. */
function showNote(isEmpty) {
  const { reason, robot } = byId("queue-filters").elements;
  byId("queue-note").hidden = !isEmpty;
  if (isEmpty && (reason.value || robot.value)) byId("queue-note").replaceChildren("No picture matches: choose “any” for the reason and the robot.");
  else if (isEmpty) byId("queue-note").replaceChildren("No picture waits for a review. Robots keep the pictures that are worth a review, and send them on ", el("code", {}, "corrosion/v1/SITE/ROBOT/evidence/SHA256"), ". To see what was reviewed, tick “reviewed too”.");
}

/** Open the next picture, or the one before. */
export function stepQueue(by) {
  if (!order.length) return;
  const here = order.indexOf(chosen);
  const at = here >= 0 ? here : by > 0 ? (gap ?? 0) - 1 : gap ?? order.length;
  choose(order[Math.min(order.length - 1, Math.max(0, at + by))]);
}

/** After a review of a picture: open the one that follows it; after the last of a page the next is loaded. */
export async function openNext(id) {
  const at = order.includes(id) ? order.indexOf(id) : gap ?? 0; // an event may have taken it out before its answer came
  if (!isShown("reviewed")) drop(id);
  const next = order.includes(id) ? at + 1 : at;
  if (next >= order.length && order.length && !byId("queue-more").hidden) await more();
  if (!order.length) await showQueue();
  const following = order[next] ?? order.find((one) => one !== id);
  if (following) choose(following);
}

/** A picture that was reviewed leaves the queue; one whose review was taken back returns. */
export async function reviewed(id) {
  if (isShown("reviewed")) return;
  const found = await ask(`api/verdicts/${encodeURIComponent(id)}`).catch(() => null);
  if (!found) return;
  const isReviewed = found.reviews.some((one) => one.origin !== "robot" && !one.withdrawn);
  if (isReviewed !== order.includes(id)) return;
  if (!isReviewed) showQueue();
  else if (drop(id) && !order.length) showQueue();
}

const isShown = (what) => byId("queue-filters").elements[what].checked;

function drop(id) {
  byId("queue").querySelector(`[data-id="${CSS.escape(id)}"]`)?.closest("li").remove();
  if (id === chosen) gap = order.indexOf(id);
  order = order.filter((one) => one !== id);
  return true;
}

async function more() {
  const mine = asked;
  const found = await ask(`api/queue?${query()}&limit=${PAGE}&after=${encodeURIComponent(order[order.length - 1])}`);
  if (mine === asked) add(found.pictures);
}

function query() {
  const given = new URLSearchParams();
  for (const [name, value] of new FormData(byId("queue-filters"))) {
    if (value === "") continue;
    if (name === "robot") value.split("/").forEach((part, at) => given.set(at ? "robot" : "site", part));
    else given.set(name, value);
  }
  return given;
}

function fillRobots() {
  fill("robot", [...known.robots.values()].map((robot) => [robotKey(robot), robotWord(robot)]));
}

function fillReasons(counts) {
  const others = Object.keys(counts).filter((reason) => !ORDER.includes(reason));
  const reasons = [...ORDER.slice(0, -1), ...others, "none"];
  fill("reason", reasons.filter((reason) => counts[reason]).map((reason) => [reason, `${reasonWord(reason)} (${count(counts[reason])})`]));
}

function fill(name, pairs) {
  const select = byId("queue-filters").elements[name];
  const kept = select.value;
  if (kept && !pairs.some(([value]) => value === kept)) pairs.push([kept, `${name === "reason" ? reasonWord(kept) : kept} (0)`]);
  select.replaceChildren(el("option", { value: "" }, "any"), ...pairs.map(([value, words]) => el("option", { value }, words)));
  select.value = kept;
}

function add(pictures) {
  const fresh = pictures.filter(({ id }) => !order.includes(id));
  order.push(...fresh.map(({ id }) => id));
  for (const one of fresh) sources.set(one.id, pictureAddress(one, one.evidence_sha256));
  byId("queue").append(...fresh.map(card));
  byId("queue-more").hidden = pictures.length < PAGE;
  mark();
}

function choose(id) {
  chosen = id;
  mark();
  byId("queue").querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
  openVerdict(id);
  const following = sources.get(order[order.indexOf(id) + 1]);
  if (following) new Image().src = following; // it is there when its turn comes
}

function rememberedOrder() {
  try { return localStorage.getItem(KEPT_ORDER) ?? "teaching"; } catch { return "teaching"; }
}

function rememberOrder(value) {
  try { localStorage.setItem(KEPT_ORDER, value); } catch { /* storage is switched off */ }
}

function mark() {
  for (const node of byId("queue").querySelectorAll(".queued")) node.setAttribute("aria-current", String(node.dataset.id === chosen));
}

function card(one) {
  const words = verdictWords(one);
  return el("li", {}, el("button", { class: "plain queued", data: { id: one.id }, title: one.id, onclick: () => choose(one.id) },
    shot({ site: one.site, robot: one.robot, best_evidence_sha256: one.evidence_sha256 }, `Evidence of ${words}`),
    el("span", { class: "head" }, glyph(one.outcome, one.severity), " ", el("b", {}, words)),
    el("span", { class: "reasons" }, reasonTags(one)),
    el("span", { class: "sub" }, [robotWord(one), one.distance_m === null ? null : metres(one.distance_m), dateTime(one.observed_at)].filter(Boolean).join(" · "))));
}

/** Why a picture was kept, as tags; what is known of the reason in numbers. */
export function reasonTags({ evidence_reasons: reasons, margin, shadow }) {
  if (!reasons.length) return [el("span", { class: "tag", title: "Its robot's version does not tell" }, reasonWord("none"))];
  return reasons.map((reason) => {
    const detail = reason === "low_margin" ? ` ${percent(margin, 1)}` : reason === "shadow" && shadow ? `: ${shadow.differs.join(", ")}` : "";
    return el("span", { class: `tag${["shadow", "uncertain", "low_margin"].includes(reason) ? " warn" : ""}` }, reasonWord(reason), detail);
  });
}

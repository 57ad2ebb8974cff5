// The drawings of assets: what was found where on them, where the robots are, and beside them what has no place.
import { agree } from "../dialog.js";
import { openFinding } from "../detail/drawer.js";
import { byId, el, keyed, setText, svg } from "../dom.js";
import { ask, known, on, robotWord } from "../store.js";
import { glyph, metres, moment, place, tone } from "../words.js";
import { go, shownView, whenShown } from "../views.js";
import { locate } from "./placement.js";
import { makePlacing } from "./placing.js";

const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const MARK_PX = 11; // on the screen
const FRESH_MS = 4000;
const PAST = ["repaired", "not_a_defect"]; // drawn as a ring

const page = { drawings: [], key: null, shown: null, zoom: 1, placing: null, timer: null, loading: false };
const node = {};

const keyOf = ({ site, asset }) => `${site}/${asset}`;
const query = ({ site, asset }, more = {}) => new URLSearchParams({ site, asset, ...more });

/** Make the view's parts once. */
export function makeDrawings() {
  node.choice = el("select", { "aria-label": "Drawing of", onchange: () => { page.key = node.choice.value; load(true); } });
  node.tools = el("div", { class: "buttons" });
  node.zooms = el("div", { class: "choice", role: "group", "aria-label": "Zoom" }, el("button", { type: "button", "aria-label": "Smaller", onclick: () => zoomBy(-1) }, "−"), el("button", { type: "button", "aria-label": "All of it", onclick: () => setZoom(1) }, "All"), el("button", { type: "button", "aria-label": "Larger", onclick: () => zoomBy(1) }, "+"));
  node.said = el("p", { class: "quiet", role: "status" });
  node.drawing = svg("svg", { class: "drawing", role: "img", "aria-label": "The drawing" });
  node.stage = el("div", { class: "board", tabindex: "0", role: "region", "aria-label": "The drawing, to scroll" }, node.drawing);
  node.placing = el("div", { class: "placing", hidden: true });
  node.placed = el("ol", { class: "marks" });
  node.robots = el("ul", { class: "marks" });
  node.unplaced = el("ol", { class: "marks" });
  node.facts = el("p", { class: "quiet" });
  node.lists = el("div", { class: "panel beside" }, list("On the drawing", node.placed), list("Robots", node.robots), list("Without a place on it", node.unplaced), node.facts);
  node.body = el("div", { class: "sheet" }, el("div", { class: "panel" }, node.stage, node.placing), node.lists);
  node.empty = el("p", { class: "panel empty-note" });
  byId("view-drawings").append(el("header", { class: "panel head" }, el("h2", {}, "Drawings"), node.choice, node.zooms, node.tools, node.said), node.empty, node.body);
  new ResizeObserver(() => draw()).observe(node.stage);
  whenShown("drawings", (given) => { if (given?.asset) page.key = keyOf(given); load(true); });
  on("findings", soon);
  on("defects", soon);
  on("verdicts", () => { if (shownView() === "drawings") drawRobots(); });
}

function list(title, items) {
  return el("section", { "aria-label": title }, el("h3", {}, title), items);
}

function soon() {
  if (shownView() === "drawings") page.timer ??= setTimeout(() => { page.timer = null; load(); }, FRESH_MS);
}

async function load(all = false) {
  if (page.loading && !all) return;
  page.loading = true;
  try {
    if (all) {
      page.drawings = (await ask("api/drawings")).drawings;
      if (!page.drawings.some((one) => keyOf(one) === page.key)) page.key = page.drawings.length ? keyOf(page.drawings[0]) : null;
      node.choice.replaceChildren(...page.drawings.map((one) => el("option", { value: keyOf(one), selected: keyOf(one) === page.key }, `${one.asset} (${one.site})`)));
    }
    const chosen = page.drawings.find((one) => keyOf(one) === page.key);
    page.shown = chosen ? await ask(`api/drawing?${query(chosen)}`) : null;
    draw();
  } catch (problem) {
    setText(node.said, problem.message);
  } finally {
    page.loading = false;
  }
}

function draw() {
  const found = page.shown;
  node.body.hidden = node.choice.hidden = node.zooms.hidden = !found;
  node.empty.hidden = Boolean(found);
  drawTools();
  if (!found) {
    node.empty.replaceChildren(`No asset has a drawing yet. ${known.can?.place ? "Upload a PNG of a pipe, a hull or a deck, and say where on it the metres lie" : "An operator can upload a PNG"}; or name one in the control room's file, `, el("code", {}, "[drawings] files"), ".");
    return;
  }
  const { width_px: width, height_px: height, sha256 } = found.drawing;
  const fit = Math.max(120, node.stage.clientWidth - 2);
  const wide = Math.round(fit * page.zoom);
  const scale = width / wide; // pixels of the drawing for one of the screen
  const address = `api/drawing.png?${query(found.drawing, { sha256 })}`;
  node.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  node.drawing.setAttribute("width", wide);
  node.drawing.setAttribute("height", Math.round(wide * height / width));
  if (node.drawing.dataset.sha256 !== sha256 || !node.drawing.firstChild) {
    node.drawing.dataset.sha256 = sha256;
    node.marks = svg("g", {});
    node.here = svg("g", { class: "here" });
    node.draft = svg("g", { class: "draft" });
    node.drawing.replaceChildren(svg("image", { href: address, width, height }), node.marks, node.here, node.draft);
  }
  const marks = page.placing ? [] : found.marks;
  node.marks.replaceChildren(...marks.flatMap((mark) => drawMark(mark, scale)));
  node.drawing.setAttribute("aria-label", `Drawing of ${found.drawing.asset}: ${found.marks.length} on it, ${found.unplaced.length} without a place. The list beside it names all of them.`);
  drawLists(found);
  drawRobots();
  page.placing?.draw(node.draft, scale);
}

function drawMark(mark, scale) {
  const [x, y] = mark.at;
  const kind = `mark tone-${tone("corroded", mark.severity)}${PAST.includes(mark.state) ? " past" : ""}`;
  const line = mark.line.length > 1 ? [svg("polyline", { class: `${kind} reach`, points: mark.line.map((spot) => spot.join(",")).join(" "), "stroke-width": 9 * scale })] : [];
  const group = svg("g", { class: kind }, svg("title", {}, wordsOf(mark)), svg("circle", { cx: x, cy: y, r: MARK_PX * scale, "stroke-width": 2 * scale }), svg("text", { x, y: y + 4 * scale, "font-size": 11 * scale, "text-anchor": "middle" }, mark.label));
  group.addEventListener("click", () => open(mark));
  return [...line, group];
}

function wordsOf(mark) {
  return [mark.label, mark.name, mark.kind === "defect" ? mark.state.replaceAll("_", " ") : "", mark.severity ?? "no severity", mark.form ?? "corrosion", mark.material].filter(Boolean).join(" · ");
}

function open(mark) {
  if (mark.kind === "defect") go("defects", { key: mark.key });
  else openFinding(mark.site, mark.id);
}

function drawLists(found) {
  const keyOfMark = (mark) => `${mark.kind}/${mark.site}/${mark.id ?? mark.key}`;
  const fill = (parent, marks, isPlaced) => {
    parent.querySelector(".none")?.remove();
    keyed(parent, marks, keyOfMark, () => el("li", {}), (item, mark) => {
      const told = JSON.stringify(mark);
      if (item.dataset.told === told) return;
      item.dataset.told = told;
      item.replaceChildren(el("button", { class: "mark-row", type: "button", onclick: () => open(mark) }, glyph("corroded", mark.severity), el("span", {}, el("b", {}, wordsOf(mark)), el("span", { class: "quiet" }, place(mark), ", ", moment(mark.seen_at)), isPlaced ? "" : el("span", { class: "why" }, mark.why))));
    });
    if (!marks.length) parent.append(el("li", { class: "none quiet" }, isPlaced ? "Nothing found here yet." : "Nothing: everything that was found is on the drawing."));
  };
  fill(node.placed, found.marks, true);
  fill(node.unplaced, found.unplaced, false);
  const { added_by: addedBy, added_at: addedAt, placed_by: placedBy, placed_at: placedAt } = found.drawing;
  node.facts.replaceChildren("Uploaded by ", addedBy || "somebody", ", ", moment(addedAt), placedAt ? el("span", {}, "; placed by ", placedBy || "somebody", ", ", moment(placedAt)) : "; not placed yet", ".");
}

function drawRobots() {
  const found = page.shown;
  if (!found || !node.here) return;
  const { site, asset, placement, width_px: width, height_px: height } = found.drawing;
  const scale = width / Math.max(1, node.drawing.clientWidth);
  const robots = [...known.latest.values()].filter((verdict) => verdict.site === site && verdict.asset === asset).map((verdict) => ({ verdict, at: locate(placement, verdict) }));
  const inside = ({ at }) => at && at[0] >= 0 && at[1] >= 0 && at[0] <= width && at[1] <= height;
  node.here.replaceChildren(...robots.filter(inside).map(({ verdict, at: [x, y] }) => svg("g", { transform: `translate(${x} ${y}) scale(${scale})` }, svg("title", {}, robotWord(verdict)), svg("path", { d: "M0 0l-9 -18h18z" }), svg("text", { y: -23, "text-anchor": "middle", "font-size": 12 }, robotWord(verdict)))));
  keyed(node.robots, robots, ({ verdict }) => `${verdict.site}/${verdict.robot}`, () => el("li", {}), (item, robot) => setText(item, `${robotWord(robot.verdict)}: ${whereIs(robot.verdict)}${inside(robot) ? "" : ", not on the drawing"}`));
  if (!robots.length) node.robots.replaceChildren(el("li", { class: "quiet" }, "No robot has been heard on this asset since the page was opened."));
}

const whereIs = (verdict) => (verdict.distance_m === null ? place(verdict) : `at ${metres(verdict.distance_m)}`);

function zoomBy(step) {
  setZoom(ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, ZOOMS.indexOf(page.zoom) + step))]);
}

/** Draw larger or smaller around the middle of what is seen. */
function setZoom(zoom) {
  const { stage } = node;
  const middle = [stage.scrollLeft + stage.clientWidth / 2, stage.scrollTop + stage.clientHeight / 2].map((at) => at * zoom / page.zoom);
  page.zoom = zoom;
  draw();
  stage.scrollTo(middle[0] - stage.clientWidth / 2, middle[1] - stage.clientHeight / 2);
}

function drawTools() {
  const mayChange = Boolean(known.can?.place);
  const tools = !mayChange || page.placing ? [] : [["Upload …", upload], ...(page.shown ? [["Place …", startPlacing], ["Remove …", remove]] : [])];
  const told = tools.map(([label]) => label).join();
  if (node.tools.dataset.told === told) return;
  node.tools.dataset.told = told;
  node.tools.replaceChildren(...tools.map(([label, act]) => el("button", { class: "plain", type: "button", onclick: act }, label)));
}

function knownAssets() {
  const found = new Map();
  for (const of of [...known.latest.values(), ...[...known.findings.values()].map(({ finding }) => finding)]) if (of.asset) found.set(keyOf(of), of);
  return [...found.values()].map(({ site, asset }) => ({ site, asset }));
}

async function upload() {
  const assets = knownAssets();
  const options = (id, values) => el("datalist", { id }, [...new Set(values)].map((value) => el("option", { value })));
  const { site: atSite, asset: atAsset } = page.shown?.drawing ?? assets[0] ?? {};
  const site = el("input", { required: true, maxlength: 64, list: "drawing-sites", value: atSite ?? "" });
  const asset = el("input", { required: true, maxlength: 200, list: "drawing-assets", value: atAsset ?? "" });
  const file = el("input", { type: "file", accept: "image/png,.png" });
  const form = el("div", { class: "fields" }, el("label", {}, "Site ", site), el("label", {}, "Asset, as the robots name it ", asset), el("label", {}, "PNG, at most 16 MB ", file), options("drawing-sites", assets.map((one) => one.site)), options("drawing-assets", assets.map((one) => one.asset)));
  const isReady = () => (!site.value || !asset.value ? "Name the site and the asset." : file.files.length ? true : "Choose a PNG file.");
  if (!await agree("Upload a drawing", "It replaces the drawing that the asset has. The placement stays if both have the same size.", "Upload", [form], isReady)) return;
  const wanted = { site: site.value.trim(), asset: asset.value.trim() };
  await change(`api/drawing.png?${query(wanted)}`, { method: "POST", headers: { "Content-Type": "image/png" }, body: file.files[0] }, "uploaded", wanted);
}

async function remove() {
  const { drawing } = page.shown;
  if (await agree(`Remove the drawing of ${drawing.asset}?`, "Its placement is removed too. What was found on the asset stays.", "Remove it")) await change(`api/drawing?${query(drawing)}`, { method: "DELETE" }, "removed", drawing);
}

async function change(address, options, did, wanted) {
  setText(node.said, "…");
  try {
    await ask(address, options);
    page.key = keyOf(wanted);
    setText(node.said, `The drawing of ${wanted.asset} is ${did}.`);
    await load(true);
    return true;
  } catch (problem) {
    setText(node.said, problem.message);
    return false;
  }
}

function startPlacing() {
  const { drawing } = page.shown;
  const end = () => {
    page.placing = null;
    node.placing.hidden = true;
    node.draft.replaceChildren();
    draw();
  };
  page.placing = makePlacing(drawing, node.placing, {
    changed: draw,
    cancel: end,
    save: async (placement) => {
      const body = JSON.stringify({ sha256: drawing.sha256, placement });
      if (await change(`api/drawing/placement?${query(drawing)}`, { method: "POST", headers: { "Content-Type": "application/json" }, body }, "placed", drawing)) end();
      else setText(node.placing.querySelector("[role=status]"), node.said.textContent);
    },
  });
  node.placing.hidden = false;
  draw();
}

/** A click on the drawing while it is placed is a point of it. */
function point(event) {
  if (!page.placing) return;
  const box = node.drawing.getBoundingClientRect();
  const { width_px: width, height_px: height } = page.shown.drawing;
  page.placing.add(Math.round((event.clientX - box.left) * width / box.width), Math.round((event.clientY - box.top) * height / box.height));
}

makeDrawings();
node.drawing.addEventListener("click", point);

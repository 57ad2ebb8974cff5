// The picture of a finding or verdict: plain and with its outline, zoomed and moved together, whole on demand.
import { el } from "../dom.js";
import { pictureAddress } from "../live/findings.js";
import { ask, known } from "../store.js";
import { outlinePath } from "./outline.js";
import { makeZoom } from "./zoom.js";

const MODE = "picture-mode";
const MODES = ["both", "outlined", "plain"];
const LABELS = { both: "Side by side", outlined: "Outlined", plain: "Plain" };

/**
 * Make the figure of a picture; `seen(sha256)` is called when it is to be seen, and with null when it is not.
 * The figure stays as it is when news of its finding or verdict come.
 */
export function makePicture(of, sha256, alternative, seen) {
  if (!sha256) return { node: el("p", { class: "quiet" }, "No picture was kept of it."), say: () => {}, act: () => false };
  const address = pictureAddress(of, sha256);
  const waiting = el("p", {}, "The picture has not come yet.");
  const plain = el("img", { src: address, alt: alternative, hidden: true, draggable: "false", data: { sha256, address } });
  const twin = el("img", { alt: "", hidden: true, draggable: "false" });
  const outline = el("span", { class: "outline", "aria-hidden": "true" });
  const panes = el("div", { class: "panes" }, el("div", { class: "pane plain-pane" }, el("div", { class: "stage" }, plain)), el("div", { class: "pane outlined-pane" }, el("div", { class: "stage" }, twin, outline)));
  const viewport = el("div", { class: "picture", tabindex: "0", role: "group", "aria-label": "Picture: + and - zoom, arrows move, 0 shows all" }, panes, waiting);
  const zoom = makeZoom(viewport, [...panes.querySelectorAll(".stage")]);
  const modes = el("button", { class: "plain", id: "map-toggle", type: "button", hidden: true, "aria-keyshortcuts": "m", title: "Plain, outlined, or both (m)" });
  const whole = el("button", { class: "plain", id: "whole", type: "button", hidden: true, "aria-keyshortcuts": "f", title: "Ask the robot for the full picture of its camera (f)" }, "Get the full picture ", el("kbd", { "aria-hidden": "true" }, "f"));
  const size = el("span", { class: "size" });
  const told = el("span", { class: "told", role: "status" });
  const shows = el("span", { class: "shows" });

  const setMode = (mode) => {
    panes.dataset.mode = mode;
    modes.replaceChildren(LABELS[mode], " ", el("kbd", { "aria-hidden": "true" }, "m"));
  };
  const nextMode = () => {
    const mode = MODES[(MODES.indexOf(panes.dataset.mode) + 1) % MODES.length];
    remember(mode);
    setMode(mode);
  };
  modes.addEventListener("click", nextMode);
  whole.addEventListener("click", async () => {
    whole.disabled = true;
    told.textContent = "Asking the robot …";
    try {
      const { said } = await ask(`${address.split("?")[0]}/ask`, { method: "POST" });
      told.textContent = `The robot says: ${said}. The picture comes when its link allows.`;
    } catch (problem) {
      told.textContent = problem.message;
      whole.disabled = false;
    }
  });
  plain.addEventListener("error", () => {
    plain.hidden = twin.hidden = true;
    waiting.hidden = false;
    whole.hidden = !known.can?.command;
    seen(null);
  });
  plain.addEventListener("load", async () => {
    plain.hidden = twin.hidden = false;
    waiting.hidden = true;
    twin.src = plain.src;
    panes.style.setProperty("--ratio", `${plain.naturalWidth} / ${plain.naturalHeight}`);
    size.textContent = `${plain.naturalWidth} × ${plain.naturalHeight} pixels`;
    seen(sha256);
    const marking = await ask(address.replace("api/pictures/", "api/markings/")).catch(() => null);
    if (marking?.corroded) {
      outline.replaceChildren(outlinePath(marking));
      modes.hidden = false;
      setMode(remembered());
      whole.hidden = true;
      told.textContent = "";
    } else {
      size.textContent += ": a thumbnail; the robot drew the violet outline";
      panes.dataset.mode = "plain";
      whole.hidden = !known.can?.command;
    }
  });
  panes.dataset.mode = "plain";
  const caption = el("figcaption", {}, shows, modes, whole, size, el("a", { href: address.split("?")[0], target: "_blank", rel: "noopener" }, "open alone"), told);
  const acts = { m: () => !modes.hidden && nextMode(), f: () => !whole.hidden && !whole.disabled && whole.click(), ...zoom.keys };
  return {
    node: el("figure", {}, viewport, caption),
    say: (words) => { shows.replaceChildren(...[words].flat()); },
    act: (key) => { acts[key]?.(); return key in acts; },
  };
}

function remembered() {
  try { return MODES.find((mode) => mode === localStorage.getItem(MODE)) ?? defaultMode(); } catch { return defaultMode(); }
}

const defaultMode = () => (matchMedia("(max-width: 560px)").matches ? "outlined" : "both");

function remember(mode) {
  try { localStorage.setItem(MODE, mode); } catch { /* storage is switched off */ }
}

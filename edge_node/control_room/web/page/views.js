// The views of the page: a tab and a section each in index.html. Whoever fills a view says so here; nothing else
// knows which views there are.
import { byId } from "./dom.js";

const fillers = new Map(); // name of a view -> functions that fill it
let shown = null;

/**
 * Call `fill(given, isAgain)` each time the view is shown, and again every few seconds where its figures grow old;
 * `given` is what another view hands over, or null.
 */
export function whenShown(view, fill) {
  fillers.set(view, [...(fillers.get(view) ?? []), fill]);
}

/** The name of the view that is shown. */
export const shownView = () => shown;

/** The tabs, in their order. */
export const tabs = () => [...document.querySelectorAll("nav .tab")];

/** The key that leads to a tab's view; "" without. */
export const keyOf = (tab) => tab.getAttribute("aria-keyshortcuts") ?? "";

/** Whether a view is on offer: its tab is there and not hidden. */
export const hasView = (name) => tabs().some((tab) => tab.dataset.view === name && !tab.hidden);

/** Show a view; another name than one of a tab shows the first. */
export function go(name, given = null) {
  const view = hasView(name) ? name : tabs()[0].dataset.view;
  shown = view;
  for (const tab of tabs()) {
    const isShown = tab.dataset.view === view;
    byId(`view-${tab.dataset.view}`).hidden = !isShown;
    if (isShown) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (location.hash !== `#${view}`) history.replaceState(null, "", `#${view}`);
  for (const fill of fillers.get(view) ?? []) fill(given, false);
}

/** Bring the view that is shown up to date. */
export function refill() {
  for (const fill of fillers.get(shown) ?? []) fill(null, true);
}

/** Let the tabs and the address lead to their views; returns what each key of a tab does. */
export function makeTabs() {
  for (const tab of tabs()) tab.addEventListener("click", () => go(tab.dataset.view));
  window.addEventListener("hashchange", () => { if (location.hash.slice(1) !== shown) go(location.hash.slice(1)); });
  return Object.fromEntries(tabs().filter(keyOf).map((tab) => [keyOf(tab), () => go(tab.dataset.view)]));
}

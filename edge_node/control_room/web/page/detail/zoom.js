// Zoom and move pictures together: wheel, keys, drag, and two fingers.

const MOST = 12;
const STEP = 1.4;
const MOVE = 0.12; // of the pane, by an arrow

/** Let `viewport` zoom and move `stages`; returns what the keys do that work without its focus. */
export function makeZoom(viewport, stages) {
  const view = { zoom: 1, x: 0, y: 0 }; // x and y: of the pane's size, at its left and upper edge
  const fingers = new Map();

  const show = () => {
    const least = 1 - view.zoom;
    view.x = Math.min(0, Math.max(least, view.x));
    view.y = Math.min(0, Math.max(least, view.y));
    for (const stage of stages) stage.style.setProperty("transform", `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.zoom})`);
    viewport.dataset.zoomed = String(view.zoom > 1);
  };
  const zoomBy = (factor, [x, y] = [0.5, 0.5]) => {
    const zoom = Math.min(MOST, Math.max(1, view.zoom * factor));
    view.x = x - (x - view.x) * (zoom / view.zoom);
    view.y = y - (y - view.y) * (zoom / view.zoom);
    view.zoom = zoom;
    show();
  };
  const moveBy = (x, y) => { view.x += x; view.y += y; show(); };
  const reset = () => { Object.assign(view, { zoom: 1, x: 0, y: 0 }); show(); };
  const paneAt = ({ clientX }) => stages.map((stage) => stage.parentElement.getBoundingClientRect()).find((box) => box.width > 0 && clientX >= box.left && clientX <= box.right) ?? viewport.getBoundingClientRect();
  const place = (event, pane = paneAt(event)) => [(event.clientX - pane.left) / pane.width, (event.clientY - pane.top) / pane.height];

  viewport.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-Math.sign(event.deltaY) * Math.min(0.5, Math.abs(event.deltaY) / 300)), place(event));
  }, { passive: false });
  viewport.addEventListener("dblclick", (event) => (view.zoom > 1 ? reset() : zoomBy(2.5, place(event))));
  viewport.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    const pane = paneAt(event);
    fingers.set(event.pointerId, { pane, at: place(event, pane) });
    if (view.zoom > 1 || fingers.size > 1) viewport.setPointerCapture(event.pointerId);
  });
  viewport.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const before = finger.at;
    const now = place(event, finger.pane);
    if (fingers.size === 1) moveBy(now[0] - before[0], now[1] - before[1]);
    else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1].at;
      const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      if (distance(before) > 0.01) zoomBy(distance(now) / distance(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    }
    finger.at = now;
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) viewport.addEventListener(end, (event) => fingers.delete(event.pointerId));
  viewport.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [MOVE, 0], ArrowRight: [-MOVE, 0], ArrowUp: [0, MOVE], ArrowDown: [0, -MOVE] };
    if (!moves[event.key] || view.zoom === 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    moveBy(...moves[event.key]);
  });
  show();
  return { keys: { "+": () => zoomBy(STEP), "=": () => zoomBy(STEP), "-": () => zoomBy(1 / STEP), 0: reset } };
}

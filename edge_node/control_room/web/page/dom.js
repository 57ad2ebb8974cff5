// Elements from values. Text is always text: nothing a robot sends is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Return an HTML element; `on...` are listeners, `data` goes to data-*, children are nodes or text. */
export function el(name, given = {}, ...children) {
  return filled(document.createElement(name), given, children);
}

/** Return an SVG element. */
export function svg(name, given = {}, ...children) {
  return filled(document.createElementNS(SVG, name), given, children);
}

export const byId = (id) => document.getElementById(id);

/** Set a text only if it is another: screen readers and the layout are left alone otherwise. */
export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

/**
 * Make the children of `parent` those of `items`, reusing the node of each key, so that focus, scrolling and
 * pictures stay. `make(item)` returns a node, `update(node, item)` brings it up to date.
 */
export function keyed(parent, items, keyOf, make, update) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = known.get(key);
    if (node) known.delete(key);
    else {
      node = make(item);
      node.dataset.key = key;
    }
    update(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  for (const node of known.values()) node.remove();
}

function filled(node, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "style") for (const [key, set] of Object.entries(value)) node.style.setProperty(key, set);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// Tables that fit a phone: below 760 px each row is a card, and each cell has the name of its column before it.

/** Name the cells of all tables within `parent` after their columns, now and whenever rows come. */
export function nameCells(parent) {
  new MutationObserver((changes) => {
    for (const table of new Set(changes.map(({ target }) => target.closest("table")))) if (table) nameCellsOf(table);
  }).observe(parent, { childList: true, subtree: true });
  for (const table of parent.querySelectorAll("table")) nameCellsOf(table);
}

function nameCellsOf(table) {
  const names = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent);
  for (const body of table.tBodies) {
    for (const row of body.rows) [...row.cells].forEach((cell, at) => { if (cell.dataset.name !== names[at]) cell.dataset.name = names[at] ?? ""; });
  }
}

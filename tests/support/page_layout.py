"""What a person would see cut or out of the way on a page that a browser shows."""

from __future__ import annotations

from typing import Any

_CUT = """() => {
  const cut = [];
  for (const node of document.querySelectorAll("body *")) {
    if (!node.checkVisibility() || node.closest(".sr, .skip, svg, select") || !node.textContent.trim()) continue;
    const style = getComputedStyle(node);
    const hides = [style.overflowX, style.textOverflow].some((value) => ["hidden", "clip", "ellipsis"].includes(value));
    const wide = node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 1 && style.display !== "inline";
    const tall = style.overflowY === "hidden" && node.scrollHeight > node.clientHeight + 1 && node.clientHeight > 1;
    const scrolls = ["auto", "scroll"].includes(style.overflowX);
    if ((wide && (hides || scrolls)) || tall) cut.push(`${node.id || node.className || node.tagName}: ${node.textContent.trim().slice(0, 60)}`);
  }
  return cut;
}"""  # noqa: E501


def cut_texts(page: Any) -> list[str]:
    """Return the elements whose text is cut, or reached by scrolling sideways alone."""
    found: list[str] = page.evaluate(_CUT)
    return found


def scrolls_sideways(page: Any) -> bool:
    """Tell whether the document is wider than the window."""
    wider: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"
    )
    return wider

"""Fill blocks of a page with what is made from the code; the text around them is written by hand.

A block stands between ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``, each on a line of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = re.compile(r"(?ms)^<!-- generated: (\S+) -->\n.*?^<!-- end of \1 -->$")


def fill_blocks(page: str, contents: Mapping[str, str]) -> str:
    """Return ``page`` with the content of each block.

    Raises:
        ValueError: a block has no content, or a content no block.
    """
    named = _BLOCK.findall(page)
    if sorted(named) != sorted(contents):
        raise ValueError(f"blocks {sorted(named)}, contents {sorted(contents)}")
    return _BLOCK.sub(lambda found: _block(found[1], contents[found[1]]), page)


def _block(name: str, content: str) -> str:
    return f"<!-- generated: {name} -->\n\n{content.strip()}\n\n<!-- end of {name} -->"

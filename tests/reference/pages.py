"""List the generated pages, with what makes each of their blocks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.reference.blocks import fill_blocks
from tests.reference.configuration import describe_cascade, describe_node, describe_recipe, describe_room
from tests.reference.messages import (
    PAYLOAD_PAGES,
    describe_commands,
    describe_payloads,
    describe_topics,
    describe_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PAGES: dict[str, dict[str, Callable[[], str]]] = {
    ".readme/configuration/node.md": {"sections": describe_node},
    ".readme/configuration/control-room.md": {"sections": describe_room},
    ".readme/configuration/recipe.md": {"tables": describe_recipe},
    ".readme/configuration/cascade.md": {"tables": describe_cascade},
    ".readme/messages/topics.md": {"topics": describe_topics, "words": describe_words},
    ".readme/messages/commands.md": {"commands": describe_commands},
    **{f".readme/messages/{page}": {"payloads": partial(describe_payloads, page)} for page in PAYLOAD_PAGES},
}


def render_page(page: str) -> str:
    """Return a page as it would be written: its own text, and its blocks from the code."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return fill_blocks(text, {name: make() for name, make in PAGES[page].items()})

"""The pages of reference say what the code says: configuration, messages, commands."""

from __future__ import annotations

import json

import jsonschema
import pytest

from edge_node.integrations.message_schema import channels, schemas
from edge_node.messages.command import COMMANDS
from edge_node.messages.field_texts import list_choices, list_structs, read_choices, read_field_texts
from edge_node.messages.receipt import Receipt
from edge_node.messages.verdict import encode
from tests.reference.blocks import fill_blocks
from tests.reference.configuration import describe_recipe
from tests.reference.examples import EXAMPLES
from tests.reference.pages import PAGES, ROOT, render_page

_MOST_LINES = 300


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_what_the_code_says(page: str) -> None:
    """``python -m tests.reference`` writes them anew; they stay short enough to read."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == render_page(page), "run: python -m tests.reference"
    assert len(text.splitlines()) <= _MOST_LINES


@pytest.mark.parametrize("name", schemas())
def test_an_example_fits_the_published_schema(name: str) -> None:
    """Each payload of the pages is one that a reader with the schema takes."""
    document = json.loads(encode(EXAMPLES[name]))
    jsonschema.Draft202012Validator(schemas()[name]).validate(document)


def test_every_field_of_a_message_says_what_it_means() -> None:
    """Pages and schemas have a text for each field of each message, and for each value of a word."""
    messages = [channel.message for channel in channels() if channel.message is not None]
    silent = [
        f"{kind.__name__}.{field}"
        for kind in list_structs([*messages, Receipt])
        for texts in [read_field_texts(kind)]
        for field in kind.__struct_encode_fields__
        if not texts.get(field)
    ]
    silent += [
        f"{kind.__name__}.{value}"
        for kind in list_choices(messages)
        for value, text in read_choices(kind).items()
        if not text
    ]
    assert silent == []


def test_every_key_has_a_row_and_every_verb_an_example() -> None:
    """What is added to a section or a recipe is in its page by itself; so is a new command."""
    recipe = describe_recipe()
    for key in ("`root`", "`labels`", "`steps`", "`style_mixing`"):
        assert recipe.count(f"| {key} |") == 1
    assert {f"command_{verb.value}" for verb in COMMANDS} <= EXAMPLES.keys()


def test_text_by_hand_stays_and_a_block_without_content_is_told() -> None:
    """A page keeps what stands around its blocks; a misspelt block does not stay empty in silence."""
    page = "by hand\n\n<!-- generated: a -->\nold\n<!-- end of a -->\n\nby hand too\n"
    filled = fill_blocks(page, {"a": "new"})
    assert filled == "by hand\n\n<!-- generated: a -->\n\nnew\n\n<!-- end of a -->\n\nby hand too\n"
    assert fill_blocks(filled, {"a": "new"}) == filled
    with pytest.raises(ValueError, match="blocks"):
        fill_blocks(page, {"b": "new"})

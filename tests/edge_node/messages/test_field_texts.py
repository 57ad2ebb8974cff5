"""What fields mean, read from docstrings and types."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from edge_node.messages.field_texts import (
    list_choices,
    list_structs,
    read_choices,
    read_field_texts,
    read_summary,
)


class Colour(str, Enum):
    """A colour.

    Attributes:
        RED: of rust.
    """

    RED = "red"
    BLUE = "blue"


class Part(msgspec.Struct):
    """A part."""

    number: Annotated[int, msgspec.Meta(description="of the part")] = 0


class Whole(msgspec.Struct, rename={"long_name": "name"}):
    """A whole.

    It has parts,
    in two lines.

    Attributes:
        long_name: what it is called,
            in one line.
        parts: of ``Part``.
    """

    long_name: str
    parts: tuple[Part, ...] = ()
    colours: dict[str, Colour | None] = {}
    size: Annotated[int, msgspec.Meta(ge=1, description="in pixels")] | None = None


class More(Whole):
    """A whole with more.

    Attributes:
        size: in tiles.
    """


def test_texts_come_from_docstrings_and_types() -> None:
    """A text may take two lines; a class has the texts of those that it is made from; the docstring wins."""
    assert read_field_texts(Whole) == {
        "name": "what it is called, in one line.",
        "parts": "of ``Part``.",
        "size": "in pixels",
    }
    assert read_field_texts(More)["size"] == "in tiles."
    assert read_field_texts(More)["parts"] == "of ``Part``."
    assert read_field_texts(Part) == {"number": "of the part"}


def test_a_summary_ends_before_the_attributes() -> None:
    """Paragraphs stay apart, lines do not."""
    assert read_summary(Whole) == "A whole.\n\nIt has parts, in two lines."
    assert read_summary(Colour) == "A colour."


def test_a_message_is_followed_into_its_parts() -> None:
    """Lists, tables and values that may be absent are looked into; each class is listed once."""
    assert list_structs([Whole, Part]) == [Whole, Part]
    assert list_choices([Whole]) == [Colour]
    assert read_choices(Colour) == {"red": "of rust.", "blue": ""}

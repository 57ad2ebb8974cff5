"""Propose, write and read the file that says what each category of another tool means for the surface.

The proposal is read from the categories' words; what they leave open stands there as ``"?"``, and the import
does not begin before a person has filled it in.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from converter.data.dataset import CORRODED, METAL, OTHER, UNCORRODED
from converter.graphs.label_meanings import derive_meanings, mentions_corrosion, normalise_material
from edge_node.errors import DatasetError
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet
    from edge_node.inference.manifest import Meaning

OPEN, NOTHING = "?", "nothing"
UNKNOWN = "unknown"  # pixels that nobody labelled
TEXT_COLUMNS = ("material", "finish", "severity", "form")
_KEYS = ("corroded", *TEXT_COLUMNS, "metal")
_WITHOUT = "without_corrosion"
_MAX_BYTES = 4 * 1024 * 1024
_SHOWN = 5
_EXPLANATION = (
    '# Check every line, and replace every "?". What says nothing of the surface is "nothing"; pixels that',
    '# nobody labelled (void) are "unknown": they count neither as corroded nor as uncorroded. Keys:',
    "# corroded = true or false; material, finish, severity, form as words; metal = false for no metal.",
    "",
)
_VOID = re.compile(
    r"\b(void|ignored?|unlabell?ed|not labell?ed|unannotated|don't care|unknown)\b", re.IGNORECASE
)
_BARE_TEXT = re.compile(r"[^\x00-\x1f\x7f\"\\]*")


@dataclass(frozen=True, slots=True)
class CategoryMap:
    """What a person confirmed.

    Attributes:
        columns: per category the columns of ``labels.csv`` that it fills; none where it means nothing.
        without_corrosion: what a picture is on which no corrosion is marked: ``UNCORRODED``, ``NOTHING``
            (nobody knows), or ``OPEN`` where the file does not say.
        unknown: categories whose pixels nobody labelled.
    """

    columns: Mapping[str, Mapping[str, str]]
    without_corrosion: str = OPEN
    unknown: frozenset[str] = frozenset()

    def means_corroded(self, category: str) -> bool:
        """Return whether a region of this category corrodes."""
        return self.columns.get(category, {}).get("corroded") == CORRODED


def propose_map(found: ForeignSet, name: str) -> tuple[str, int]:
    """Return the text of a proposal for a data set called ``name``, and how many questions it leaves open."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for picture in found.pictures:
        for region in picture.regions:
            kinds[region.category][region.kind] += 1
    meanings = derive_meanings(found.categories)
    proposed = {
        category: f'"{UNKNOWN}"'
        if _is_void(category, found.categories)
        else _propose(category, meanings.get(category))
        for category in found.categories
    }
    may_corrode = CategoryMap(
        {
            category: {"corroded": CORRODED} if OPEN in value else _columns_of(meanings.get(category))
            for category, value in proposed.items()
        }
    )  # what is open may mean corroded
    lines = [
        f"# What each category of {json.dumps(name, ensure_ascii=False)} ({found.tool}) means.",
        *_EXPLANATION,
        *_ask_without(sum(needs_condition(picture, may_corrode) for picture in found.pictures)),
        "[categories]",
    ]
    for category in found.categories:
        counts = kinds.get(category)
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items()) if counts else "of no picture"
        value = proposed[category] if counts else f'"{NOTHING}"'
        lines.append(f"{_quote(category)} = {value}  # {told}")
    text = "\n".join(lines) + "\n"
    return text, sum(f'"{OPEN}"' in line for line in lines if not line.startswith("#"))


def needs_condition(picture: ForeignPicture, category_map: CategoryMap) -> bool:
    """Return whether nothing that is said of a picture tells whether it corrodes."""
    if "corroded" in picture.known or any(region.kind == "pictures" for region in picture.regions):
        return False
    return not any(category_map.means_corroded(region.category) for region in picture.regions)


def read_category_map(path: Path, categories: tuple[str, ...]) -> CategoryMap:
    """Read what a person confirmed.

    Raises:
        DatasetError: it is no TOML, a category is missing, or questions are left open; all are named.
    """
    try:
        content = msgspec.toml.decode(read_text_file(path, _MAX_BYTES))
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}") from err
    except (msgspec.DecodeError, RecursionError) as err:
        raise DatasetError(f"{path}: no TOML ({err})") from err
    given = content.get("categories")
    if not isinstance(given, dict):
        raise DatasetError(f"{path}: no [categories]; run the import without --map for a proposal")
    problems = list(_find_problems(content, given, categories))
    if problems:
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise DatasetError(f"{path}: {'; '.join(problems[:_SHOWN])}{more}")
    columns = {name: _read_value(value) if isinstance(value, dict) else {} for name, value in given.items()}
    unknown = frozenset(name for name, value in given.items() if value == UNKNOWN)
    return CategoryMap(columns, content.get(_WITHOUT, OPEN), unknown)


def format_map(
    columns: Mapping[str, Mapping[str, str]], without_corrosion: str, *, has_unknown: bool = False
) -> str:
    """Return the text of a map in which nothing is open, as an export writes it beside its categories."""
    lines = [f'{_WITHOUT} = "{without_corrosion}"', "", "[categories]"]
    lines += [f"{_quote(category)} = {_format(found)}" for category, found in columns.items()]
    lines += [f'"{UNKNOWN}" = "{UNKNOWN}"'] if has_unknown else []
    return "\n".join(lines) + "\n"


def _ask_without(count: int) -> list[str]:
    """Return the lines that ask what pictures without a mark of corrosion are; none if there are none."""
    if not count:
        return []
    return [
        f'# {count} pictures have no mark of corrosion: "{UNCORRODED}" if people looked and found none,',
        f'# "{NOTHING}" if nobody knows.',
        f'{_WITHOUT} = "{OPEN}"',
        "",
    ]


def _find_problems(
    content: dict[str, Any], given: dict[str, Any], categories: tuple[str, ...]
) -> Iterator[str]:
    for key in content.keys() - {"categories", _WITHOUT}:
        yield f"unknown key {key!r}, wanted {_WITHOUT} and [categories]"
    without = content.get(_WITHOUT, NOTHING)
    if without not in (UNCORRODED, NOTHING):
        found = f'still "{OPEN}"' if without == OPEN else repr(without)
        yield f'{_WITHOUT} is {found}, wanted "{UNCORRODED}" or "{NOTHING}"'
    for category in categories:
        if category not in given:
            yield f"category {category!r} is missing"
    for category, value in given.items():
        for problem in _find_category_problems(value):
            yield f"category {category!r} {problem}"


def _find_category_problems(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        found = (_find_value_problem(key, inner) for key, inner in value.items())
        yield from (f"says: {problem}" for problem in found if problem)
        if value.get("metal") in (False, OTHER) and {"material", "corroded"} & value.keys():
            yield "says: what is no metal has neither material nor corroded"
        if not value:
            yield f'says nothing; write "{NOTHING}" if that is meant'
    elif value == OPEN:
        yield f'is still "{OPEN}"'
    elif value not in (NOTHING, UNKNOWN):
        yield f'is {value!r}, wanted {{ corroded = true }} and the like, "{NOTHING}" or "{UNKNOWN}"'


def _find_value_problem(key: str, value: Any) -> str | None:
    if key not in _KEYS:
        return f"unknown key {key!r}, wanted {', '.join(_KEYS)}"
    if value == OPEN:
        return f'{key} is still "{OPEN}"'
    if key == "corroded" and not isinstance(value, bool):
        return f"corroded is {value!r}, wanted true or false"
    if key == "metal" and value not in (True, False, METAL, OTHER):
        return f"metal is {value!r}, wanted true or false"
    if key in TEXT_COLUMNS and not (isinstance(value, str) and value.strip()):
        return f"{key} is {value!r}, wanted a word"
    return None


def _read_value(value: Mapping[str, Any]) -> dict[str, str]:
    columns = {key: str(value[key]).strip() for key in TEXT_COLUMNS if key in value}
    if "corroded" in value:
        columns["corroded"] = CORRODED if value["corroded"] else UNCORRODED
    if "metal" in value:
        columns["metal"] = METAL if value["metal"] in (True, METAL) else OTHER
    return columns


def _is_void(category: str, categories: tuple[str, ...]) -> bool:
    """Return whether a category's name says that nobody labelled its pixels.

    255 is what masks of several classes have there; where it is the only value beside 0, it is the class.
    """
    if _VOID.search(category):
        return True
    values = [words[0] for name in categories if (words := name.split()) and words[0].isdecimal()]
    return category.split()[:1] == ["255"] and bool(set(values) - {"0", "255"})


def _propose(category: str, meaning: Meaning | None) -> str:
    """Return the proposed value of a category, with ``"?"`` for what its words leave open."""
    columns = _columns_of(meaning)
    is_graded = {"severity", "form"} & columns.keys() and columns.get("severity") != "none"
    if not columns and not mentions_corrosion(category):
        return f'"{OPEN}"'
    if "corroded" not in columns and (is_graded or mentions_corrosion(category)):
        columns["corroded"] = OPEN
    return _format(columns)


def _columns_of(meaning: Meaning | None) -> dict[str, str]:
    """Return the columns of ``labels.csv`` that a meaning fills."""
    if meaning is None:
        return {}
    found: dict[str, str | None] = {
        "corroded": None if meaning.corroded is None else CORRODED if meaning.corroded else UNCORRODED,
        "material": None if meaning.material is None else normalise_material(meaning.material),
        "severity": meaning.severity,
        "form": meaning.form,
        "metal": None if meaning.metal is None else METAL if meaning.metal else OTHER,
    }
    return {column: value for column, value in found.items() if value is not None}


def _format(columns: Mapping[str, str]) -> str:
    if not columns:
        return f'"{NOTHING}"'
    flags = {CORRODED: "true", UNCORRODED: "false", METAL: "true", OTHER: "false"}
    words = []
    for column, value in columns.items():
        is_flag = column in {"corroded", "metal"}
        words.append(f"{column} = {flags[value] if is_flag and value in flags else _quote(value)}")
    return f"{{ {', '.join(words)} }}"


def _quote(text: str) -> str:
    """Return a text as TOML writes it."""
    if _BARE_TEXT.fullmatch(text):
        return f'"{text}"'
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

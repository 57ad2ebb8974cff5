"""Find what in a data set will hurt a training or its figures: leaks, copies, masks, licences."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import CORRODED, FOLDER_COLUMN, UNCORRODED
from converter.data.licences import is_non_commercial, is_unstated
from converter.data.mask_values import find_corroded
from converter.data.near_duplicates import find_near_duplicates, hash_view
from converter.data.picture_facts import read_facts
from edge_node.camera.picture import decode_picture, read_content
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample

CLASS_COLUMNS = ("corroded", "material", "severity", "form", FOLDER_COLUMN)
LEAST_PICTURES, LEAST_GROUPS = 20, 5  # of a class; of fewer, a split by group leaves none to test on
# An attribute tells the class if it alone is right in so many pictures, and in so much of what is wrong where
# always the most frequent class is said.
_TELLING_SHARE, _TELLING_GAIN = 0.9, 0.6
_LEAST_OF_VALUE = 3  # pictures of one camera; of fewer, all are easily of one class
_SPLITS = re.compile(r"(train(ing)?|val(id(ation)?)?|test(ing)?|dev)[-_]?\d*", re.IGNORECASE)


class Problem(msgspec.Struct, frozen=True):
    """Something that will hurt.

    Attributes:
        kind: a short name for programs.
        count: pictures, groups or classes.
        text: what was found.
        example: one of them.
        advice: what to do.
    """

    kind: str
    count: int
    text: str
    example: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is read of a picture that can be read."""

    sample: Sample
    digest: str
    view_hash: NDArray[np.bool_] = field(repr=False)
    attributes: Mapping[str, str]
    mask_problem: str


def check_samples(
    samples: Sequence[Sample],
    unusable_rows: Sequence[str] = (),
    on_done: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Problem]:
    """Read every picture and mask, and return the problems; none: nothing will hurt.

    Args:
        samples: the data set.
        unusable_rows: what is wrong with rows that gave no sample.
        on_done: called with the number of pictures that were read, and of all.
    """
    seen: list[_Seen] = []
    unreadable: list[str] = []
    for done, sample in enumerate(samples, start=1):
        try:
            seen.append(_look_at(sample))
        except CorrosionError as err:
            unreadable.append(str(err))
        on_done(done, len(samples))
    columns = _choose_columns(samples)
    problems = [
        _list_problem("row", unusable_rows, "rows cannot be used", "correct them in labels.csv"),
        _list_problem(
            "unreadable", unreadable, "pictures cannot be read", "copy them again, or remove their rows"
        ),
        *_find_copies(seen),
        *_find_leaks(seen),
        *_find_telling_attributes(seen, columns),
        *_find_mask_problems(seen),
        *_find_licence_problems(samples),
        *_find_small_classes(samples, columns),
    ]
    return [problem for problem in problems if problem is not None]


def _choose_columns(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return the columns with classes; names of folders count only where they were not read as labels."""
    others = CLASS_COLUMNS[:-1]
    is_read = all(set(sample.labels) & set(others) for sample in samples)
    return others if is_read else CLASS_COLUMNS


def _look_at(sample: Sample) -> _Seen:
    content = read_content(sample.path)
    pixels = decode_picture(content, str(sample.path))
    facts = read_facts(content, pixels)
    sides = sorted(pixels.shape[:2], reverse=True)  # upright or not, it is one camera
    return _Seen(
        sample=sample,
        digest=sample.sha256,
        view_hash=hash_view(pixels),
        attributes={
            "camera": facts.camera,
            "size": f"{sides[0]} x {sides[1]} px",
            "source": sample.source,
        },
        mask_problem=_find_mask_problem(sample, pixels.shape),
    )


def _find_mask_problem(sample: Sample, shape: tuple[int, ...]) -> str:
    if sample.mask is None:
        return ""
    from PIL import Image

    mask = sample.read_mask(shape)
    with Image.open(sample.mask) as picture:
        if picture.size != (shape[1], shape[0]):
            return "other size"
    is_marked = mask is not None and bool(find_corroded(mask).any())
    condition = sample.labels.get("corroded")
    if not is_marked and condition == CORRODED:
        return "empty"
    return "contradicting" if is_marked and condition == UNCORRODED else ""


def _find_copies(seen: Sequence[_Seen]) -> Iterator[Problem | None]:
    by_digest: dict[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        by_digest[one.digest].append(one)
    copies = [found for found in by_digest.values() if len(found) > 1]
    names = [_pair(found[0], found[1]) for found in copies]
    differing = [
        _pair(found[0], found[1])
        for found in copies
        if len({repr(sorted(o.sample.labels.items())) for o in found}) > 1
    ]
    yield _list_problem("copies", names, "pictures are there more than once", "keep one of each")
    yield _list_problem("copies-differ", differing, "copies have different labels", "see which are right")


def _find_leaks(seen: Sequence[_Seen]) -> Iterator[Problem | None]:
    """Find what stands on both sides of a split, so that a test would ask for what was learned by heart."""
    sets: dict[str, dict[str, _Seen]] = defaultdict(dict)
    for one in seen:
        if one.sample.group and _SPLITS.fullmatch(one.sample.set_name):
            sets[one.sample.group].setdefault(one.sample.set_name, one)
    across = [f"{group}: {', '.join(sorted(found))}" for group, found in sets.items() if len(found) > 1]
    yield _list_problem(
        "groups-across-splits",
        across,
        "groups are in several of train, val and test",
        "put each group into one of them, or leave the column set to the converter, which splits by group",
    )
    hashes = np.array([one.view_hash for one in seen])
    pairs = find_near_duplicates(hashes) if seen else ()
    torn = [
        _pair(seen[first], seen[second])
        for first, second in pairs
        if seen[first].digest != seen[second].digest and _are_apart(seen[first].sample, seen[second].sample)
    ]
    yield _list_problem(
        "near-duplicates-apart",
        torn,
        "pairs of pictures look the same, and are in different groups",
        "give them one group, else one may be trained on and the other tested",
    )


def _are_apart(first: Sample, second: Sample) -> bool:
    """Return whether a split may tear two pictures apart; those without a group are clustered anyway."""
    return first.group != second.group


def _find_telling_attributes(seen: Sequence[_Seen], columns: Sequence[str]) -> Iterator[Problem | None]:
    """Find columns whose classes the camera, the size or the source alone tells."""
    for column in columns:
        for attribute in ("camera", "size", "source"):
            classes: dict[str, Counter[str]] = defaultdict(Counter)
            for one in seen:
                if (label := one.sample.labels.get(column)) and (value := one.attributes[attribute]):
                    classes[value][label] += 1
            if problem := _judge_attribute(column, attribute, classes):
                yield problem


def _judge_attribute(column: str, attribute: str, classes: Mapping[str, Counter[str]]) -> Problem | None:
    """Compare who guesses a picture's class by its camera, say, with who always says the same class."""
    known = {value: counts for value, counts in classes.items() if counts.total() >= _LEAST_OF_VALUE}
    total = sum(counts.total() for counts in known.values())
    labels: Counter[str] = sum(known.values(), Counter())
    if len(labels) < 2 or 2 * total < sum(counts.total() for counts in classes.values()):
        return None
    right, always = (
        sum(max(counts.values()) for counts in known.values()) / total,
        max(labels.values()) / total,
    )
    if right < _TELLING_SHARE or right - always < _TELLING_GAIN * (1 - always):
        return None
    examples = {label: max(known, key=lambda value: known[value][label]) for label in sorted(labels)}
    return Problem(
        kind=f"one-class-per-{attribute}",
        count=total,
        text=f"pictures tell their {column} by their {attribute}: it alone is right in {right:.0%}",
        example=", ".join(f"{value}: {label}" for label, value in examples.items()),
        advice=f"add pictures of every class with the same {attribute}, or a model learns the {attribute}",
    )


def _find_mask_problems(seen: Sequence[_Seen]) -> Iterator[Problem | None]:
    by_problem: dict[str, list[str]] = defaultdict(list)
    for one in seen:
        by_problem[one.mask_problem].append(str(one.sample.mask))
    yield _list_problem(
        "empty-masks",
        by_problem["empty"],
        "masks of corroded pictures mark nothing",
        "draw them, or empty their cells in labels.csv",
    )
    yield _list_problem(
        "mask-sizes",
        by_problem["other size"],
        "masks have another size than their pictures",
        "export them again at the picture's own size, upright as the picture is shown",
    )
    yield _list_problem(
        "masks-contradict",
        by_problem["contradicting"],
        "masks mark corrosion on pictures that are labelled uncorroded",
        "see which is right",
    )


def _find_licence_problems(samples: Sequence[Sample]) -> Iterator[Problem | None]:
    unstated = [str(one.path) for one in samples if is_unstated(one.licence)]
    bound = [f"{one.path} ({one.licence})" for one in samples if is_non_commercial(one.licence)]
    yield _list_problem(
        "licence-missing",
        unstated,
        "pictures have no licence",
        "ask whoever took them; train nothing on them that is handed on",
    )
    yield _list_problem(
        "licence-non-commercial",
        bound,
        "pictures may not be used commercially",
        "leave them out with leave_out_licences in the recipe, or keep the bundle to yourself",
    )


def _find_small_classes(samples: Sequence[Sample], columns: Sequence[str]) -> Iterator[Problem | None]:
    for column in columns:
        pictures: Counter[str] = Counter()
        groups: dict[str, set[str]] = defaultdict(set)
        for sample in samples:
            if label := sample.labels.get(column):
                pictures[label] += 1
                groups[label].add(sample.specimen)
        small = [
            f"{label} ({count_of(count, 'picture')} in {count_of(len(groups[label]), 'group')})"
            for label, count in sorted(pictures.items())
            if count < LEAST_PICTURES or len(groups[label]) < LEAST_GROUPS
        ]
        yield _list_problem(
            f"tiny-{column}",
            small,
            f"classes of {column} have fewer than {LEAST_PICTURES} pictures or {LEAST_GROUPS} groups",
            "add pictures of other specimens, or leave the class out",
        )
        if len(pictures) == 1 and column in {"corroded", FOLDER_COLUMN}:
            yield Problem(
                f"one-{column}",
                next(iter(pictures.values())),
                f"pictures are all of one class of {column}",
                next(iter(pictures)),
                "add pictures of the other; a model cannot learn the difference",
            )


def _list_problem(kind: str, names: Iterable[str], text: str, advice: str) -> Problem | None:
    found = list(names)
    return Problem(kind, len(found), text, found[0], advice) if found else None


def _pair(first: _Seen, second: _Seen) -> str:
    return f"{first.sample.path} and {second.sample.path.name}"


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s unless it is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""Derive from a label's words what it means for the surface, and say which labels leave that open.

Words are read one after the other: a negation changes the next word that states something (*without rust*,
*not visibly corroded*), or the one before it (*rust free*). What the words leave open stays open: *almost no
rust* and *rust proof* have no condition, and ``find_doubts`` asks for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.errors import DatasetError
from edge_node.inference.manifest import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MATERIALS = {  # the first that occurs counts: galvanized iron looks unlike iron
    "galvanized": "galvanized iron",
    "galvanised": "galvanized iron",
    "zinc": "galvanized iron",
    "aluminium": "aluminium",
    "aluminum": "aluminium",
    "steel": "steel",
    "iron": "iron",
    "copper": "copper",
    "brass": "brass",
}
_CORROSION = r"corro(?:sion|ded|ding|de)|rust(?:s|y|ed|ing)?|pitt(?:ed|ing)"
_CORRODED = re.compile(rf"{_CORROSION}|oxidi[sz]ed|oxidation")
_SOUND = {"clean", "intact", "pristine"}
_NEGATIONS = {"not", "no", "non", "un", "without", "never", "zero", "lacks", "lacking"}
_NEGATING_NOUNS = {"free", "absence", "lack", "devoid"}  # absence of corrosion
_NEGATIONS_BEHIND = {"free", "less", "absent", "false", "negative"}  # rust free
_SEEN = {"present", "visible", "found", "detected", "seen", "there", "apparent"}  # rust not visible
_BREAKS = {"but", "with", "and", ",", ";"}  # no paint but rust; "or" goes on: no dirt or rust
# Words beside which a condition is neither stated nor denied.
_UNSURE = {
    *("almost", "barely", "hardly", "nearly", "maybe", "perhaps", "possible", "possibly", "suspected"),
    *("proof", "resistant", "resistance", "protection", "protected", "inhibitor", "converter", "anti"),
    *("like", "coloured", "colored", "colour", "color", "unknown", "treatment", "treated"),
}
_REMOVALS = {
    "removal",
    "removing",
    "removed",
    "cleaning",
    "cleaned",
    "blasting",
    "blasted",
    "repair",
    "repaired",
}
_SEVERITIES = {"none", "light", "early", "mid", "moderate", "late", "severe", "heavy"}
_FORMS = {"pitted": "pitting", "pitting": "pitting", "general": "general", "uniform": "general"}
_NO_METAL = {"background", "nonmetal", "other"}
_STATED = {*_SOUND, *_MATERIALS, *_SEVERITIES, *_FORMS, *_NO_METAL, "metal"}
# Words that are written as one: norust, rustfree, noncorroded.
_JOINED = re.compile(rf"(no|non|not|un|without|anti)?({_CORROSION}|metal)(free|less|proof)?")


def derive_meanings(labels: Sequence[str]) -> dict[str, Meaning]:
    """Return the meaning of each label as far as its words tell it; labels without one are left out.

    A severity means *corroded* only if another label of the stage means *none*: a stage that grades surfaces
    already found corroded must not decide that again.
    """
    words = {label: _read_words(label) for label in labels}
    grades_from_none = any("none" in found.plain for found in words.values())
    meanings = {
        label: _derive_meaning(found, grades_from_none=grades_from_none) for label, found in words.items()
    }
    return {label: meaning for label, meaning in meanings.items() if meaning != Meaning()}


def normalise_material(name: str) -> str:
    """Return the material's name as meanings use it: *galvanized* is galvanized iron."""
    return _MATERIALS.get(name.lower(), name)


def mentions_corrosion(label: str) -> bool:
    """Return whether a label's words speak of corrosion, whatever they say of it."""
    return any(map(_is_corroded, _split_words(label)))


def read_meanings(pairs: Sequence[str], labels: Sequence[str]) -> dict[str, Meaning]:
    """Return the meanings that a person gives as ``LABEL=WORDS``: ``good=uncorroded``, ``3=corroded steel``.

    Raises:
        DatasetError: no such label, or words that state nothing.
    """
    given = {}
    for pair in pairs:
        label, equals, words = pair.rpartition("=")
        if not equals:
            raise DatasetError(f"--meaning {pair!r}: wanted LABEL=WORDS, as in {labels[0]}=corroded")
        if label not in labels:
            raise DatasetError(f"--meaning {pair!r}: no label {label!r}; there are {', '.join(labels)}")
        found = derive_meanings(["none", words]).get(words)
        if found is None:
            raise DatasetError(
                f"--meaning {pair!r}: nothing is known of {words!r}; wanted LABEL=corroded, LABEL=uncorroded,"
                " LABEL=background (no metal), a material, a severity, or several of these words"
            )
        given[label] = found
    return given


def find_doubts(labels: Sequence[str], meanings: Mapping[str, Meaning]) -> tuple[str, tuple[str, ...]] | None:
    """Return what the labels of one stage leave open, in a sentence, and which to state; None if nothing."""
    known = {label: meanings.get(label, Meaning()) for label in labels}
    unknown = tuple(label for label, meaning in known.items() if meaning == Meaning())
    if unknown:
        return f"nothing is known of what {_list(unknown)} should mean: no verdict will say it", unknown
    if len(set(known.values())) == 1:
        return f"{_list(labels)} mean the same: the stage decides nothing", tuple(labels)
    conditions = {  # a form or a severity is of corrosion anyway
        label: found.corroded
        for label, found in known.items()
        if found.metal is None and (found.form or found.severity) is None
    }
    silent = tuple(label for label, corroded in conditions.items() if corroded is None)
    if silent and len(silent) < len(conditions):
        told = "neither corroded nor uncorroded, as the stage's other labels do"
        return f"{_list(silent)} {'says' if len(silent) == 1 else 'say'} {told}", silent
    return None


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a label that state something.

    Attributes:
        plain: those that are not negated, in order.
        negated: those that are.
        time: "before" or "after", if it says that.
        is_removed: whether corrosion was taken off then: *after rust removal*.
        is_open: whether other words leave the condition open.
    """

    plain: tuple[str, ...]
    negated: tuple[str, ...]
    time: str
    is_removed: bool
    is_open: bool


def _read_words(label: str) -> _Words:
    tokens = _split_words(label)
    stated: list[tuple[str, bool]] = []  # each with whether it is negated
    negations = 0  # that wait for the word that they change
    is_open = bool(_UNSURE & set(tokens))
    for before, word, behind in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if _is_stated(word):
            goes_on = bool(stated) and _is_corroded(word) and _is_corroded(before)  # pitting corrosion
            stated.append((word, stated[-1][1] if goes_on else negations % 2 == 1))
            negations = 0
        elif stated and _denies_the_word_before(before, word, behind):
            stated[-1] = (stated[-1][0], not stated[-1][1])
        elif word in _NEGATIONS or (word in _NEGATING_NOUNS and behind in {"of", "from"}):
            negations += 1
        elif word == "or" and stated:
            negations = int(stated[-1][1])
        elif word in _BREAKS:
            is_denied = negations or any(negated for _, negated in stated)
            is_open |= word == "and" and bool(is_denied) and behind not in _NEGATIONS | _SOUND
            negations = 0
    return _Words(
        plain=tuple(word for word, negated in stated if not negated),
        negated=tuple(word for word, negated in stated if negated),
        time=next((word for word in tokens if word in {"before", "after"}), ""),
        is_removed=bool(_REMOVALS & set(tokens)),
        is_open=is_open or (negations > 0 and tokens[-1] in _NEGATIONS),
    )


def _denies_the_word_before(before: str, word: str, behind: str) -> bool:
    if word in _NEGATIONS_BEHIND:
        return behind not in {"of", "from"}
    return word in {"no", "not"} and _is_corroded(before) and (not behind or behind in _SEEN)


def _split_words(label: str) -> list[str]:
    """Return the words and commas of a label: *NoRust*, *no-rust* and *norust* are the same."""
    apart = (
        re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower().replace("w/o", "without").replace("n't", " not")
    )
    words: list[str] = []
    for word in re.findall(r"[a-z]+|[,;]", apart):
        joined = _JOINED.fullmatch(word)
        words += [part for part in joined.groups() if part] if joined else [word]
    return words


def _is_corroded(word: str) -> bool:
    return _CORRODED.fullmatch(word) is not None


def _is_stated(word: str) -> bool:
    return word in _STATED or _is_corroded(word)


def _derive_meaning(words: _Words, *, grades_from_none: bool) -> Meaning:
    facts = [word for word in words.plain if word not in _NO_METAL]
    if "metal" in words.negated or len(facts) < len(words.plain):
        return Meaning() if facts else Meaning(metal=False)  # "other steel": nobody knows
    if words.plain == ("metal",) and not words.negated:
        return Meaning(metal=True)
    severity = next((word for word in words.plain if word in _SEVERITIES), None)
    return Meaning(
        material=next((_MATERIALS[word] for word in _MATERIALS if word in words.plain), None),
        corroded=_derive_condition(words, severity, grades_from_none=grades_from_none),
        severity=severity,
        form=next((_FORMS[word] for word in words.plain if word in _FORMS), None),
    )


def _derive_condition(words: _Words, severity: str | None, *, grades_from_none: bool) -> bool | None:
    """Return the one condition that all words agree on; None if they do not, or leave it open."""
    if words.is_open or any(word in _SOUND for word in words.negated):
        return None
    is_named = any(map(_is_corroded, words.plain))
    said = {False for word in words.plain if word in _SOUND}
    said |= {False for word in words.negated if _is_corroded(word)}
    if words.is_removed:
        if is_named or words.negated:  # before rust removal
            said = {words.time == "before"}
        return said.pop() if len(said) == 1 else None
    if is_named and severity != "none" and words.time != "before":
        said.add(True)
    if words.time:  # as the thesis calls specimens before and after acid baths
        said.add(words.time == "after")
    if severity is not None and (grades_from_none or is_named):
        said.add(severity != "none")
    return said.pop() if len(said) == 1 else None


def _list(labels: Sequence[str]) -> str:
    quoted = [repr(label) for label in labels]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"

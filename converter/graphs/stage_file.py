"""Read TOML files of stages for ``convert`` and ``retrain``, strictly: an unknown key is an error."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from edge_node.inference.manifest import Cascade, Meaning, Probability, Stage, cascade_contradictions
from edge_node.messages.identifiers import Identifier
from edge_node.text_file import TextFileError, read_text_file
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from edge_node.errors import CorrosionError

MAX_STAGE_FILE_BYTES = 1024 * 1024
NO_MODEL = "not-converted-yet"


class StageKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``[[stage]]`` table about its place in the cascade, for both kinds of files.

    Attributes:
        name: name of the stage.
        map_from: name of another stage whose map shows where corrosion is. Without it the stage's own map
            does.
        routes: for a label the name of the stage that runs next.
        otherwise: name of the stage that runs next if this one chooses no label.
        decision_threshold: with two labels, the probability from which the first one is chosen.
        abstain_below: the stage chooses no label if its best probability is below this.
    """

    name: Identifier
    map_from: str | None = None
    routes: dict[str, str] = {}
    otherwise: str | None = None
    decision_threshold: Probability = 0.5
    abstain_below: Probability = 0.0

    def stage(self, labels: tuple[str, ...], meanings: Mapping[str, Meaning]) -> Stage:
        """Return the stage as in a manifest, but without a model."""
        return Stage(
            name=self.name,
            labels=labels,
            model=NO_MODEL,
            output=NO_MODEL,
            meanings=dict(meanings),
            routes=self.routes,
            otherwise=self.otherwise,
            decision_threshold=self.decision_threshold,
            abstain_below=self.abstain_below,
        )


class FileKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys about the bundle, for both kinds of files.

    Attributes:
        root: name of the stage that runs first; the first stage of the file if not given.
        licence: of the bundle, as people read it.
        intended_use: what the bundle was made for, as people read it.
        colourless: "measured" says that the bundle was measured on pictures without colour and may judge
            them. Without it they are not inspectable.
    """

    root: str | None = None
    licence: str = "not stated"
    intended_use: str = "not stated"
    colourless: Literal["measured"] | None = None


_File = TypeVar("_File", bound=FileKeys)


def read_stage_file(
    path: Path,
    kind: type[_File],
    parts: Mapping[str, type[msgspec.Struct]],
    error: type[CorrosionError],
    wanted: str,
) -> _File:
    """Read and decode a file.

    Args:
        path: of the file.
        kind: struct of the whole file.
        parts: key -> struct of its table, or of each table in its list.
        error: raised for anything about the file, in one sentence.
        wanted: the kind of file in words, for messages.
    """
    try:
        document = msgspec.toml.decode(read_text_file(path, MAX_STAGE_FILE_BYTES))
    except TextFileError as err:
        raise error(f"{path}: {err}; wanted {wanted}") from err
    except (msgspec.DecodeError, RecursionError) as err:
        raise error(f"{path}: not TOML: {err}") from err
    if problem := next(_describe_unknown_keys(document, kind, parts), None):
        raise error(f"{path}: {problem}")
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as err:
        raise error(f"{path}: {describe_invalid(err, document, kind)}") from err


def find_contradictions(
    root: str | None, stages: Sequence[Stage], maps: Mapping[str, str | None]
) -> Iterator[str]:
    """Yield a sentence for each way in which the stages of a file disagree with each other.

    Args:
        root: the stage that runs first; the first of the file if None.
        stages: at least one.
        maps: stage -> the stage whose map shows where, if not its own.
    """
    yield from cascade_contradictions(Cascade(root=root or stages[0].name, stages=tuple(stages)))
    labels = {stage.name: stage.labels for stage in stages}
    for stage in stages:
        source = maps[stage.name]
        if source is not None and source not in labels:
            yield f"stage {stage.name}: map_from names {source!r}, which is no stage"
        elif source is not None and labels[source] != stage.labels:
            yield (
                f"stage {stage.name}: labels {', '.join(stage.labels)},"
                f" but its map's are {', '.join(labels[source])} ({source})"
            )


def _describe_unknown_keys(
    document: dict[str, Any], kind: type[msgspec.Struct], parts: Mapping[str, type[msgspec.Struct]]
) -> Iterator[str]:
    """Yield a sentence for each unknown key, with the nearest known one; msgspec would only name it."""
    yield from _compare_keys("the file", document, kind)
    for key, part in parts.items():
        found = document.get(key)
        if isinstance(found, dict):
            yield from _compare_keys(f"[{key}]", found, part)
        for number, table in enumerate(found if isinstance(found, list) else [], start=1):
            if isinstance(table, dict):
                yield from _compare_keys(f"{key} {table.get('name', number)}", table, part)


def _compare_keys(where: str, table: dict[str, Any], struct: type[msgspec.Struct]) -> Iterator[str]:
    known = [field.name for field in msgspec.structs.fields(struct)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}"
            yield f'{where} has an unknown key "{key}"; {hint}'

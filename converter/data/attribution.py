"""Write ATTRIBUTION.md: which pictures a network was trained on, under which licences, and who made them.

Authors are read from a column of ``labels.csv``, or from ``ATTRIBUTION.csv`` (``file,credit``) beside it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeAlias

from converter.text_table import format_markdown
from edge_node.errors import DatasetError
from edge_node.labels_csv import LABELS_NAME, MAX_TABLE_BYTES
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from converter.data.dataset import Sample

    Credits: TypeAlias = Mapping[Path, str]

ATTRIBUTION_NAME = "ATTRIBUTION.md"
CREDITS_NAME = "ATTRIBUTION.csv"
_GRAPH_NAME = "retrained_graph.pb"  # that graphs have by default
MAX_ATTRIBUTION_BYTES = 4 * 1024 * 1024
_AUTHOR_COLUMNS = ("author", "credit", "attribution")
_REPEATED = "as above"  # a credit that repeats the one of the row before
_UNSTATED = "not stated"
_SECOND_HAND = "(second-hand)"
_LEVELS = 4  # of folders above a picture in which the table of its data set is looked for
_FILES_NAMED = 3  # of a credit that many pictures share


def attribution_path(graph: Path, folder: Path | None) -> Path:
    """Return where the attribution of trained graphs goes.

    Args:
        graph: the first of them.
        folder: of a cascade's graphs; None for a single one, whose attribution goes beside it; under a
            name of its own if the graph has one.
    """
    if folder is not None:
        return folder / ATTRIBUTION_NAME
    return graph.with_name(ATTRIBUTION_NAME if graph.name == _GRAPH_NAME else _own_name(graph))


def find_attribution(files: Iterable[Path]) -> str:
    """Return the attributions that stand beside graphs or a cascade file, each text once; empty without any.

    Raises:
        DatasetError: one cannot be read.
    """
    texts = []
    for file in files:
        own, common = file.with_name(_own_name(file)), file.with_name(ATTRIBUTION_NAME)
        path = own if own.is_file() else common
        if path.is_file():
            try:
                texts.append(read_text_file(path, MAX_ATTRIBUTION_BYTES))
            except TextFileError as err:
                raise DatasetError(f"{path}: {err}") from err
    return "\n".join(dict.fromkeys(texts))


def read_credits(samples: Iterable[Sample]) -> dict[Path, str]:
    """Return who is to be named for each picture, where the table of its data set says so.

    Raises:
        DatasetError: a table of credits cannot be read.
    """
    of_root: dict[Path, Credits] = {}
    root_of: dict[Path, Path | None] = {}
    found = {}
    for sample in samples:
        folder = sample.path.parent
        if folder not in root_of:
            root_of[folder] = _find_root(folder)
        root = root_of[folder]
        if root is None:
            continue
        if root not in of_root:
            of_root[root] = {**_read_authors(root), **_read_credit_table(root)}
        if credit := of_root[root].get(sample.path):
            found[sample.path] = credit
    return found


def format_attribution(name: str, backbone: str, samples: Sequence[Sample]) -> bytes:
    """Return the text of ATTRIBUTION.md, as UTF-8.

    Args:
        name: of the network.
        backbone: where the weights that training began with come from; empty where nobody says.
        samples: all pictures that it was trained on.

    Raises:
        DatasetError: a table of credits cannot be read.
    """
    credited = read_credits(samples)
    lines = [
        f"# Attribution of {name}",
        "",
        "This network was trained on the pictures below. Keep this file with its weights:",
        "some of the licences ask for it.",
        "",
        "## Backbone",
        "",
        f"Training began with these weights: {backbone or _UNSTATED}.",
        "",
        "## Licences",
        "",
        *format_markdown(("licence", "pictures", "sources"), _count_licences(samples)),
        "",
        *_explain_second_hand(samples),
        "## Sources",
        "",
        *format_markdown(("source", "licence", "pictures", "to be named"), _count_sources(samples, credited)),
        *_list_credits(samples, credited),
    ]
    return ("\n".join(lines).rstrip() + "\n").encode()


def _own_name(graph: Path) -> str:
    return f"{graph.stem}_{ATTRIBUTION_NAME}"


def _count_licences(samples: Sequence[Sample]) -> Iterator[tuple[str, str, str]]:
    pictures = Counter(sample.licence for sample in samples)
    sources = defaultdict[str, set[str]](set)
    for sample in samples:
        sources[sample.licence].add(sample.source or _UNSTATED)
    for licence, count in sorted(pictures.items(), key=lambda item: (-item[1], item[0])):
        yield licence or _UNSTATED, str(count), ", ".join(sorted(sources[licence]))


def _count_sources(samples: Sequence[Sample], credited: Credits) -> Iterator[tuple[str, str, str, str]]:
    pictures = Counter((sample.source, sample.licence) for sample in samples)
    names = defaultdict[tuple[str, str], set[str]](set)
    for sample in samples:
        if credit := credited.get(sample.path):
            names[sample.source, sample.licence].add(credit)
    for key, count in sorted(pictures.items()):
        named = sorted(names[key])
        told = (
            named[0]
            if len(named) == 1
            else f"{len(named)} authors or origins, each named under Pictures"
            if named
            else ""
        )
        yield key[0] or _UNSTATED, key[1] or _UNSTATED, str(count), told


def _explain_second_hand(samples: Sequence[Sample]) -> Iterator[str]:
    second_hand = sorted({sample.licence for sample in samples if _SECOND_HAND in sample.licence})
    for licence in second_hand:
        yield (
            f"**{licence}**: not the author of these pictures states this licence, but somebody who published"
            " them again. What it rests on is named with their source below."
        )
        yield ""


def _list_credits(samples: Sequence[Sample], credited: Credits) -> Iterator[str]:
    """Yield each credit of the sources that have several, with its pictures."""
    files = defaultdict[tuple[str, str], list[str]](list)
    several = Counter(source for source, _ in {(s.source, credited.get(s.path, "")) for s in samples})
    for sample in samples:
        if (credit := credited.get(sample.path)) and several[sample.source] > 1:
            files[sample.source, credit].append(sample.path.name)
    if not files:
        return
    yield from ("", "## Pictures", "", "Authors and origins of sources that have several:", "")
    for (source, credit), names in sorted(files.items()):
        shown = ", ".join(sorted(names)[:_FILES_NAMED])
        more = f" and {len(names) - _FILES_NAMED} more" if len(names) > _FILES_NAMED else ""
        yield f"- {source or _UNSTATED}: {_in_one_line(credit)} ({shown}{more})"


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _find_root(folder: Path) -> Path | None:
    """Return the folder of the data set's table; None for folders of classes, which have none."""
    for parent in (folder, *list(folder.parents)[: _LEVELS - 1]):
        if (parent / LABELS_NAME).is_file() or (parent / CREDITS_NAME).is_file():
            return parent
    return None


def _read_authors(root: Path) -> dict[Path, str]:
    """Return the authors that the rows of ``labels.csv`` name."""
    table = root / LABELS_NAME
    if not table.is_file():
        return {}
    found = {}
    for row in _read_table(table):
        told = (row.get(column) for column in _AUTHOR_COLUMNS)
        if (file := row.get("file")) and (author := next(filter(None, told), None)):
            found[root / file] = author
    return found


def _read_credit_table(root: Path) -> dict[Path, str]:
    table = root / CREDITS_NAME
    if not table.is_file():
        return {}
    rows = _read_table(table)
    if rows and not {"file", "credit"} <= rows[0].keys():
        raise DatasetError(f"{table}: columns {', '.join(map(str, rows[0]))}; wanted file and credit")
    found, last = {}, ""
    for row in rows:
        credit = (row["credit"] or "").strip()
        last = last if credit.lower() == _REPEATED else credit
        if row["file"] and last:
            found[root / row["file"]] = last
    return found


def _read_table(path: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(io.StringIO(read_text_file(path, MAX_TABLE_BYTES), newline="")))
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}") from err
    except csv.Error as err:
        raise DatasetError(f"{path}: not a table ({err}); save it as CSV in UTF-8") from err

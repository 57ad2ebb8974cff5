"""Find the picture files that another tool's file names, and open none outside of the data set's folder."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from edge_node.camera.picture import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = "the picture is not there"
OUTSIDE = "its name leads out of the data set's folder; give the folder of the pictures with --pictures"
AMBIGUOUS = "several pictures have this name; give the folder of the right one with --pictures"
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # Label Studio puts eight digits before the name of an uploaded file


class PictureFinder:
    """Find pictures below one folder by the names that files of other tools give them.

    Args:
        root: the folder; no picture outside of it is found.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._by_name: dict[str, list[Path]] | None = None

    def find(self, name: str, places: Sequence[Path] = ()) -> Path | str:
        """Return the file that ``name`` means, or why there is none.

        It may be a path from another machine: then the file of this name counts, where only one has it.

        Args:
            name: a path with slashes or backslashes.
            places: folders that a relative path may start at; the root is always tried.
        """
        relative = name.replace("\\", "/")
        if not name or "\0" in name:
            return MISSING
        is_absolute = relative.startswith("/") or bool(PureWindowsPath(name).drive)
        for place in () if is_absolute else (*places, self.root):
            path = place / relative
            if self.has(path) and path.is_file():
                return path.resolve()
        found = self._all_named(Path(relative).name)
        if len(found) == 1:
            return found[0]
        if found:
            return self._choose_by_folders(relative, found)
        if (plain := unquote(name)) != name:  # some tools write names as addresses: my%20plate.jpg
            return self.find(plain, places)
        return OUTSIDE if is_absolute or self._leads_out(self.root / relative) else MISSING

    def find_url(self, url: str) -> Path | str:
        """Return the file that an address in a Label Studio file means, or why there is none."""
        if url.startswith("data:"):
            return "the picture is written into the file itself; export it as a file"
        parts = urlsplit(url)
        asked = parse_qs(parts.query).get("d")
        name = asked[0] if asked else unquote(parts.path)
        found = self.find(name if asked else name.removeprefix("/data/upload/").lstrip("/"))
        if isinstance(found, Path):
            return found
        last = Path(name).name
        bare = _UPLOADED.sub("", last)
        if bare == last:
            return found
        again = self.find(bare)
        return again if isinstance(again, Path) else self._find_uploaded(bare) or again

    def holds(self, path: Path) -> bool:
        """Return whether a path, links followed, lies below the root."""
        resolved = _resolve(path)
        return resolved is not None and resolved.is_relative_to(self.root)

    def has(self, path: Path) -> bool:
        """Return whether a path lies below the root, and is there."""
        try:
            return self.holds(path) and path.exists()
        except OSError:  # no name that a disk can hold
            return False

    def name_of(self, path: Path) -> str:
        """Return the path of a file that was found, from the root on, with slashes."""
        return path.relative_to(self.root).as_posix()

    def _leads_out(self, path: Path) -> bool:
        resolved = _resolve(path)
        return resolved is not None and not resolved.is_relative_to(self.root)

    def _all_named(self, name: str) -> list[Path]:
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for path in sorted(self.root.rglob("*")):
                if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and self.holds(path):
                    self._by_name[path.name].append(path.resolve())
        return self._by_name.get(name, [])

    def _find_uploaded(self, name: str) -> Path | None:
        """Return the only file that Label Studio would have stored under ``name``."""
        self._all_named(name)
        stored = [path for found in (self._by_name or {}).values() for path in found]
        same = [path for path in stored if _store_name(path.name) == name]
        return same[0] if len(same) == 1 else None

    def _choose_by_folders(self, relative: str, found: Sequence[Path]) -> Path | str:
        """Return the one file of several whose folders are named as those before the file's name."""
        wanted = [part for part in relative.split("/") if part not in {"", ".", ".."}]
        best = [path for path in found if list(path.parts[-len(wanted) :]) == wanted]
        while not best and len(wanted) > 2:
            wanted = wanted[1:]
            best = [path for path in found if list(path.parts[-len(wanted) :]) == wanted]
        return best[0] if len(best) == 1 else AMBIGUOUS


def _store_name(name: str) -> str:
    """Return a file's name as Label Studio (Django) stores it: blanks become _, other signs go."""
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))


def find_pictures_below(folder: Path) -> list[Path]:
    """Return the picture files below a folder, sorted."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
    ]


def _resolve(path: Path) -> Path | None:
    """Return where a path leads; None for a circle of links, or a name that no disk can hold."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None

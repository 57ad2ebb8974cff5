"""List the pictures and videos in a folder and below it, and name every other file as left out.

One list for ``run``, ``classify`` and ``replay``. What a file is, its content says; its name only tells which
files were meant to be pictures or videos and are damaged.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from edge_node.camera.media_kind import is_media
from edge_node.camera.picture import PICTURE_SUFFIXES
from edge_node.errors import CameraError
from edge_node.plain_struct import PlainStruct

WANTED = "a video, a picture or a folder of them"
_PHOTOGRAPHS = ".heic .heif .avif .gif .mpo .jxl .exr .psd .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf"
_VIDEOS = (
    ".avi .m4v .mkv .mov .mp4 .mpg .mpeg .ts .mts .m2ts .webm .wmv .flv .3gp .vob .mjpeg .mjpg .h264 .h265"
)
_MEANT = PICTURE_SUFFIXES | frozenset(_PHOTOGRAPHS.split()) | frozenset(_VIDEOS.split())
# Files that cameras, phones and file managers write beside pictures, and lists that people keep there.
_BESIDE = ".aae .csv .db .ini .json .log .lrv .md .thm .toml .txt .xml .xmp .yaml .yml"
_ACCOMPANYING = frozenset(_BESIDE.split())
_PREVIEWS = frozenset({".thm", ".lrv"})
_ACCOMPANYING_FOLDERS = frozenset({"__macosx", "@eadir", "system volume information", "$recycle.bin"})
_MOST_NAMED = 20


class LeftOut(PlainStruct, frozen=True):
    """A file or folder that is not read, and the reason."""

    path: Path
    reason: str

    def __str__(self) -> str:
        """Return it as the beginning of a sentence."""
        return escape_name(f"{self.path}: {self.reason}")


class MediaFiles(PlainStruct, frozen=True):
    """The files of a folder.

    Attributes:
        files: pictures and videos, and what was meant to be one, in the order of their names.
        left_out: files that are neither.
        unread: what may hold pictures and cannot be read: folders, files without permission.
        accompanying: number of hidden files and of those that accompany pictures.
    """

    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...] = ()
    unread: tuple[LeftOut, ...] = ()
    accompanying: int = 0

    def describe(self) -> list[str]:
        """Return a sentence for each file that is left out, the first 20, and one for the rest."""
        named = [f"{found}; left out" for found in (*self.unread, *self.left_out)]
        rest = [f"and {len(named) - _MOST_NAMED} more files left out"] if len(named) > _MOST_NAMED else []
        if self.accompanying:
            rest.append(f"{self.accompanying} hidden or accompanying files (.txt, .xmp, ...) left out")
        return named[:_MOST_NAMED] + rest


def list_media(path: Path) -> MediaFiles:
    """Return the pictures and videos in a folder and below it, or the one file that ``path`` is.

    Raises:
        CameraError: it does not exist, is of no use, or cannot be read.
    """
    if path.is_dir():
        return _list_folder(path)
    if not path.is_file():
        raise CameraError(f"{path}: no such file or folder; wanted {WANTED}")
    if not is_media(path):
        raise CameraError(f"{path}: {_why_other(path)}; wanted {WANTED}")
    return MediaFiles((path,))


def escape_name(text: str) -> str:
    """Return a file's name, or a sentence with one, as text for messages and logs.

    A name may hold bytes that are no text, and line ends.
    """
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def natural_order(path: Path) -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Return a key that sorts numbers in names by value: ``img2`` before ``img10``."""
    return tuple((_split_numbers(part), part) for part in path.parts)


def _split_numbers(name: str) -> tuple[str | int, ...]:
    parts = re.split(r"([0-9]+)", name.casefold())  # text and digits in turn, so that keys can be compared
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))


def _list_folder(root: Path) -> MediaFiles:
    found = _Walk(root)
    return MediaFiles(
        tuple(sorted(found.files, key=natural_order)),
        tuple(sorted(found.left_out, key=lambda entry: natural_order(entry.path))),
        tuple(sorted(found.unread, key=lambda entry: natural_order(entry.path))),
        found.accompanying,
    )


class _Walk:
    """Go through a folder and those below it, also along links, but into none twice."""

    def __init__(self, root: Path) -> None:
        self.files: list[Path] = []
        self.left_out: list[LeftOut] = []
        self.unread: list[LeftOut] = []
        self.accompanying = 0
        self._root = root
        self._seen = {_identity(root)}
        for name, folders, names in os.walk(root, followlinks=True, onerror=self._note_unread):
            folders[:] = [entry for entry in folders if self._is_new(Path(name) / entry)]
            for entry in names:
                self._sort_file(Path(name) / entry)

    def _note_unread(self, err: OSError) -> None:
        folder, reason = Path(err.filename), err.strerror or str(err)
        if folder == self._root:
            raise CameraError(f"{folder}: {reason}") from err
        self.unread.append(LeftOut(folder, reason))

    def _is_new(self, folder: Path) -> bool:
        if folder.name.startswith(".") or folder.name.lower() in _ACCOMPANYING_FOLDERS:
            self.accompanying += 1
            return False
        if (identity := _identity(folder)) in self._seen:
            self.left_out.append(LeftOut(folder, "a link to a folder that is read already"))
            return False
        self._seen.add(identity)
        return True

    def _sort_file(self, path: Path) -> None:
        if _is_accompanying(path):
            self.accompanying += 1
        elif is_media(path) or path.suffix.lower() in _MEANT:
            self.files.append(path)
        elif path.is_file() and not os.access(path, os.R_OK):
            self.unread.append(LeftOut(path, "permission denied"))
        else:
            self.left_out.append(LeftOut(path, _why_other(path)))


def _identity(folder: Path) -> tuple[int, int] | str:
    try:
        found = folder.stat()
    except OSError:
        return str(folder)
    return found.st_dev, found.st_ino


def _is_accompanying(path: Path) -> bool:
    """Tell files that belong to pictures; a picture that has such a name is none, unless it is a preview."""
    suffix = path.suffix.lower()
    if path.name.startswith(".") or suffix in _PREVIEWS:
        return True
    return suffix in _ACCOMPANYING and (not is_media(path) or _is_text(path))


def _is_text(path: Path) -> bool:
    """Tell whether a file is text: some pictures' formats begin with letters that a text may begin with."""
    try:
        with path.open("rb") as file:
            return b"\0" not in file.read(4096)
    except OSError:
        return False


def _why_other(path: Path) -> str:
    try:
        if not path.exists():
            return "a link to nothing"
        if not path.is_file():
            return "no file but a device or a pipe"
        return "its content is that of no video and no picture" if path.stat().st_size else "empty: no video"
    except OSError as err:
        return err.strerror or str(err)

"""Describe a node's state folder without changing it: files, spool, bundle, clock, the process in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.clock_floor import FLOOR_NAME, ClockFloor
from edge_node.errors import CorrosionError
from edge_node.inference.bundle import DEFAULT_BUNDLE, MANIFEST_NAME, MAX_MANIFEST_BYTES, STORE_NAME
from edge_node.messages.topics import Kind
from edge_node.record.report import format_report
from edge_node.record.verification import verify
from edge_node.spool.admin import SpoolAdmin
from edge_node.spool.files import SPOOL_NAME, sibling_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FILES = 2000  # of the listing; a folder of evidence may hold a hundred thousand
_MOST_SEEN = 200_000  # files whose sizes are added up: a state_dir of "/" must not cost an hour
_MOST_ROWS = 50_000  # whose chain is checked
_MOST_COPIES = 3
_MOST_SPOOL_BYTES = 128 * 1024 * 1024
_MOST_MODEL_BYTES = 512 * 1024 * 1024
_MOST_STATE_BYTES = 256 * 1024
_LOCKS = Path("/proc/locks")


def list_files(folder: Path) -> str:
    """Return names, sizes, times, modes and owners of the files in ``folder``.

    Raises:
        OSError: it is not there, or this user may not look into it.
    """
    os.listdir(folder)  # noqa: PTH208  `os.walk` is silent about a folder that it cannot read
    lines: list[str] = []
    count = size = 0
    for path in islice(_walk(folder), _MOST_SEEN):
        try:
            found = path.lstat()
        except OSError:  # deleted meanwhile
            continue
        count, size = count + 1, size + found.st_size
        if len(lines) < _MOST_FILES:
            lines.append(f"{_describe_file(found)} {path.relative_to(folder)}")
    more = [f"... and {count - len(lines):,} more files"] if count > len(lines) else []
    least = "at least " if count == _MOST_SEEN else ""
    return "\n".join([f"{folder}: {least}{size / 1e6:,.1f} MB", *lines, *more]) + "\n"


def describe_spool(folder: Path) -> str:
    """Return what ``edge-node spool status`` says, from a copy: the node may write to it now.

    Raises:
        CorrosionError: it is damaged, too large to be copied, or this user cannot read it.
        OSError: there is none, or no room for the copy.
    """
    spool = folder / SPOOL_NAME
    files = [spool, sibling_file(spool, "-wal")]
    size = sum(file.stat().st_size for file in files if file.exists())
    if size > _MOST_SPOOL_BYTES:
        raise CorrosionError(
            f"{spool}: {size / 1e6:.0f} MB, too large to be copied; send what `edge-node spool status` says"
        )
    with tempfile.TemporaryDirectory() as place:
        if shutil.disk_usage(place).free < 2 * size:
            raise CorrosionError(f"{place}: no room for a copy of the spool, {size / 1e6:.0f} MB")
        for _ in range(_MOST_COPIES):
            stamp_ns = spool.stat().st_mtime_ns
            for file in files:
                if file is spool or file.exists():
                    _copy(file, Path(place, file.name))
            if spool.stat().st_mtime_ns == stamp_ns:
                break  # else the node moved rows from the log into the file meanwhile
        copied = Path(place, SPOOL_NAME)
        try:
            with SpoolAdmin(copied) as admin:
                report = msgspec.structs.replace(admin.report(), path=str(spool), disk_bytes=size)
                rows = islice(admin.rows(Kind.VERDICT), _MOST_ROWS)
                chain = verify(((f"row {row.seq}", row.payload) for row in rows), is_part=True)
        except CorrosionError as err:
            raise CorrosionError(str(err).replace(place, str(folder))) from err
    damaged = [file.name for file in sorted(folder.glob(f"{SPOOL_NAME}.damaged-*"))]
    alarms = (*report.alarms, *(f"{name} lies beside it: it was damaged once" for name in damaged))
    found = msgspec.to_builtins(msgspec.structs.replace(report, alarms=alarms))
    found["waiting_verdicts"] = list(format_report(chain))
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"


def describe_bundle(path: str | None, folder: Path) -> str:
    """Return manifest and hashes of the bundle that ``[bundle] path`` names, and of those in the store.

    Args:
        path: None if the configuration is refused: then the default is described, and a store that is there.
        folder: the node's state folder.

    Raises:
        OSError: its folder cannot be read.
    """
    store = folder / STORE_NAME
    lines = [f"[bundle] path = {path or 'not known: the configuration is refused'}"]
    if path not in (None, STORE_NAME):
        lines.append(_describe_bundle(DEFAULT_BUNDLE if path == "default" else Path(path or "")))
        return "\n".join(lines) + "\n"
    if path is None:
        lines.append(_describe_bundle(DEFAULT_BUNDLE))
    if path is not None or store.is_dir():
        slots = [slot for slot in sorted((store / "slots").iterdir()) if not slot.is_symlink()]
        lines += [_read_state(store / "state.json"), *map(_describe_bundle, slots)]
    return "\n".join(lines) + "\n"


def describe_clock(folder: Path) -> str:
    """Return the clock and the floor of time, from a copy: a damaged floor would be renamed in its folder.

    Raises:
        OSError: this user cannot read it.
    """
    with tempfile.TemporaryDirectory() as place:
        with suppress(FileNotFoundError):
            _copy(folder / FLOOR_NAME, Path(place, FLOOR_NAME))
        reading = ClockFloor(Path(place)).read()
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    floor = f"{reading.floor_s:.0f} (Unix time), from {reading.source.value}"
    return f"wall clock {now}, {reading.text}\nfloor      {floor}\n"


def find_node(folder: Path) -> int | None:
    """Return the process that holds the state folder; None if none does.

    The kernel's list is read: a lock taken for a moment would stop a node that starts just then.

    Raises:
        OSError: this user may not look into the folder.
    """
    try:
        found = sibling_file(folder / SPOOL_NAME, "-lock").stat()
        locks = _LOCKS.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    for line in locks.splitlines():  # by the file alone: some file systems number their devices otherwise
        words = line.split()
        if (
            "FLOCK" in words
            and "->" not in words
            and any(word.endswith(f":{found.st_ino}") for word in words)
        ):
            return int(words[4])
    return None


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in order; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def _describe_bundle(folder: Path) -> str:
    lines = [f"{folder}"]
    for name in sorted(os.listdir(folder)):  # noqa: PTH208  one folder, names only
        path = folder / name
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_MODEL_BYTES:
            lines.append(f"  {name}: no file that can be read")
            continue
        lines.append(f"  {name} {found.st_size} bytes, sha256 {_hash(path)}")
    manifest = folder / MANIFEST_NAME
    if manifest.is_file():
        with manifest.open("rb") as file:
            lines += _describe_manifest(file.read(MAX_MANIFEST_BYTES))
    return "\n".join(lines)


def _describe_manifest(content: bytes) -> Iterator[str]:
    try:
        found = msgspec.json.decode(content)
        yield f"  is {found['name']} {found['version']}, made {found.get('created')}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
        yield f"  {MANIFEST_NAME}: damaged"


def _read_state(path: Path) -> str:
    try:
        with open(path, "rb", opener=_open) as file:
            return file.read(_MOST_STATE_BYTES).decode("utf-8", "replace")
    except OSError as err:
        return f"{path.name}: {err.strerror or err}"


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _copy(source: Path, target: Path) -> None:
    with open(source, "rb", opener=_open) as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy)


def _open(path: str, flags: int) -> int:
    """Open a file that is no link: its owner could lead root to any other file."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _describe_file(found: os.stat_result) -> str:
    at = datetime.fromtimestamp(found.st_mtime, timezone.utc).isoformat(timespec="seconds")
    return f"{stat.filemode(found.st_mode)} {found.st_uid:>6} {found.st_size:>12} {at}"

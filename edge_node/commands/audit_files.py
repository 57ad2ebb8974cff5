"""Write and read the audit's files: one JSON object a line, each line on the disk before ``write`` returns.

Reviews lie in a file of their own, so that no flood of other commands pushes them out. Each file is bounded:
at its bound it is renamed to ``.1``, and the ``.1`` before it is deleted.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from edge_node.disk_budget import DiskBudget, Worth
from edge_node.durable_file import sync_folder
from edge_node.fault_log import FaultLog
from edge_node.messages.review import REVIEW_VERB
from edge_node.messages.status import Alarm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

FOLDER_NAME = "audit"
MAX_FILE_BYTES = 4_000_000  # some 8,000 reviews, and as many again in ``.1``
_MAX_LINE_BYTES = 64 * 1024
_REVIEWS, _COMMANDS = "reviews.jsonl", "commands.jsonl"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit.

    Attributes:
        at: by the wall clock, which may be set in between.
        seq: order over both files; 0 in lines of earlier versions, which come first.
        event: ``taken`` before a command is executed, ``answered`` with its outcome, or ``refused``.
        signed: its signature was checked against the configured key.
        asked: the command, without what every command has.
    """

    at: datetime
    seq: int = 0
    event: Literal["taken", "answered", "refused"]
    verb: str
    command_id: str | None = None
    signed: bool = False
    asked: dict[str, Any] = {}
    result: str | None = None
    code: str | None = None
    text: str | None = None
    data: dict[str, Any] = {}


class AuditFiles:
    """The audit files of one node; may be used by several threads."""

    def __init__(
        self, folder: Path, max_file_bytes: int = MAX_FILE_BYTES, budget: DiskBudget | None = None
    ) -> None:
        """Write into ``folder``, which is made when the first line is written.

        Args:
            folder: of the files.
            max_file_bytes: bound of each.
            budget: of the disk; pictures on it give way to the audit.
        """
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._seq: int | None = None  # of the last line, once one was written
        self._budget = budget or DiskBudget()
        self._fault = FaultLog("audit")
        self._lock = threading.Lock()
        self._budget.register(Worth.AUDIT, folder, self)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """An alarm while the disk takes no line."""
        text = self._fault.text
        return (Alarm(code="audit_failing", text=text),) if text else ()

    @property
    def held_bytes(self) -> int:
        """Size of what verdicts may have deleted: commands of long ago. Reviews stay."""
        try:
            return _size(self._old_commands)
        except OSError:
            return 0

    def give_way(self, need_bytes: int, need_files: int) -> int:  # noqa: ARG002  one file is all there is
        """Delete the older half of the commands, because verdicts need its space; return the bytes freed."""
        freed = self.held_bytes
        with suppress(OSError):
            self._old_commands.unlink(missing_ok=True)
            return freed
        return 0

    @property
    def _old_commands(self) -> Path:
        return self._folder / f"{_COMMANDS}.1"

    def write(self, entry: AuditEntry) -> bool:
        """Write an entry and wait until the disk has it; False, and a line in the log, if it fails."""
        path = self._folder / (_REVIEWS if entry.verb == REVIEW_VERB else _COMMANDS)
        try:
            with self._lock:
                self._seq = (_last_seq(self._folder) if self._seq is None else self._seq) + 1
                line = msgspec.json.encode(msgspec.structs.replace(entry, seq=self._seq)) + b"\n"
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._budget.make_room(Worth.AUDIT, self._folder, len(line))
                if _size(path) + len(line) > self._max_file_bytes:
                    path.replace(path.with_name(path.name + ".1"))
                    self._budget.register(Worth.AUDIT, self._folder, self)
                _append(path, line)
        except OSError as err:
            self._fault.fail(f"{path}: {err.strerror or err}; commands are executed and not in the audit")
            log_lost(entry, f"{path}: {err.strerror or err}")
            return False
        self._fault.succeed()
        return True


def log_lost(entry: AuditEntry, reason: str) -> None:
    """Write an entry that the audit does not have into the log."""
    _log.error("%s; this is not in the audit: %s", reason, msgspec.json.encode(entry).decode())


def read_audit(folder: Path) -> Iterator[AuditEntry]:
    """Yield the entries in ``folder`` in the order in which they were written.

    A line that a power cut left half written is skipped.

    Raises:
        OSError: it is not there, or not for us to read.
    """
    if not folder.is_dir():
        raise FileNotFoundError(2, "no audit there", str(folder))
    entries: list[AuditEntry] = []
    for path in _paths(folder):
        entries += _entries(path)
    old = sorted((entry for entry in entries if not entry.seq), key=lambda entry: entry.at)
    return iter(old + sorted((entry for entry in entries if entry.seq), key=lambda entry: entry.seq))


def _paths(folder: Path) -> list[Path]:
    names = (f"{name}{suffix}" for name in (_COMMANDS, _REVIEWS) for suffix in (".1", ""))
    return [folder / name for name in names if (folder / name).exists()]


def _last_seq(folder: Path) -> int:
    """Return the highest number near the ends of the files; 0 if there is none."""
    return max((entry.seq for path in _paths(folder) for entry in _entries(path, _MAX_LINE_BYTES)), default=0)


def _entries(path: Path, last_bytes: int | None = None) -> Iterator[AuditEntry]:
    """Yield the entries of a file, or the whole ones among its last bytes."""
    with path.open("rb") as file:
        if last_bytes is not None:
            file.seek(max(0, _size(path) - last_bytes))
        while line := file.readline(_MAX_LINE_BYTES):
            try:
                yield msgspec.json.decode(line, type=AuditEntry)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue


def _append(path: Path, line: bytes) -> None:
    """Append a line, starting a new one if the last was cut off, and wait until the disk has it."""
    fresh = not path.exists()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "ab+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line
        if file.write(line) != len(line):
            file.truncate(size)
            raise OSError(28, "the disk is full")
        os.fsync(file.fileno())
    if fresh:
        sync_folder(path.parent)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

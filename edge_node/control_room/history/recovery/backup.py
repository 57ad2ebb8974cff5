"""Copy a control room's record to a backup folder while it runs, and put a backup back.

A backup holds the history as it was at one moment, who may log in, and the name of the session at the
broker, so that what waits there still arrives. Sessions of people are left out: a login that ended must not
live again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node import __version__
from edge_node.clock_floor import FLOOR_NAME
from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.recovery.history_check import check_history
from edge_node.control_room.history.recovery.replacement import (
    HISTORY_FILES,
    describe_missing,
    make_work_folder,
    remove_leftovers,
    replace_record,
)
from edge_node.control_room.history.recovery.room_lock import RoomLock
from edge_node.control_room.history.recovery.whole_file import WholeFileError, copy_file
from edge_node.durable_file import sync_folder, write_new_file
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD_NAME = "backup.json"
# Beside the history: the session at the broker, the users, and the time before which it can't be.
KEPT_FILES = ("session.json", "users.json", FLOOR_NAME)
_STAYING = ("users.json", FLOOR_NAME)  # of these what is there is worth more than what was
_FORMAT = 1
_ADVICE = " `edge-node control-room check` lists what is, `salvage` keeps what can be read"
_BLOCK = 1 << 20


class BackupError(CorrosionError):
    """A backup cannot be made, is not whole, or cannot be put back."""


class _File(msgspec.Struct):
    bytes: int
    sha256: str


class BackupRecord(msgspec.Struct, kw_only=True):
    """What a backup holds; the file ``backup.json`` in it.

    Attributes:
        version: of the program that made it.
        checked: rows of the history, by kind.
    """

    format: int = _FORMAT
    version: str
    made_at: datetime
    files: dict[str, _File]
    checked: dict[str, int]


def make_backup(state_dir: Path, target: Path, report: Callable[[str, float], None]) -> BackupRecord:
    """Copy the record of a control room, which may run, to a folder that does not exist yet.

    Args:
        state_dir: the control room's.
        target: the backup; it appears once it is whole and checked.
        report: takes the step and the share of it that is done.

    Raises:
        BackupError: nothing is left at ``target``.
        WholeFileError: the history cannot be read, and not because it is damaged.
    """
    if target.exists():
        raise BackupError(f"{target}: is there already; name a folder that is not")
    if not (state_dir / NAME).is_file():
        raise BackupError(describe_missing(state_dir))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as name:
            folder = Path(name) / "backup"
            folder.mkdir(mode=0o700)
            copy_file(state_dir / NAME, folder / NAME, lambda share: report("copying the history", share))
            for kept in KEPT_FILES:
                if (state_dir / kept).is_file():
                    write_new_file(folder / kept, [(state_dir / kept).read_bytes()])
            record = _describe(folder, report)
            write_new_file(folder / RECORD_NAME, [msgspec.json.format(msgspec.json.encode(record)), b"\n"])
            _sync_files(folder)
            folder.rename(target)
        sync_folder(target.parent)
    except WholeFileError as err:
        if "malformed" not in str(err):
            raise
        raise BackupError(f"the history is damaged, and was not backed up: {err};{_ADVICE}") from err
    except OSError as err:
        raise BackupError(f"{err.filename or target}: {err.strerror or err}") from err
    return record


def read_backup(folder: Path) -> BackupRecord:
    """Read what a backup holds, and hold its files against it.

    Raises:
        BackupError: it is no backup, or a file of it was changed.
    """
    try:
        record = msgspec.json.decode((folder / RECORD_NAME).read_bytes(), type=BackupRecord)
    except OSError as err:
        raise BackupError(
            f"{folder / RECORD_NAME}: {err.strerror or err}; wanted a folder that `control-room backup` made"
        ) from err
    except (msgspec.DecodeError, ValueError) as err:
        raise BackupError(f"{folder / RECORD_NAME}: {err}") from err
    if record.format != _FORMAT:
        raise BackupError(
            f"{folder / RECORD_NAME}: format {record.format}, this program reads {_FORMAT};"
            f" version {record.version} made it"
        )
    if strange := sorted(record.files.keys() - {NAME, *KEPT_FILES}):
        raise BackupError(f"{folder / RECORD_NAME}: names the file {strange[0]}, which no backup holds")
    for name, file in record.files.items():
        if _describe_file(folder / name) != file:
            raise BackupError(f"{folder / name}: is not the file that was backed up; the backup is damaged")
    return record


def restore_backup(folder: Path, state_dir: Path) -> tuple[BackupRecord, Path | None]:
    """Put a backup in the place of a control room's record, which is kept beside it.

    Args:
        folder: the backup.
        state_dir: no control room may run on it; it is made if it is missing.

    Returns:
        What was put back, and the folder with what was there before; None if nothing was.

    Raises:
        BackupError: the backup is damaged, or the disk does not take it; what was there is there.
        RoomInUseError: a control room runs.
    """
    record = read_backup(folder)
    with RoomLock(state_dir):
        # Who may log in stays as it is: a user or a token that was removed since must not come back.
        # So does the floor of time.
        files = [name for name in record.files if name not in _STAYING or not (state_dir / name).exists()]
        try:
            work = make_work_folder(state_dir)
            for name in files:
                shutil.copyfile(folder / name, work / name)
                (work / name).chmod(0o600)
            _sync_files(work)
            before = replace_record(state_dir, work, "before-restore", [*HISTORY_FILES, *files])
        except OSError as err:  # of a copy it names the file that is read
            raise BackupError(f"{state_dir}: {err.strerror or err}; it is as it was") from err
        finally:
            remove_leftovers(state_dir)
    return record, before


def _describe(folder: Path, report: Callable[[str, float], None]) -> BackupRecord:
    """Check the copied history, and describe all files.

    Raises:
        BackupError: the history is damaged.
    """
    check = check_history(folder, report)
    if check.problems:
        raise BackupError(f"the history is damaged, and was not backed up: {check.problems[0]};{_ADVICE}")
    for beside in (f"{NAME}-wal", f"{NAME}-shm"):
        (folder / beside).unlink(missing_ok=True)
    files = {path.name: _describe_file(path) for path in sorted(folder.iterdir())}
    return BackupRecord(
        version=__version__, made_at=datetime.now(timezone.utc), files=files, checked=check.checked
    )


def _describe_file(path: Path) -> _File:
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as err:
        raise BackupError(f"{path}: {err.strerror or err}") from err
    return _File(size, digest.hexdigest())


def _sync_files(folder: Path) -> None:
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)

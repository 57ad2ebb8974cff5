"""Put a new record in the place of a control room's, so that a kill at any moment loses neither of the two.

The files of a record belong together: a history without its write-ahead log lacks what was stored last, and
the log of one history beside another damages it. A plan on the disk says what is to be moved; whoever next
takes the lock of the state folder does the rest of it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from edge_node.control_room.history.database import NAME
from edge_node.durable_file import replace_file, sync_folder
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAN_NAME = "replacement.json"
HISTORY_FILES = (NAME, f"{NAME}-wal", f"{NAME}-shm")
_WORK_BEGINS = ".record-"


class ReplacementError(CorrosionError):
    """A replacement that was begun cannot be finished; the sentence says where both records are."""


_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z._-]*\Z")]


class _Plan(msgspec.Struct):
    """What is to be moved, by names that do not lead out of the state folder: root may follow it.

    Attributes:
        new: the folder with the new record.
        aside: the folder for the old one; "" if there is none.
        away: files of the old one.
        files: files of the new one.
    """

    new: Annotated[str, msgspec.Meta(pattern=rf"^{re.escape(_WORK_BEGINS)}[A-Za-z0-9_]+(/new)?\Z")]
    aside: Annotated[str, msgspec.Meta(pattern=r"^([a-z][A-Za-z0-9_-]*)?\Z")]
    away: list[_Name]
    files: list[_Name]


def make_work_folder(state_dir: Path) -> Path:
    """Make a folder in which a new record is put together; ``remove_leftovers`` deletes it in the end."""
    return Path(tempfile.mkdtemp(prefix=_WORK_BEGINS, dir=state_dir))


def replace_record(state_dir: Path, new: Path, word: str, away: Iterable[str]) -> Path | None:
    """Move the files of ``new`` into a state folder whose lock is held, and the old ones to a folder beside.

    Args:
        state_dir: the control room's.
        new: a folder of ``make_work_folder``, or in it, with complete and synced files.
        word: begins the name of the folder for the old files; the time ends it.
        away: the old files that are moved, those of them that are there.

    Returns:
        The folder with the old files; None if there were none.

    Raises:
        OSError: nothing was moved.
        ReplacementError: begun and not finished; the next start tries again.
    """
    there = [name for name in away if (state_dir / name).exists()]
    aside = ""
    if there:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
        aside = Path(tempfile.mkdtemp(prefix=f"{word}-{stamp}-", dir=state_dir)).name
    files = sorted(path.name for path in new.iterdir())
    for name in ("", *files):
        give_to_owner(new / name, state_dir)
    plan = _Plan(str(new.relative_to(state_dir)), aside, there, files)
    try:
        replace_file(state_dir / PLAN_NAME, [msgspec.json.encode(plan)])
    except OSError:
        if aside:
            (state_dir / aside).rmdir()
        raise
    finish_replacement(state_dir)
    return state_dir / aside if aside else None


def finish_replacement(state_dir: Path) -> None:
    """Finish what a process that was killed had begun, in a state folder whose lock is held.

    Raises:
        ReplacementError: the plan cannot be read, or a file cannot be moved.
    """
    path = state_dir / PLAN_NAME
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=_Plan)
    except FileNotFoundError:
        return
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as err:
        raise ReplacementError(
            f"{path}: {err}; a record was being replaced: the old one is in {state_dir}, or in"
            " before-restore-... or damaged-... there, the new one in .record-..."
        ) from err
    try:
        _move(state_dir, plan)
        path.unlink()
        sync_folder(state_dir)
    except OSError as err:
        raise ReplacementError(
            f"{err.filename or state_dir}: {err.strerror or err}; a record is being replaced, which goes on"
            f" with the next start: the old one is in {state_dir / (plan.aside or '.')}, the new one in"
            f" {state_dir / plan.new}"
        ) from err


def describe_missing(state_dir: Path) -> str:
    """Say in a sentence that a state folder has no history, and what to do."""
    if (state_dir / PLAN_NAME).exists():
        return (
            f"{state_dir / NAME}: not there: a restore or salvage was cut off; start the control room, or do"
            " it again: either finishes it"
        )
    return f"{state_dir / NAME}: not there: start the control room once, or name its state_dir"


def remove_leftovers(state_dir: Path) -> None:
    """Delete work folders, also those of killed processes, in a state folder whose lock is held.

    One that a plan still names is kept.
    """
    if not (state_dir / PLAN_NAME).exists():
        for work in state_dir.glob(f"{_WORK_BEGINS}*"):
            shutil.rmtree(work, ignore_errors=True)


def give_to_owner(path: Path, folder: Path) -> None:
    """Let a file that root made belong to whom ``folder`` belongs: the service reads no file of root's.

    Raises:
        OSError: it cannot be changed.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _move(state_dir: Path, plan: _Plan) -> None:
    new, aside = state_dir / plan.new, state_dir / plan.aside
    for name in plan.away:
        # A name that is aside already is the old file: what has it now is the new one.
        if not (aside / name).exists() and (state_dir / name).exists():
            (state_dir / name).rename(aside / name)
    if plan.aside:
        give_to_owner(aside, state_dir)
        sync_folder(aside)
    sync_folder(state_dir)
    for name in plan.files:
        if (new / name).exists():
            (new / name).rename(state_dir / name)
    sync_folder(state_dir)

"""Salvage what a damaged history still holds into a new one, and count what is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.database import NAME, Database
from edge_node.control_room.history.recovery.number_ranges import Range, count
from edge_node.control_room.history.recovery.rebuild import Rebuilt, rebuild
from edge_node.control_room.history.recovery.recovered_rows import RecoveredRows
from edge_node.control_room.history.recovery.replacement import (
    HISTORY_FILES,
    PLAN_NAME,
    describe_missing,
    make_work_folder,
    remove_leftovers,
    replace_record,
)
from edge_node.control_room.history.recovery.room_lock import RoomLock
from edge_node.control_room.history.recovery.whole_file import WholeFileError, include_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class LostNumbers(msgspec.Struct, kw_only=True):
    """Verdicts of one epoch that are lost; they are gaps in the new history."""

    site: str
    robot: str
    epoch: str
    verdicts: int
    ranges: list[Range]


class Salvage(msgspec.Struct, kw_only=True):
    """What came of it; printed as JSON with ``--json``.

    Attributes:
        history: the new file.
        damaged: the folder that now holds the old one; None if it was left where it is.
        kept: rows that were salvaged, by table.
        unreadable: rows by table that were found and can't be right.
    """

    history: str
    damaged: str | None
    kept: dict[str, int]
    unreadable: dict[str, int]
    lost: list[LostNumbers]

    @property
    def lost_verdicts(self) -> int:
        """How many verdicts were stored and cannot be read any more."""
        return sum(one.verdicts for one in self.lost)


def salvage(state_dir: Path, target: Path | None, report: Callable[[str, float], None]) -> Salvage:
    """Store in a new history what the damaged one in ``state_dir`` still holds.

    Args:
        state_dir: a control room's, which must not run.
        target: folder for the new history, which must have none; None puts it in the place of the damaged
            one, which is moved to a folder beside it.
        report: takes the step and the share of it that is done.

    Raises:
        WholeFileError: nothing can be recovered.
        HistoryError: the new history cannot be written.
        RoomInUseError: a control room runs.
    """
    source = state_dir / NAME
    if not source.is_file() and not (state_dir / PLAN_NAME).exists():
        raise WholeFileError(describe_missing(state_dir))
    if target is not None and (target / NAME).exists():
        raise WholeFileError(f"{target / NAME}: is there already; name a folder without a history")
    place = target or state_dir
    try:
        with contextlib.ExitStack() as locks:
            for folder in {state_dir, place}:
                if folder == place or not _is_read_only(folder):
                    locks.enter_context(RoomLock(folder))
            try:
                work = make_work_folder(place)
                rebuilt = _rebuild(source, work, report)
                if not any(rebuilt.kept.values()):
                    raise WholeFileError(f"{source}: no row of a history is found in it; it is left as it is")
                aside = replace_record(place, work / "new", "damaged", HISTORY_FILES)
            finally:
                remove_leftovers(place)
    except OSError as err:
        raise WholeFileError(f"{err.filename or place}: {err.strerror or err}") from err
    return Salvage(
        history=str(place / NAME),
        damaged=str(aside) if aside is not None and target is None else None,
        kept=rebuilt.kept,
        unreadable=rebuilt.unreadable,
        lost=[
            LostNumbers(
                site=one.site, robot=one.robot, epoch=one.epoch, verdicts=count(one.ranges), ranges=one.ranges
            )
            for one in rebuilt.lost
        ],
    )


def _is_read_only(folder: Path) -> bool:
    """Tell whether a folder's disk takes nothing, as after errors: then no control room runs there."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _rebuild(source: Path, work: Path, report: Callable[[str, float], None]) -> Rebuilt:
    """Make the new history in the folder ``new`` below ``work``."""
    report("copying the damaged file", 0.0)
    copy = work / "damaged.db"
    shutil.copyfile(source, copy)
    if (log := source.with_name(f"{NAME}-wal")).is_file():
        shutil.copyfile(log, work / "damaged.db-wal")
    include_log(copy)
    report("looking for the pages of each table", 0.0)
    try:
        rows = RecoveredRows(copy)
    except ValueError as err:
        raise WholeFileError(f"{source}: {err}") from err
    database = Database(work / "new")
    try:
        return rebuild(rows, database, report)
    finally:
        database.close()
        rows.close()

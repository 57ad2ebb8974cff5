"""Open the spool: begin a new epoch, recover from a damaged file.

An epoch is random and new at every start, so that no copy of the state folder, however it was restored, can
give two messages one id. The end of the epoch before comes from the file.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from edge_node.errors import SpoolError
from edge_node.messages.status import Alarm
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import EpochEnd
from edge_node.plain_struct import PlainStruct
from edge_node.spool.chain import LAST_VERDICT, end_at, format_end, parse_end
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.files import (
    SpoolBudget,
    SpoolLock,
    move_damaged,
    prepare_file,
    restore_damaged,
    sibling_file,
)
from edge_node.spool.salvage import (
    salvage,
    salvage_given_up,
    salvage_last_position,
    salvage_meta,
    salvage_nonces,
)
from edge_node.spool.transaction import DamagedError, DiskError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)


# Values of versions that went on with their epoch after a restart; one of them may have run since.
_SEQ = f"seq:{Kind.VERDICT.value}"
_FORMER = ("token", "inode", *(f"seq:{kind.value}" for kind in Kind))


class OpenedSpool(PlainStruct, frozen=True):
    """An open spool file with its epoch and counters.

    Attributes:
        store: the database.
        epoch: random id of this run of sequence numbers.
        before: the end of the newest epoch before; None if the file knows of none.
        counters: see ``Counters``.
        values: the spool's own values that were written with it.
    """

    store: SpoolDatabase
    epoch: str
    before: EpochEnd | None
    counters: dict[str, int]
    values: dict[str, str | int]


def open_locked(
    path: Path, division: SpoolBudget, held: SpoolLock | None = None
) -> tuple[OpenedSpool, SpoolLock]:
    """Open the spool at ``path`` for this process alone; make the file if it is missing.

    A damaged file is renamed, and its undamaged rows are copied to a new one.

    Args:
        path: of the file.
        division: of its share of the disk.
        held: the spool's lock, if this process has it already; else it is taken before anything is changed.

    Raises:
        SpoolError: another user's, in use, of a newer version, or the disk cannot be read and written.
    """
    lock = held or SpoolLock(path)
    try:
        prepare_file(path)
        return _open(path, division), lock
    except SpoolError:
        lock.release()
        raise


def recover_store(path: Path, division: SpoolBudget, values: Mapping[str, str | int]) -> SpoolDatabase:
    """Replace a file that was found damaged while running; epoch and numbers go on.

    Args:
        path: of the spool.
        division: of the disk.
        values: the spool's own values as they were last written.

    Raises:
        DamagedError, DiskError, OSError, SpoolError: it cannot be done now.
    """
    store = _recover(path, division)
    store.set_meta(values)
    return store


def lasting_alarms(path: Path, *, quarantined: int) -> tuple[Alarm, ...]:
    """Return the alarms that stay raised until a person has acted on them.

    Args:
        path: of the spool; each damaged file that still lies beside it raises one.
        quarantined: number of rows in quarantine.
    """
    found: list[Alarm] = []
    try:
        files = sorted(
            file for file in path.parent.iterdir() if file.name.startswith(path.name + ".damaged-")
        )
    except OSError as err:  # no descriptor left, say: no reason to end
        found.append(Alarm(code="state_unreadable", text=f"{path.parent}: {err.strerror or err}"))
        files = []
    found += [
        Alarm(
            code="spool_damaged",
            text=f"{file} was damaged and set aside; its undamaged rows were taken over; delete it when done",
        )
        for file in files
        if file.name.rsplit("-", 1)[-1].isdigit()
    ]
    if quarantined:
        rows = "1 row is" if quarantined == 1 else f"{quarantined} rows are"
        text = f"{rows} refused for good; see `edge-node spool status`"
        found.append(Alarm(code="quarantine", text=text))
    return tuple(found)


def _open(path: Path, division: SpoolBudget) -> OpenedSpool:
    try:
        try:
            store = SpoolDatabase(path, division.wal_pages)
        except DamagedError as err:
            _log.error("%s: damaged (%s); set aside", path, err)
            store = _recover(path, division)
        return _begin_epoch(store)
    except (DamagedError, DiskError, OSError) as err:
        raise SpoolError(
            f"{path}: {err}; the spool needs a disk that can be written ([node] state_dir)"
        ) from err


def _recover(path: Path, division: SpoolBudget) -> SpoolDatabase:
    """Rename the damaged file and return a new one with its undamaged rows; undone if that fails."""
    damaged = move_damaged(path)
    try:
        prepare_file(path)
        store = SpoolDatabase(path, division.wal_pages)
        try:
            last_position = salvage_last_position(damaged)
            count = store.restore(salvage(damaged), salvage_nonces(damaged), last_position=last_position)
            values = {name: value for name, value in salvage_meta(damaged).items() if _is_sound(name, value)}
            store.set_meta(values, lost=salvage_given_up(damaged))
        except BaseException:
            store.close()
            raise
    except BaseException:
        restore_damaged(damaged, path)
        raise
    _log.error("%s: %d undamaged rows are taken over from %s", path, count, damaged)
    return store


def _is_sound(name: object, value: object) -> bool:
    """Tell whether a value of a damaged file can be taken over."""
    return isinstance(name, str) and (
        parse_end(value) is not None if name == LAST_VERDICT else _is_count(name) and isinstance(value, int)
    )


def _is_count(name: str) -> bool:
    return name.startswith("dropped:") or name == "refused"


def _begin_epoch(store: SpoolDatabase) -> OpenedSpool:
    """Begin a new epoch and find the end of the one before."""
    meta, epoch = store.meta(), str(uuid.uuid4())
    before = None if meta.get(_SEQ) else parse_end(meta.get(LAST_VERDICT))
    before = before or _find_end(store, meta)
    values: dict[str, str | int] = {"epoch": epoch}
    if before is not None:
        values[LAST_VERDICT] = format_end(before)
    store.set_meta(values, without=_FORMER)
    # A program of the version that wrote it must not go on with its epoch.
    sibling_file(store.path, "-generation").unlink(missing_ok=True)
    counters = {name: int(n) for name, n in meta.items() if _is_count(name)}
    return OpenedSpool(store, epoch, before, counters, values)


def _find_end(store: SpoolDatabase, meta: Mapping[str, object]) -> EpochEnd | None:
    """Return the end of the epoch before in a file without a chain: by its newest row, and its counter."""
    row = store.newest(Kind.VERDICT)
    end = end_at(row.epoch, row.seq, row.payload) if row else None
    epoch, seq = meta.get("epoch"), meta.get(_SEQ)
    if not (isinstance(epoch, str) and isinstance(seq, int) and seq > 0):
        return end
    if end is not None and (end.epoch, end.seq) == (epoch, seq):
        return end
    return EpochEnd(epoch=epoch, seq=seq, sha256=None)  # it was delivered, and its payload is gone

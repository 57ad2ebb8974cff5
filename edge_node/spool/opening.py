"""Open the spool: determine its epoch, recover from a damaged file, detect an old copy."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.errors import SpoolError
from edge_node.messages.status import Alarm
from edge_node.messages.topics import Kind
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.files import (
    Generation,
    SpoolBudget,
    SpoolLock,
    move_damaged,
    prepare_file,
    restore_damaged,
    sibling_file,
)
from edge_node.spool.salvage import salvage, salvage_last_position
from edge_node.spool.transaction import DamagedError, DiskError

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedSpool:
    """An open spool file with its epoch and counters.

    Attributes:
        store: the database.
        epoch: random id of this run of sequence numbers.
        counters: see ``Counters``.
        restored: why this is not the spool that was used last; empty if it is.
    """

    store: SpoolDatabase
    epoch: str
    counters: dict[str, int]
    restored: str


def open_locked(path: Path, division: SpoolBudget) -> tuple[OpenedSpool, SpoolLock]:
    """Open the spool at ``path`` for this process alone; make the file if it is missing.

    A damaged file is renamed, and its undamaged rows are copied to a new one.

    Raises:
        SpoolError: another user's, in use, of a newer version, or the disk cannot be read and written.
    """
    fresh = prepare_file(path)
    lock = SpoolLock(path)
    try:
        return _open(path, division, fresh=fresh), lock
    except SpoolError:
        lock.release()
        raise


def recover_store(path: Path, division: SpoolBudget, epoch: str, counters: dict[str, int]) -> SpoolDatabase:
    """Replace a file that was found damaged while running; epoch and numbers go on.

    Raises:
        DamagedError, DiskError, OSError, SpoolError: it cannot be done now.
    """
    store = _recover(path, division)
    generation = Generation(path)
    token = generation.announce(None)
    store.set_meta({**counters, "epoch": epoch, "token": token, "inode": generation.inode()})
    generation.confirm(token)
    return store


def lasting_alarms(path: Path, *, restored: str, quarantined: int) -> tuple[Alarm, ...]:
    """Return the alarms that stay raised until a person has acted on them.

    Args:
        path: of the spool; each damaged file that still lies beside it raises one.
        restored: why this is not the spool that was used last; empty if it is.
        quarantined: number of rows in quarantine.
    """
    found = [Alarm(code="spool_restored", text=restored)] if restored else []
    found += [
        Alarm(
            code="spool_damaged",
            text=f"{file} was damaged and set aside; its whole rows were taken over; remove it when done",
        )
        for file in sorted(path.parent.glob(path.name + ".damaged-*"))
        if file.name.rsplit("-", 1)[-1].isdigit()
    ]
    if quarantined:
        rows = "1 row is" if quarantined == 1 else f"{quarantined} rows are"
        text = f"{rows} refused for good; see `edge-node spool status`"
        found.append(Alarm(code="quarantine", text=text))
    return tuple(found)


def _open(path: Path, division: SpoolBudget, *, fresh: bool) -> OpenedSpool:
    try:
        try:
            store = SpoolDatabase(path, division.wal_pages)
        except DamagedError as err:
            _log.error("%s: damaged (%s); set aside", path, err)
            store, fresh = _recover(path, division), True
        return _identify(store, fresh=fresh)
    except (DamagedError, DiskError, OSError) as err:
        raise SpoolError(
            f"{path}: {err}; the spool needs a disk that can be written ([node] state_dir)"
        ) from err


def _recover(path: Path, division: SpoolBudget) -> SpoolDatabase:
    """Rename the damaged file and return a new one with its undamaged rows; undone if that fails."""
    damaged = move_damaged(path)
    sibling_file(path, "-generation").unlink(missing_ok=True)
    try:
        prepare_file(path)
        store = SpoolDatabase(path, division.wal_pages)
        try:
            last_position = salvage_last_position(damaged)
            count = store.restore(salvage(damaged), last_position=last_position)
        except BaseException:
            store.close()
            raise
    except BaseException:
        restore_damaged(damaged, path)
        raise
    _log.error("%s: %d whole rows taken over from %s", path, count, damaged)
    return store


def _identify(store: SpoolDatabase, *, fresh: bool) -> OpenedSpool:
    """Keep the file's epoch, or begin a new one if the file is an old copy; mark the file as in use."""
    meta, generation = store.meta(), Generation(store.path)
    token, epoch, restored = meta.get("token"), meta.get("epoch"), ""
    known = isinstance(epoch, str) and generation.is_current(token, meta.get("inode"))
    counters = {name: int(n) for name, n in meta.items() if name.startswith("dropped:") or name == "refused"}
    seqs = {f"seq:{kind.value}": int(meta.get(f"seq:{kind.value}", 0)) if known else 0 for kind in Kind}
    if not known:
        epoch = str(uuid.uuid4())
        if not fresh:
            restored = (
                f"{store.path} is not the spool that was closed last (an old copy?); what it holds is sent"
                f" under its old numbers, new rows under epoch {epoch}"
            )
            _log.error("%s", restored)
    fresh_token = generation.announce(token if isinstance(token, str) else None)
    store.set_meta({**seqs, "epoch": str(epoch), "token": fresh_token, "inode": generation.inode()})
    generation.confirm(fresh_token)
    return OpenedSpool(store, str(epoch), {**counters, **seqs}, restored)

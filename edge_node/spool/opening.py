"""Opening the spool: which epoch this is, and what to do with a file that is damaged or an old copy."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.errors import SpoolError
from edge_node.messages.status import Alarm
from edge_node.messages.topics import Kind
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.files import Generation, Lock, SpoolBudget, beside, prepare_file, put_back, set_aside
from edge_node.spool.salvage import salvage, salvage_last_position
from edge_node.spool.transaction import DamagedError, DiskError

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open spool file and what it says of itself.

    Attributes:
        store: the file.
        epoch: the name under which numbers count.
        counters: ``seq:KIND`` the number given last; ``dropped:KIND:KEEP`` and ``refused``.
        restored: why this is not the spool that was closed last; empty if it is.
    """

    store: SpoolDatabase
    epoch: str
    counters: dict[str, int]
    restored: str


def open_locked(path: Path, division: SpoolBudget) -> tuple[Opened, Lock]:
    """Open the file at ``path``, made if need be, for this process alone.

    A damaged file is set aside, and what is whole in it is taken over.

    Raises:
        SpoolError: it is not ours, in use, of a newer version, or the disk cannot be read and written.
    """
    fresh = prepare_file(path)
    lock = Lock(path)
    try:
        return _opened(path, division, fresh=fresh), lock
    except SpoolError:
        lock.release()
        raise


def recover_store(path: Path, division: SpoolBudget, epoch: str, counters: dict[str, int]) -> SpoolDatabase:
    """Set the file aside while running and return its successor; numbers go on, for they are known.

    Raises:
        DamagedError, DiskError, OSError, SpoolError: not now.
    """
    store = _recovered(path, division)
    generation = Generation(path)
    token = generation.announce(None)
    store.set_meta({**counters, "epoch": epoch, "token": token, "inode": generation.inode()})
    generation.confirm(token)
    return store


def lasting_alarms(path: Path, *, restored: str, quarantined: int) -> tuple[Alarm, ...]:
    """Return what stays true until a person has looked into it.

    Args:
        path: of the spool; an alarm for each damaged file that still lies beside it.
        restored: why this is not the spool that was closed last; empty if it is.
        quarantined: rows.
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
        text = f"{quarantined} rows are refused for good; see `edge-node spool status`"
        found.append(Alarm(code="quarantine", text=text))
    return tuple(found)


def _opened(path: Path, division: SpoolBudget, *, fresh: bool) -> Opened:
    try:
        try:
            store = SpoolDatabase(path, division.wal_pages)
        except DamagedError as err:
            _log.error("%s: damaged (%s); set aside", path, err)
            store, fresh = _recovered(path, division), True
        return _identified(store, fresh=fresh)
    except (DamagedError, DiskError, OSError) as err:
        raise SpoolError(
            f"{path}: {err}; the spool needs a disk that can be written ([node] state_dir)"
        ) from err


def _recovered(path: Path, division: SpoolBudget) -> SpoolDatabase:
    """Set the file aside and return a new one with its whole rows; all or nothing."""
    aside = set_aside(path)
    beside(path, "-generation").unlink(missing_ok=True)
    try:
        prepare_file(path)
        store = SpoolDatabase(path, division.wal_pages)
        try:
            last_position = salvage_last_position(aside)
            count = store.restore(salvage(aside), last_position=last_position)
        except BaseException:
            store.close()
            raise
    except BaseException:
        put_back(aside, path)
        raise
    _log.error("%s: %d whole rows taken over from %s", path, count, aside)
    return store


def _identified(store: SpoolDatabase, *, fresh: bool) -> Opened:
    """Find out which epoch the file is of, and mark it as the one in use."""
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
    return Opened(store, str(epoch), {**counters, **seqs}, restored)

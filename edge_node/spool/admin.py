"""Inspect, export and requeue a spool from the command line, beside a running node or without one."""

from __future__ import annotations

import csv
import json
from typing import IO, TYPE_CHECKING, Any

import msgspec

from edge_node.errors import SpoolError
from edge_node.messages.checkpoint import GivenUp  # msgspec resolves annotations at run time
from edge_node.messages.verdict import EpochEnd  # the same
from edge_node.spool.chain import LAST_VERDICT, parse_end
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.files import own_bytes
from edge_node.spool.opening import lasting_alarms
from edge_node.spool.transaction import DamagedError, DiskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edge_node.messages.topics import Kind
    from edge_node.spool.rows import Row

_STEP_ROWS = 500


class QuarantinedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that the broker refuses for good, with the reason."""

    kind: str
    seq: int
    epoch: str
    code: int
    reason: str
    payload_bytes: int


class SpoolReport(msgspec.Struct, frozen=True, kw_only=True):
    """The output of ``edge-node spool status``; its counts live as long as the file.

    Attributes:
        epoch: of the newest start.
        last_verdict: the newest one of all epochs that was committed, delivered or not.
        given_up: verdicts that were given up and that no checkpoint has named yet.
    """

    path: str
    epoch: str
    last_verdict: EpochEnd | None
    waiting: dict[str, int]
    oldest_at_s: float | None
    disk_bytes: int
    dropped: dict[str, int]
    refused: int
    quarantined: tuple[QuarantinedRow, ...]
    given_up: tuple[GivenUp, ...]
    alarms: tuple[str, ...]


class SpoolAdmin:
    """Open an existing spool file beside the node; use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the spool at ``path``.

        Raises:
            SpoolError: there is none, or it is damaged.
        """
        try:
            is_there = path.is_file() and path.stat().st_size > 0
        except OSError as err:
            raise SpoolError(f"{path}: {err.strerror}; run this as the node's user, or as root") from err
        if not is_there:
            raise SpoolError(f"{path}: no spool there; name it with --spool, or its node with --config")
        self._path = path
        try:
            self._store = SpoolDatabase(path, is_ours=False)
        except DamagedError as err:
            raise SpoolError(f"{path}: {err}; start the node once: it takes over what is whole") from err
        except DiskError as err:
            raise SpoolError(f"{path}: {err}; run this as the node's user, or as root") from err

    def __enter__(self) -> SpoolAdmin:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self._store.close()

    def report(self) -> SpoolReport:
        """Return counts of the rows that wait, were dropped, were refused or are in quarantine."""
        meta, oldest = self._store.meta(), self._store.oldest()
        return SpoolReport(
            path=str(self._path),
            epoch=str(meta.get("epoch", "")),
            last_verdict=parse_end(meta.get(LAST_VERDICT)),
            waiting=self._store.waiting_by_kind(),
            oldest_at_s=oldest[1] if oldest else None,
            disk_bytes=own_bytes(self._path),
            dropped={
                name.removeprefix("dropped:"): int(count)
                for name, count in meta.items()
                if name.startswith("dropped:")
            },
            refused=int(meta.get("refused", 0)),
            quarantined=tuple(
                QuarantinedRow(
                    kind=row.kind.value,
                    seq=row.seq,
                    epoch=row.epoch,
                    code=refusal.code,
                    reason=refusal.reason,
                    payload_bytes=len(row.payload),
                )
                for row, refusal in self._store.quarantined()
            ),
            given_up=tuple(self._store.given_up()),
            alarms=tuple(alarm.text for alarm in lasting_alarms(self._path, quarantined=0)),
        )

    def rows(self, kind: Kind, *, quarantined: bool = False) -> Iterator[Row]:
        """Yield the undamaged waiting rows of ``kind`` in order, or those in quarantine."""
        if quarantined:
            yield from (row for row, _ in self._store.quarantined() if row.kind is kind)
            return
        after = 0
        while found := self._store.rows(kind, after=after, up_to=None, limit=_STEP_ROWS):
            yield from (row for row, whole in found if whole)
            after = found[-1][0].position

    def requeue(self) -> int:
        """Move the rows in quarantine behind the waiting ones; return how many."""
        try:
            return self._store.requeue()
        except DiskError as err:
            raise SpoolError(f"{self._path}: {err}; nothing was changed") from err


def write_json_lines(rows: Iterable[Row], out: IO[bytes]) -> int:
    """Write the payloads byte for byte as they are published, one a line; return how many."""
    count = 0
    for row in rows:
        out.write(row.payload + b"\n")
        count += 1
    return count


def write_csv(rows: list[Row], out: IO[str]) -> int:
    """Write a CSV line for each row, nested values in columns ``a.b``, lists as JSON; return how many."""
    documents = [_flatten(row.payload) for row in rows]
    columns = list(dict.fromkeys(name for document in documents for name in document))
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(documents)
    return len(documents)


def _flatten(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError:
        return {"payload": payload.decode("utf-8", "replace")}
    found: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{prefix}.{name}" if prefix else name, inner)
        else:
            found[prefix] = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value

    walk("", document)
    return found

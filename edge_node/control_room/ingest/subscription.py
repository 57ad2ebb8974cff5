"""Say what an ingest subscribes to, under which client id, and what else it does for the room.

A room of one process subscribes to everything. Where several share the work, each is a member of a shared
subscription, through which the broker hands each message to one of them; but never a retained one, and
in no order within a robot. So one process at a time reads the states of robots, which are retained, by
an ordinary subscription.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from edge_node.control_room.ingest.decoding import filters
from edge_node.control_room.ingest.receipts import ReceiptBook
from edge_node.control_room.ingest.session_identity import NAME, Identity, client_id
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.settings import RoomSettings
    from edge_node.mqtt.types import Outgoing

MAX_MEMBER = 999
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_STATE_LEAF = "/status"
_MAX_PREFIX = 20  # characters of the client id before the group: brokers need to take 23 only


class Receipts(Protocol):
    """Tells which receipts are due."""

    def begin(self) -> None:
        """Start a connection: what was sent on the last one may be lost."""

    def note(self, arrivals: Sequence[Arrival]) -> None:
        """Note what was stored."""

    def due(self, now_s: float) -> Iterator[Outgoing]:
        """Yield the receipts to publish now."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one ingest does for its room.

    Attributes:
        filters: that it subscribes to.
        identity: its session at the broker.
        receipts: that it publishes; none if not given.
        trims: it holds the history within its bounds.
        in_transaction: called with what is stored, before it is committed.
    """

    filters: tuple[str, ...]
    identity: Identity
    receipts: Receipts | None = None
    trims: bool = False
    in_transaction: Callable[[Sequence[Arrival]], None] = lambda _arrivals: None


def whole_room(settings: RoomSettings, history: History, folder: Path) -> Part:
    """Return the part of a room's only process."""
    wanted = filters(site=settings.room.site or "+")
    identity = client_id(folder, settings.mqtt, wanted)
    return Part(wanted, identity, ReceiptBook(settings.room, history), trims=True)


def member(
    settings: RoomSettings,
    folder: Path,
    group: str,
    number: int,
    in_transaction: Callable[[Sequence[Arrival]], None] = lambda _arrivals: None,
) -> Part:
    """Return the part of one member of a group: verdicts and all else that states of robots are not.

    Raises:
        ConfigError: the group's name cannot stand in a subscription.
    """
    leaves = [name for name in filters(site=settings.room.site or "+") if not name.endswith(_STATE_LEAF)]
    wanted = tuple(f"$share/{check_group(group)}/{name}" for name in leaves)
    return Part(
        wanted, _identity(settings, folder, wanted, f"{group}-{number}"), in_transaction=in_transaction
    )


def upkeep(
    settings: RoomSettings,
    folder: Path,
    group: str,
    receipts: Receipts | None,
    in_transaction: Callable[[Sequence[Arrival]], None],
) -> Part:
    """Return the part of the one process that reads the states of robots, sends receipts and trims."""
    site = settings.room.site or "+"
    wanted = tuple(name for name in filters(site=site) if name.endswith(_STATE_LEAF))
    identity = _identity(settings, folder, wanted, f"{check_group(group)}-upkeep")
    return Part(wanted, identity, receipts, trims=True, in_transaction=in_transaction)


def check_group(group: str) -> str:
    """Return the name of a group.

    Raises:
        ConfigError: it cannot stand in a subscription and in client ids.
    """
    if not _GROUP.fullmatch(group):
        raise ConfigError(
            f"--share {group!r}: wanted up to 32 letters, digits, - and _, the first a letter or digit"
        )
    return group


def _identity(settings: RoomSettings, folder: Path, wanted: tuple[str, ...], name: str) -> Identity:
    """Return a session whose client id is the same at every start, and on every machine."""
    prefix = (settings.mqtt.client_id or "corrosion")[:_MAX_PREFIX]
    mqtt = msgspec.structs.replace(settings.mqtt, client_id=f"{prefix}-{name}")
    return client_id(folder, mqtt, wanted, NAME.replace(".json", f"-{name}.json"))

"""Choose the client id of the control room's MQTT session once and store it beside the history."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from edge_node.durable_file import replace_file
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_node.config.delivery_sections import MqttConfig

NAME = "session.json"
_MAX_BYTES = 4096
# Subscribed to since a later version: an upgrade keeps its session, and what the broker queued meanwhile.
_LATER_LEAVES = ("/shadow", "/checkpoint")


class _SessionFile(msgspec.Struct):
    client_id: str
    subscribed: str  # hash of broker and filters; others get a new session, and the old one expires
    was_used: bool = False
    filters: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # filters of before, to which the session may be subscribed still


@dataclass(frozen=True, slots=True)
class Identity:
    """A client id, and whether the broker has had a session of it.

    Attributes:
        path: file in which it is stored.
        subscribed: hash of broker and topic filters.
        filters: that are wanted.
        left: filters of before, which a session with a given client id keeps until it unsubscribes.
    """

    client_id: str
    was_used: bool
    path: Path
    subscribed: str
    filters: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def used(self) -> Identity:
        """Record on disk that the broker has a session of this client id, subscribed to what is wanted."""
        if not self.was_used or self.left:
            _write(self.path, _SessionFile(self.client_id, self.subscribed, True, self.filters))
        return replace(self, was_used=True, left=())

    def forget(self) -> None:
        """Record that the broker has no session of this client id any more."""
        self.path.unlink(missing_ok=True)


def client_id(folder: Path, mqtt: MqttConfig, filters: Sequence[str], name: str = NAME) -> Identity:
    """Load the client id; make a new one if the broker or the topic filters have changed.

    Args:
        folder: the control room's state.
        mqtt: the broker, and the client id if one is given.
        filters: of topics.
        name: of the file; each session has one.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    path = folder / name
    first = [one for one in filters if not one.endswith(_LATER_LEAVES)]
    where = f"{mqtt.hostname}:{mqtt.port} {' '.join(first)}"
    subscribed = hashlib.sha256(where.encode()).hexdigest()
    stored = _read(path)
    if (
        stored is None
        or stored.subscribed != subscribed
        or (mqtt.client_id or stored.client_id) != stored.client_id
    ):
        made = mqtt.client_id or f"corrosion-room-{secrets.token_hex(4)}"
        is_same = stored is not None and stored.client_id == made
        before = {*stored.filters, *stored.left} if stored is not None and is_same else set()
        left = tuple(sorted(before.difference(filters)))
        stored = _SessionFile(made, subscribed, filters=tuple(filters), left=left)
        _write(path, stored)
    elif stored.filters != tuple(filters):  # of a version that did not keep them, or had fewer
        stored = msgspec.structs.replace(stored, filters=tuple(filters))
        _write(path, stored)
    return Identity(stored.client_id, stored.was_used, path, subscribed, tuple(filters), stored.left)


def _read(path: Path) -> _SessionFile | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=_SessionFile)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a new client id loses what is queued for the old one; gaps will show it
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror or err}") from err


def _write(path: Path, stored: _SessionFile) -> None:
    try:
        replace_file(path, [msgspec.json.encode(stored)])
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror or err}") from err

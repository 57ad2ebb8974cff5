"""The name under which the broker keeps the room's session: made once, kept beside the history."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_node.config.delivery_sections import MqttConfig

NAME = "session.json"
_MAX_BYTES = 4096


class _Stored(msgspec.Struct):
    client_id: str
    subscribed: str  # hash of broker and filters: another session for others, the old one expires
    was_used: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """A client id, and whether the broker was ever told it."""

    client_id: str
    was_used: bool
    path: Path
    subscribed: str

    def used(self) -> Identity:
        """Note on the disk that the broker has a session of this name."""
        if not self.was_used:
            _write(self.path, _Stored(self.client_id, self.subscribed, was_used=True))
        return replace(self, was_used=True)


def client_id(folder: Path, mqtt: MqttConfig, filters: Sequence[str]) -> Identity:
    """Return the room's name at the broker; a new one where broker or subscriptions have changed.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    path = folder / NAME
    where = f"{mqtt.hostname}:{mqtt.port} {' '.join(filters)}"
    subscribed = hashlib.sha256(where.encode()).hexdigest()
    stored = _read(path)
    if (
        stored is None
        or stored.subscribed != subscribed
        or (mqtt.client_id or stored.client_id) != stored.client_id
    ):
        name = mqtt.client_id or f"corrosion-room-{secrets.token_hex(4)}"
        stored = _Stored(name, subscribed)
        _write(path, stored)
    return Identity(stored.client_id, stored.was_used, path, subscribed)


def _read(path: Path) -> _Stored | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=_Stored)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a new name costs what waits at the broker under the old one; gaps will show it
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror or err}") from err


def _write(path: Path, stored: _Stored) -> None:
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.encode(stored))
        fresh.replace(path)
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror or err}") from err

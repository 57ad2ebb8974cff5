"""Remember on disk on which topics of a broker this robot has retained messages.

A retained message stays until somebody clears it. So whoever publishes one writes down its topic first; what
an earlier configuration published and this one does not is stale, and is cleared.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

import msgspec

from edge_node.durable_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STATE_NAME = "retained.json"
_MOST_BROKERS = 8
_MOST_TOPICS = 500  # one robot has a dozen in each form of discovery
_MAX_STATE_BYTES = 1024 * 1024

_log = logging.getLogger(__name__)


class RetainedTopics:
    """The topics of one broker; each change is on disk when the method returns."""

    def __init__(self, path: Path, broker: str) -> None:
        """Read what was written down.

        Args:
            path: of the state file; it may be missing.
            broker: HOST:PORT; what another one retains cannot be cleared here.
        """
        self._path = path
        self._broker = broker
        self._state = _load(path)
        self._here = self._state.brokers.pop(broker, _Broker())
        self._wanted: set[str] = set()

    @property
    def stale(self) -> list[str]:
        """Topics on which an earlier configuration published and this one does not."""
        return [topic for topic in self._here.topics if topic not in self._wanted]

    @property
    def looks(self) -> int:
        """How often this broker was searched for what a version without this file left."""
        return self._here.looks

    def claim(self, topics: Iterable[str]) -> None:
        """Write down topics before something is published on them."""
        new = [topic for topic in topics if topic not in self._wanted]
        self._wanted.update(new)
        missing = [topic for topic in new if topic not in self._here.topics]
        if missing:
            self._here.topics = [*self._here.topics, *missing][-_MOST_TOPICS:]
            self._save()

    def forget(self, topic: str) -> None:
        """Forget a topic that has no retained message of ours any more."""
        if topic in self._here.topics and topic not in self._wanted:
            self._here.topics.remove(topic)
            self._save()

    def note_look(self) -> None:
        """Count that this broker is being searched."""
        self._here.looks += 1
        self._save()

    def _save(self) -> None:
        others = dict(list(self._state.brokers.items())[-(_MOST_BROKERS - 1) :])
        state = _State(brokers={**others, self._broker: self._here})
        try:
            replace_file(self._path, [msgspec.json.encode(state)])
        except OSError as err:
            text = "%s: %s; topics that are no longer used would not be cleared after a restart"
            _log.warning(text, self._path, err.strerror)


class _Broker(msgspec.Struct, kw_only=True):
    topics: list[str] = []
    looks: int = 0


class _State(msgspec.Struct, kw_only=True):
    format: Literal[1] = 1
    brokers: dict[str, _Broker] = {}


def _load(path: Path) -> _State:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_STATE_BYTES), type=_State)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.DecodeError, ValueError) as err:
        _log.warning("%s: %s; which topics were retained before is not known any more", path, err)
    return _State()

"""Reads along on an MQTT 5 connection: which verdicts the broker acknowledged, seen from outside the node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(rb'"id":\s?"([^"]+)"')
_PUBLISH, _PUBACK = 0x30, 0x40
_NO_SUBSCRIBERS = 0x10


class Tap:
    """One connection; adds to ``acknowledged`` the ids that the broker took for a subscriber."""

    def __init__(self, topic: str, acknowledged: set[str]) -> None:
        self._topic = topic.encode()
        self._acknowledged = acknowledged
        self._sent = _Packets()
        self._answers = _Packets()
        self._on_the_way: dict[int, str] = {}

    def sent(self, data: bytes) -> None:
        """Read what goes to the broker."""
        for kind, body in self._sent.feed(data):
            length = int.from_bytes(body[:2], "big")
            if kind & 0xF0 == _PUBLISH and kind & 0x06 and body[2 : 2 + length] == self._topic:
                number = int.from_bytes(body[2 + length : 4 + length], "big")
                if found := _ID.search(body, 4 + length):
                    self._on_the_way[number] = found[1].decode()

    def answered(self, data: bytes) -> None:
        """Read what the broker says."""
        for kind, body in self._answers.feed(data):
            if kind & 0xF0 == _PUBACK:
                one = self._on_the_way.pop(int.from_bytes(body[:2], "big"), None)
                code = body[2] if len(body) > 2 else 0
                if one is not None and code < 0x80 and code != _NO_SUBSCRIBERS:
                    self._acknowledged.add(one)


class _Packets:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Add ``data`` and yield the packets that are whole now: first byte and body."""
        self._buffer += data
        while True:
            length, size = 0, 1
            while size < len(self._buffer) and size <= 4:
                byte = self._buffer[size]
                length |= (byte & 0x7F) << (7 * (size - 1))
                size += 1
                if byte < 0x80:
                    break
            else:
                return
            if len(self._buffer) < size + length:
                return
            yield self._buffer[0], bytes(self._buffer[size : size + length])
            del self._buffer[: size + length]

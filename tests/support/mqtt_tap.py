"""Reads along on MQTT 5 connections: which verdicts were sent, and what the broker answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(rb'"id":\s?"([^"]+)"')
_PUBLISH, _PUBACK = 0x30, 0x40
_NO_SUBSCRIBERS = 0x10


@dataclass(slots=True)
class Sending:
    """One verdict as it went towards the broker once; whether it got there is not known without a code."""

    verdict_id: str
    connection: int
    code: int | None = None

    @property
    def taken(self) -> bool:
        """The broker said that it has it for a subscriber."""
        return self.code is not None and self.code < 0x80 and self.code != _NO_SUBSCRIBERS

    @property
    def refused(self) -> bool:
        """The broker said that nobody got it."""
        return self.code is not None and not self.taken


class Tap:
    """One connection, by its number; adds to ``sendings`` what is sent on one topic."""

    def __init__(self, topic: str, sendings: list[Sending], connection: int = 1) -> None:
        self._topic = topic.encode()
        self._sendings = sendings
        self._connection = connection
        self._sent = _Packets()
        self._answers = _Packets()
        self._on_the_way: dict[int, Sending] = {}

    def sent(self, data: bytes) -> None:
        """Read what goes to the broker."""
        for kind, body in self._sent.feed(data):
            length = int.from_bytes(body[:2], "big")
            if kind & 0xF0 == _PUBLISH and kind & 0x06 and body[2 : 2 + length] == self._topic:
                number = int.from_bytes(body[2 + length : 4 + length], "big")
                if found := _ID.search(body, 4 + length):
                    sending = Sending(found[1].decode(), self._connection)
                    self._sendings.append(sending)
                    self._on_the_way[number] = sending

    def answered(self, data: bytes) -> None:
        """Read what the broker says."""
        for kind, body in self._answers.feed(data):
            if kind & 0xF0 == _PUBACK:
                sending = self._on_the_way.pop(int.from_bytes(body[:2], "big"), None)
                if sending is not None:
                    sending.code = body[2] if len(body) > 2 else 0


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

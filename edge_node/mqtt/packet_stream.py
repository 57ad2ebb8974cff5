"""Cut what a broker sends into MQTT packets; discard a PUBLISH that is too large piece by piece. Pure.

A retained message comes again at every connection. If one that is too large ended the link, whoever may
publish it once would cut the robot off for ever; if it were collected, it would fill the memory.
Source: MQTT 5.0, 2.1 Structure of an MQTT Control Packet, 3.3 PUBLISH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.plain_text import escape_unprintable
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

_PUBLISH = 0x30
_HAS_NUMBER = 0x06  # QoS 1 and 2
_MAX_LENGTH_BYTES = 4
_SHOWN = 200  # characters of a topic, in a text for people
_LONGEST_HEAD = 2 + 0xFFFF + 2  # the topic with its length, the packet's number


class StreamError(Exception):
    """The bytes are not MQTT, or a packet is too large that cannot be skipped; what follows is lost."""


class Packet(PlainStruct, frozen=True):
    """A whole packet: the first byte of its fixed header, and all that follows that header."""

    first_byte: int
    body: bytearray


class SkippedPublish(PlainStruct, frozen=True):
    """A PUBLISH that is not read: too large, or broken.

    Attributes:
        topic: as text for people; its bytes may be no UTF-8.
        size_bytes: of the packet without its fixed header.
        is_too_large: false where it is broken.
        number: to acknowledge it by; 0 at QoS 0.
        is_over: false when its topic was read, true when its last byte was.
    """

    topic: str
    size_bytes: int
    is_too_large: bool
    number: int
    is_over: bool

    @property
    def text(self) -> str:
        """What is skipped and why, for people."""
        fault = f"{self.size_bytes} bytes, too large" if self.is_too_large else "broken"
        return f"a message on {escape_unprintable(self.topic[:_SHOWN]) or 'no topic'} is skipped: {fault}"


class PacketStream:
    """Take bytes as they come and hand out packets; keeps at most one packet of the allowed size."""

    def __init__(self, largest_bytes: int) -> None:
        """Begin a connection.

        Args:
            largest_bytes: of a packet without its fixed header; a larger PUBLISH is skipped.
        """
        self._largest_bytes = largest_bytes
        self._buffer = bytearray()
        self._skipped: SkippedPublish | None = None
        self._left_bytes = 0  # of the packet that is being skipped

    @property
    def is_skipping(self) -> bool:
        """True while the bytes that come are discarded."""
        return self._skipped is not None

    def packets(self, data: bytes) -> Iterator[Packet | SkippedPublish]:
        """Take ``data`` and yield what is complete by now.

        A PUBLISH that is skipped is yielded twice: when its topic is known, and when it is over.

        Raises:
            StreamError: see there.
        """
        self._buffer += data
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> Packet | SkippedPublish | None:
        if self._skipped is not None:
            return self._discard(self._skipped)
        header = self._read_header()
        if header is None:
            return None
        length, begin = header
        if length > self._largest_bytes:
            return self._begin_to_skip(length, begin)
        if len(self._buffer) < begin + length:
            return None
        first_byte, body = self._buffer[0], self._buffer[begin : begin + length]
        del self._buffer[: begin + length]
        return Packet(first_byte, body)

    def _read_header(self) -> tuple[int, int] | None:
        """Return the announced length and where the packet's body begins; None if more must come."""
        length = 0
        for place, byte in enumerate(self._buffer[1 : 1 + _MAX_LENGTH_BYTES]):
            length |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return length, place + 2
        if len(self._buffer) > _MAX_LENGTH_BYTES:
            raise StreamError("sends what is not MQTT")
        return None

    def _begin_to_skip(self, length: int, begin: int) -> SkippedPublish | None:
        first_byte = self._buffer[0]
        if first_byte & 0xF0 != _PUBLISH:
            raise StreamError(f"sends {length} bytes, allowed {self._largest_bytes}")
        head = self._buffer[begin : begin + _LONGEST_HEAD]
        named = 2 + int.from_bytes(head[:2], "big") + (2 if first_byte & _HAS_NUMBER else 0)
        if len(head) < min(length, named):
            return None
        del self._buffer[:begin]
        self._left_bytes = length
        self._skipped = skipped_publish(first_byte, head, size_bytes=length, is_too_large=True, is_over=True)
        return skipped_publish(first_byte, head, size_bytes=length, is_too_large=True, is_over=False)

    def _discard(self, skipped: SkippedPublish) -> SkippedPublish | None:
        came = min(self._left_bytes, len(self._buffer))
        del self._buffer[:came]
        self._left_bytes -= came
        if self._left_bytes:
            return None
        self._skipped = None
        return skipped


def skipped_publish(
    first_byte: int, head: bytes | bytearray, *, size_bytes: int, is_too_large: bool, is_over: bool
) -> SkippedPublish:
    """Return what the beginning of a PUBLISH says of it, however broken it is."""
    end = 2 + int.from_bytes(head[:2], "big")
    number = int.from_bytes(head[end : end + 2], "big") if first_byte & _HAS_NUMBER else 0
    topic = bytes(head[2:end]).decode("utf-8", "backslashreplace")
    return SkippedPublish(topic, size_bytes, is_too_large, number, is_over)

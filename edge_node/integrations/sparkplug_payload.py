"""Encode Sparkplug B payloads: the few fields of the protobuf schema that the node needs. Pure.

A hundred lines instead of a protobuf runtime on the robot; tests decode what they write with the official
schema. Source: ``sparkplug_b.proto`` of Eclipse Tahu; Sparkplug 3.0, chapter 6; protobuf wire format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Value = str | int | float | bool | None

REBIRTH = "Node Control/Rebirth"
MAX_COMMAND_BYTES = 4096
_MAX_VARINT_BYTES = 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


class DataType(IntEnum):
    """The type of a metric's value; the numbers are the schema's."""

    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


@dataclass(frozen=True, slots=True)
class Metric:
    """One named value; None says that it is not known.

    Attributes:
        timestamp_ms: when it was so, in Unix time.
        is_historical: it is not the newest: hosts store it and do not show it.
    """

    name: str
    datatype: DataType
    value: Value
    timestamp_ms: int
    is_historical: bool = False


class MalformedError(ValueError):
    """The bytes are no protobuf message."""


def encode_payload(metrics: Iterable[Metric], *, timestamp_ms: int, seq: int | None) -> bytes:
    """Return a payload as it goes over the wire.

    Args:
        metrics: in the order in which hosts see them.
        timestamp_ms: of the message.
        seq: 0 to 255; None for the death certificate, which has none.
    """
    body = _number(1, timestamp_ms)
    for metric in metrics:
        body += _bytes(2, _metric(metric))
    return body if seq is None else body + _number(3, seq)


def asks_for_rebirth(payload: bytes) -> bool:
    """Tell whether a command from the host asks for a new birth; other bytes ask for nothing."""
    if len(payload) > MAX_COMMAND_BYTES:
        return False
    try:
        metrics = [
            dict(_fields(value))
            for field, value in _fields(payload)
            if field == 2 and isinstance(value, bytes)
        ]
    except MalformedError:
        return False
    return any(metric.get(1) == REBIRTH.encode() and metric.get(14) == 1 for metric in metrics)


def _metric(metric: Metric) -> bytes:
    """Return one metric. The type stands in data too, for readers that did not see the birth."""
    body = _bytes(1, metric.name.encode()) + _number(3, metric.timestamp_ms) + _number(4, metric.datatype)
    if metric.is_historical:
        body += _number(5, 1)
    if metric.value is None:
        return body + _number(7, 1)
    if metric.datatype is DataType.STRING:
        return body + _bytes(15, str(metric.value).encode())
    if metric.datatype is DataType.DOUBLE:
        return body + _key(13, _FIXED64) + struct.pack("<d", float(metric.value))
    if metric.datatype is DataType.BOOLEAN:
        return body + _number(14, int(bool(metric.value)))
    return body + _number(11, int(metric.value) % (1 << 64))  # negative ones as two's complement


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field: bytes for strings and messages, a number for varints.

    Raises:
        MalformedError: the bytes end too early, or are of a kind that the schema does not have.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        field, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, at = _read_varint(message, at)
            yield field, value
            continue
        if wire_type == _BYTES:
            length, at = _read_varint(message, at)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise MalformedError(f"wire type {wire_type}")
        if at + length > len(message):
            raise MalformedError("ends within a field")
        yield field, message[at : at + length]
        at += length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number and where the next byte is."""
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        if at + index >= len(message):
            raise MalformedError("ends within a number")
        byte = message[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise MalformedError("a number of more than ten bytes")

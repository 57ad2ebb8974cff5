"""Map a broker's reason code for one message to what becomes of the row that was sent. Pure.

Source: MQTT 5.0, 3.4.2.1 PUBACK Reason Code; how brokers use them: mosquitto 2.0.
"""

from __future__ import annotations

from enum import Enum

NO_SUBSCRIBERS = 0x10
NOT_AUTHORIZED = 0x87
SESSION_TAKEN_OVER = 0x8E
PACKET_TOO_LARGE = 0x95
RETAIN_NOT_SUPPORTED = 0x9A
QOS_NOT_SUPPORTED = 0x9B
WILDCARDS_NOT_SUPPORTED = 0xA2

_NAMES = {
    NO_SUBSCRIBERS: "nobody subscribes",
    0x80: "unspecified error",
    0x83: "implementation specific error",
    NOT_AUTHORIZED: "not authorized",
    0x90: "topic name invalid",
    PACKET_TOO_LARGE: "packet too large",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
    RETAIN_NOT_SUPPORTED: "retain not supported",
    QOS_NOT_SUPPORTED: "QoS not supported",
    WILDCARDS_NOT_SUPPORTED: "wildcard subscriptions not supported",
}


class Fate(Enum):
    """The possible outcomes for a row."""

    DELIVERED = "delivered"  # the broker has it
    KEPT = "kept"  # stays, and is sent again: something outside the row must change first
    REFUSED = "refused"  # this row will never be taken: quarantine


def fate(code: int, *, require_subscriber: bool) -> Fate:
    """Return what becomes of a row that was answered with ``code``."""
    if code == NO_SUBSCRIBERS and require_subscriber:
        return Fate.KEPT
    if code < 0x80:
        return Fate.DELIVERED
    if code in (0x90, PACKET_TOO_LARGE, 0x99):
        return Fate.REFUSED
    return Fate.KEPT


def name(code: int) -> str:
    """Return the meaning of ``code`` in words."""
    return f"{_NAMES.get(code, 'refused')} ({code})"

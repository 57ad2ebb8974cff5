"""Define the messages, addresses and errors of a connection to the broker. Pure: ``session`` does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.errors import PublisherError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    import ssl
    from datetime import datetime

_RECEIVE_MAXIMUM = 65_535  # of a broker that names none


class LinkError(PublisherError):
    """The connection could not be made, or ended.

    Attributes:
        code: MQTT reason code, if the broker gave one.
        refused: the broker is there and does not want us; trying again helps only if something changes.
        is_unanswered: the broker ended the connection before it answered anything, and gave no reason.
    """

    def __init__(
        self, text: str, *, code: int | None = None, refused: bool = False, is_unanswered: bool = False
    ) -> None:
        super().__init__(text)
        self.code = code
        self.refused = refused
        self.is_unanswered = is_unanswered


class Endpoint(PlainStruct, frozen=True):
    """The address of a broker and the identity to connect with."""

    _unshown = frozenset({"tls", "password"})

    hostname: str
    port: int
    client_id: str
    is_v5: bool = True
    keep_alive_s: int = 15
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = None
    certificate_times: tuple[datetime, datetime] | None = None  # of our own certificate

    @property
    def where(self) -> str:
        """The address as messages show it."""
        return f"broker {self.hostname}:{self.port}"


class PersistentSession(PlainStruct, frozen=True):
    """Ask the broker to keep the session while we are away, and each message until it is acknowledged (v5).

    Attributes:
        expiry_s: how long it is kept.
        receive_maximum: messages that may wait for ``Session.acknowledge``.
        max_packet_bytes: larger messages are not sent to us.
    """

    expiry_s: int
    receive_maximum: int = 500
    max_packet_bytes: int = 2_100_000


class Will(PlainStruct, frozen=True):
    """The message that the broker publishes for us when the link is lost; at QoS 1 and retained if it may."""

    topic: str
    payload: bytes
    delay_s: int = 0
    retain: bool = True
    content_type: str = "application/json"


class Promise(PlainStruct, frozen=True):
    """What a broker does with messages: some keep none as retained, some take QoS 0 only."""

    retain: bool = True
    qos: int = 1

    @property
    def text(self) -> str:
        """What is missing, for people; "" where nothing is."""
        missing = [] if self.retain else ["no retained messages"]
        missing += [] if self.qos else ["QoS 0 only"]
        return "the broker takes " + " and ".join(missing) if missing else ""


class Granted(PlainStruct, frozen=True):
    """The limits that the broker named in its CONNACK; ``promise`` also as far as we know it from before."""

    receive_maximum: int = _RECEIVE_MAXIMUM
    maximum_packet_bytes: int | None = None
    session_present: bool = False
    promise: Promise = Promise()
    wildcards: bool = True


class Outgoing(PlainStruct, frozen=True):
    """A message to the broker; v3.1.1 leaves out all but the first four."""

    _unshown = frozenset({"payload"})

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    user: tuple[tuple[str, str], ...] = ()
    correlation: bytes = b""
    content_type: str = "application/json"
    response_topic: str = ""

    @property
    def size_bytes(self) -> int:
        """An upper bound of the packet's size, some 20 bytes above it."""
        properties = sum(5 + len(key.encode()) + len(value.encode()) for key, value in self.user)
        texts = (self.topic, self.content_type, self.response_topic)
        names = len(self.correlation) + sum(len(text.encode()) for text in texts)
        return 30 + names + properties + len(self.payload)


class Incoming(PlainStruct, frozen=True):
    """A message from the broker; nothing in it can be trusted."""

    topic: str
    payload: bytes
    is_retained: bool
    correlation: bytes = b""
    user: tuple[tuple[str, str], ...] = ()
    number: int = 0
    qos: int = 0

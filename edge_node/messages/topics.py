"""Build and parse the MQTT topics of a robot. Pure."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from edge_node.errors import ConfigError
from edge_node.messages.identifiers import NAME_WANTED
from edge_node.plain_struct import PlainStruct

ROOT: Final = "corrosion/v1"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
ID_WANTED: Final = f"wanted {NAME_WANTED}"


class Kind(str, Enum):
    """A kind of spooled message; each has its own topic and its own sequence numbers."""

    VERDICT = "verdict"
    FINDING = "finding"
    RESPONSE = "response"
    SHADOW = "shadow"
    CHECKPOINT = "checkpoint"


# Sent in this order: responses, findings, checkpoints (one a minute), verdicts, the shadow's disagreements.
BY_PRIORITY: Final = (Kind.RESPONSE, Kind.FINDING, Kind.CHECKPOINT, Kind.VERDICT, Kind.SHADOW)
_LEVEL = {kind: kind.value for kind in Kind} | {Kind.RESPONSE: "rsp"}


def is_id(text: str) -> bool:
    """Tell whether ``text`` can name a site or a robot."""
    return _ID.fullmatch(text) is not None


class _Named(msgspec.Struct):
    site: str
    robot: str


def topics_named_in(payload: bytes) -> Topics | None:
    """Return the topics of the robot that a message names as its own; None if it names none."""
    try:
        named = msgspec.json.decode(payload, type=_Named)
        return Topics(named.site, named.robot)
    except (msgspec.DecodeError, ValueError, RecursionError, ConfigError):
        return None


class Topics(PlainStruct, frozen=True):
    """The topics of one robot."""

    site: str
    robot: str

    def __post_init__(self) -> None:
        """Refuse ids that would change the shape of a topic."""
        for name, value in (("site", self.site), ("robot", self.robot)):
            if not is_id(value):
                raise ConfigError(f"[node] {name} = {value!r}: {ID_WANTED}")

    @property
    def base(self) -> str:
        """The first levels of all topics of this robot."""
        return f"{ROOT}/{self.site}/{self.robot}"

    def of(self, kind: Kind) -> str:
        """Return the topic of messages of ``kind``: QoS 1, never retained."""
        return f"{self.base}/{_LEVEL[kind]}"

    @property
    def verdict(self) -> str:
        """Every verdict: QoS 1."""
        return self.of(Kind.VERDICT)

    @property
    def finding(self) -> str:
        """Findings opened, updated, closed: QoS 1."""
        return self.of(Kind.FINDING)

    @property
    def response(self) -> str:
        """Responses to commands: QoS 1."""
        return self.of(Kind.RESPONSE)

    @property
    def latest(self) -> str:
        """The newest verdict, retained; never a replayed one."""
        return f"{self.base}/latest"

    @property
    def status(self) -> str:
        """Online or offline and the states of the parts, retained; also the will."""
        return f"{self.base}/status"

    @property
    def thumbnail(self) -> str:
        """The newest thumbnail of evidence, retained, where a screen asks for it."""
        return f"{self.base}/thumbnail"

    @property
    def health(self) -> str:
        """Rates, ages, temperatures: QoS 0."""
        return f"{self.base}/health"

    def evidence(self, sha256: str) -> str:
        """Return the topic of the picture with this hash.

        Raises:
            ValueError: it is no SHA-256 in hexadecimal.
        """
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal")
        return f"{self.base}/evidence/{sha256}"

    @property
    def bundle_request(self) -> str:
        """Requests for pieces of an offered bundle: QoS 0, repeated if no answer comes."""
        return f"{self.base}/bundle/request"

    @property
    def bundle_piece(self) -> str:
        """Pieces of the bundle, to the robot: QoS 0."""
        return f"{self.base}/bundle/piece"

    @property
    def commands(self) -> str:
        """The filter of all commands."""
        return f"{self.base}/cmd/+"

    def command(self, verb: str) -> str:
        """Return the topic of the command ``verb``."""
        return f"{self.base}/cmd/{verb}"

    @property
    def pose(self) -> str:
        """Poses from the robot's navigation, if ``[pose] mqtt_topic`` names no other topic."""
        return f"{self.base}/pose"

    def verb(self, topic: str) -> str | None:
        """Return the verb at the end of a command's topic, or None if it is no command to this robot."""
        head, _, verb = topic.rpartition("/")
        return verb if head == f"{self.base}/cmd" else None

    def receipt(self, consumer: str) -> str:
        """Return the topic of the receipts of ``consumer``."""
        return f"{self.base}/receipt/{consumer}"

    def consumer(self, topic: str) -> str | None:
        """Return the consumer at the end of a receipt's topic, or None if it is no receipt to this robot."""
        head, _, consumer = topic.rpartition("/")
        return consumer if head == f"{self.base}/receipt" else None

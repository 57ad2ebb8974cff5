"""The names under which a robot speaks and listens. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from typing import Final

ROOT: Final = "corrosion/v1"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
ID_WANTED: Final = "wanted 1 to 64 letters, digits, _ and -, first no sign"


class Kind(str, Enum):
    """What a row is; each kind has a topic and numbers of its own."""

    VERDICT = "verdict"
    FINDING = "finding"
    RESPONSE = "response"
    SHADOW = "shadow"


_LEVEL = {Kind.VERDICT: "verdict", Kind.FINDING: "finding", Kind.RESPONSE: "rsp", Kind.SHADOW: "shadow"}


def is_id(text: str) -> bool:
    """Tell whether ``text`` can be a site or a robot."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Topics:
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
        """What all topics of this robot begin with."""
        return f"{ROOT}/{self.site}/{self.robot}"

    def of(self, kind: Kind) -> str:
        """Return where rows of ``kind`` go: QoS 1, never retained."""
        return f"{self.base}/{_LEVEL[kind]}"

    @property
    def verdict(self) -> str:
        """Every verdict: the record."""
        return self.of(Kind.VERDICT)

    @property
    def finding(self) -> str:
        """Findings opened, updated, closed."""
        return self.of(Kind.FINDING)

    @property
    def response(self) -> str:
        """What became of commands."""
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
    def health(self) -> str:
        """Rates, ages, temperatures: QoS 0."""
        return f"{self.base}/health"

    def evidence(self, sha256: str) -> str:
        """Return where the picture with this hash goes.

        Raises:
            ValueError: it is no hash; nothing else may name a picture.
        """
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal")
        return f"{self.base}/evidence/{sha256}"

    @property
    def bundle_request(self) -> str:
        """What the robot wants of a bundle that it was offered: QoS 0, asked again if need be."""
        return f"{self.base}/bundle/request"

    @property
    def bundle_piece(self) -> str:
        """A piece of it: QoS 0."""
        return f"{self.base}/bundle/piece"

    @property
    def commands(self) -> str:
        """The filter under which commands come in."""
        return f"{self.base}/cmd/+"

    @property
    def pose(self) -> str:
        """Where navigation may say where the robot is, if ``[pose] mqtt_topic`` names no other."""
        return f"{self.base}/pose"

    def verb(self, topic: str) -> str | None:
        """Return the verb at the end of a command's topic, or None if it is no command of ours."""
        head, _, verb = topic.rpartition("/")
        return verb if head == f"{self.base}/cmd" else None

    def receipt(self, consumer: str) -> str:
        """Return where ``consumer`` says how far it has stored."""
        return f"{self.base}/receipt/{consumer}"

    def consumer(self, topic: str) -> str | None:
        """Return who speaks on a receipt's topic, or None if it is none of ours."""
        head, _, consumer = topic.rpartition("/")
        return consumer if head == f"{self.base}/receipt" else None

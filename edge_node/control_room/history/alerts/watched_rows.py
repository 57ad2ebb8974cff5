"""Read what alert rules look at: robots with their parts, new findings and responses, what was judged.

Messages are decoded only as far as rules need, with plain texts where a robot of a newer version may send
words that this one does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, literal_column, select

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.sql_filters import LIMIT
from edge_node.control_room.history.storage.tables import (
    finding,
    response,
    retired,
    robot,
    verdict,
    verdict_message,
)
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from edge_node.control_room.history.database import Database

MOST_ROWS = 10_000  # findings or responses of one look


class WatchedPart(msgspec.Struct, frozen=True):
    """The state of one part of a robot."""

    state: str = "unknown"
    text: str = ""


class WatchedAlarm(msgspec.Struct, frozen=True):
    """An alarm that a robot raises."""

    code: str = ""
    text: str = ""


class _WatchedSpool(msgspec.Struct, frozen=True):
    alarms: tuple[WatchedAlarm, ...] = ()


class WatchedStatus(msgspec.Struct, frozen=True):
    """What rules need of a robot's status."""

    presence: str = ""
    offline_reason: str | None = None
    camera: WatchedPart = WatchedPart()
    model: WatchedPart = WatchedPart()
    clock: WatchedPart = WatchedPart()
    shadow: WatchedPart | None = None
    evidence: WatchedPart | None = None
    scale: WatchedPart | None = None
    spool: _WatchedSpool | None = None


class WatchedHealth(msgspec.Struct, frozen=True):
    """What rules need of a robot's health."""

    alarms: tuple[WatchedAlarm, ...] = ()
    spool: _WatchedSpool | None = None


class WatchedRobot(NamedTuple):
    """A robot that is not retired.

    Attributes:
        key: of its row.
        heard_us: when it was last heard, by this room's clock.
        clock_ahead_us: its clock minus ours at its newest live verdict; 0 if that is not known.
    """

    key: int
    site: str
    robot: str
    heard_us: int
    clock_ahead_us: int
    status: WatchedStatus
    health: WatchedHealth

    @property
    def name(self) -> str:
        """SITE/ROBOT."""
        return f"{self.site}/{self.robot}"


class ArrivedFinding(NamedTuple):
    """A finding's newest message, as far as rules need it."""

    robot_key: int
    finding_id: str
    severity: str | None
    asset: str | None
    material: str | None
    last_us: int
    received_us: int
    payload: bytes


class ArrivedResponse(NamedTuple):
    """A response of a robot."""

    key: int
    robot_key: int
    received_us: int
    payload: bytes


class VerdictCounts(NamedTuple):
    """What came of a robot since the last look.

    Attributes:
        judged: verdicts that judged the surface, of those that did not wait at the robot.
        live: all that did not wait.
        newest: position of the newest.
    """

    judged: int
    live: int
    newest: int


_ROBOTS = select(
    *(robot.c.robot_key, robot.c.site, robot.c.robot, robot.c.last_heard_us, robot.c.clock_ahead_us),
    *(robot.c.status, robot.c.health),
).where(robot.c.robot_key.not_in(select(retired.c.robot_key)))
_FINDINGS = (
    select(
        *(finding.c.robot_key, finding.c.finding_id, finding.c.severity, finding.c.asset),
        *(finding.c.material, finding.c.last_us, finding.c.received_us, finding.c.payload),
    )
    .where(finding.c.received_us >= bindparam("since"))
    .order_by(finding.c.received_us)
    .limit(LIMIT)
)
_RESPONSES = (
    select(response.c.response_key, response.c.robot_key, response.c.received_us, response.c.payload)
    .where(response.c.response_key > bindparam("after"))
    .order_by(response.c.response_key.desc())
    .limit(LIMIT)
)
_is_judged = verdict.c.outcome.in_(
    [literal_column(f"'{one.value}'") for one in (Outcome.CORRODED, Outcome.UNCORRODED)]
)
_is_live = verdict.c.replayed == literal_column("0")
_COUNTS = (
    select(
        verdict.c.robot_key,
        func.count().filter(_is_judged, _is_live),
        func.count().filter(_is_live),
        func.max(verdict.c.position),
    )
    .where(verdict.c.position > bindparam("after"))
    .group_by(verdict.c.robot_key)
)
_NEWEST_POSITION = select(func.coalesce(func.max(verdict.c.position), literal_column("0")))
_MESSAGE = select(verdict_message.c.payload).where(verdict_message.c.position == bindparam("position"))


class WatchedRows:
    """Reads what rules look at; of one thread. What did not change is not decoded again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoded: dict[int, tuple[bytes | None, WatchedStatus]] = {}
        self._position: int | None = None

    def robots(self) -> list[WatchedRobot]:
        """Return all robots but those that are retired."""
        return [
            WatchedRobot(
                *(key, site, name, heard_us, ahead_us or 0),
                self._decode_status(key, status),
                _decode(health, _HEALTH) or WatchedHealth(),
            )
            for key, site, name, heard_us, ahead_us, status, health in self._database.rows(_ROBOTS)
        ]

    def findings(self, since: datetime) -> list[ArrivedFinding]:
        """Return the findings of which something came since a time, by that time."""
        values = {"since": to_us(since), "limit": MOST_ROWS}
        return [ArrivedFinding._make(row) for row in self._database.rows(_FINDINGS, values)]

    def responses(self, after: int, limit: int) -> list[ArrivedResponse]:
        """Return the newest responses whose key is above ``after``, newest first."""
        rows = self._database.rows(_RESPONSES, {"after": after, "limit": limit})
        return [ArrivedResponse._make(row) for row in rows]

    def count_verdicts(self) -> dict[int, VerdictCounts]:
        """Count, by robot, what came since the last call; nothing at the first."""
        if self._position is None:
            self._position = int(self._database.rows(_NEWEST_POSITION)[0][0])
            return {}
        rows = self._database.rows(_COUNTS, {"after": self._position})
        counts = {row[0]: VerdictCounts(int(row[1]), int(row[2]), int(row[3])) for row in rows}
        self._position = max((one.newest for one in counts.values()), default=self._position)
        return counts

    def has_place(self, position: int) -> bool | None:
        """Tell whether a verdict says where the robot was; None if its message is deleted."""
        rows = self._database.rows(_MESSAGE, {"position": position})
        found = _decode(rows[0][0], _PLACE) if rows else None
        if found is None:
            return None
        pose = found.pose
        return pose is not None and any(
            value is not None for value in (pose.distance_m, pose.x_m, pose.y_m, pose.z_m)
        )

    def _decode_status(self, key: int, content: bytes | None) -> WatchedStatus:
        known = self._decoded.get(key)
        if known is None or known[0] != content:
            known = self._decoded[key] = content, _decode(content, _STATUS) or WatchedStatus()
        return known[1]


class _Coordinates(msgspec.Struct, frozen=True):
    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None


class _Place(msgspec.Struct, frozen=True):
    pose: _Coordinates | None = None


_STATUS = msgspec.json.Decoder(WatchedStatus)
_HEALTH = msgspec.json.Decoder(WatchedHealth)
_PLACE = msgspec.json.Decoder(_Place)


def _decode(content: bytes | None, decoder: Any) -> Any:
    try:
        return None if content is None else decoder.decode(content)
    except (msgspec.MsgspecError, ValueError):
        return None


def age_us(observed_us: int, received_us: int, clock_ahead_us: int) -> int | None:
    """Return how old something was when it came; None where the robot's clock cannot tell.

    Before 2020 no robot ran, and nothing is seen after it came: then the clock was wrong.
    """
    age = received_us + clock_ahead_us - observed_us
    if observed_us < to_us(_FIRST) or age < -_HOUR_US:
        return None
    return max(0, age)


_FIRST = from_us(1_577_836_800_000_000)  # 2020
_HOUR_US = 3_600_000_000

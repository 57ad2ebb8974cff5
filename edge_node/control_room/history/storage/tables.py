"""The tables of the history, as SQLAlchemy knows them: every statement is made of these.

A change here is a change of files that people have: it goes with a new module in ``versions``, and only adds.
An older program goes on using an upgraded file, so a new column has a default, and ``arrived``,
``verdict_message``, ``refused`` and ``retired``, into which older programs insert without naming columns,
get none.

Times are whole microseconds since 1970, UTC. ``arrived`` holds the received numbers as ranges: a day without
gaps is one row, and a verdict that retention has deleted still counts as received.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, Text, UniqueConstraint, literal_column, text

from edge_node.control_room.history.storage.columns import MEASURE, NUMBER, metadata
from edge_node.control_room.history.storage.columns import index_part as _index_part
from edge_node.control_room.history.storage.columns import key_column as _key
from edge_node.control_room.history.storage.columns import number_column as _number
from edge_node.control_room.history.storage.columns import text_column as _text
from edge_node.control_room.history.storage.defect_tables import defect, defect_deed, defect_match, sighting

__all__ = ("MEASURE", "NUMBER", "defect", "defect_deed", "defect_match", "metadata", "sighting")

NO_REASON = 99  # sorts behind all reasons

robot = Table(
    "robot",
    metadata,
    _key("robot_key"),
    _text("site"),
    _text("robot"),
    _number("first_heard_us"),
    _number("last_heard_us"),
    _number("last_verdict_us", optional=True),
    _number("verdicts", default=0),
    _number("duplicates", default=0),
    _number("clock_ahead_us", optional=True),
    Column("status", LargeBinary),
    Column("health", LargeBinary),
    UniqueConstraint("site", "robot"),
)
# Robots that are listed no longer until they are heard again.
retired = Table("retired", metadata, _key("robot_key", counted=False), _number("retired_us"))
epoch = Table(
    "epoch",
    metadata,
    _key("epoch_key"),
    _number("robot_key"),
    _text("epoch"),
    UniqueConstraint("robot_key", "epoch"),
)
epoch_state = Table(
    "epoch_state",
    metadata,
    _key("epoch_key", counted=False),
    _number("robot_key"),
    _number("from_start"),
    _number("previous_key", optional=True),
    _number("named_seq", default=0),
    _number("named_us", optional=True),
    _number("missing", default=0),
)
_index_part("epoch_with_gaps", epoch_state.c.missing > literal_column("0"), epoch_state.c.robot_key)
_index_part("epoch_by_previous", epoch_state.c.previous_key.is_not(None), epoch_state.c.previous_key)
arrived = Table(
    "arrived",
    metadata,
    _key("epoch_key", counted=False),
    _key("first_seq", counted=False),
    _number("last_seq"),
    sqlite_with_rowid=False,
)
verdict = Table(
    "verdict",
    metadata,
    _key("position"),  # the order of arrival; never given twice
    _number("robot_key"),
    _number("epoch_key"),
    _number("seq"),
    _number("observed_us"),
    _number("received_us"),
    _number("replayed"),
    _text("outcome"),
    _text("material", optional=True),
    _text("form", optional=True),
    _text("severity", optional=True),
    _text("asset", optional=True),
    Column("distance_m", MEASURE),
    Column("area_fraction", MEASURE),
    _text("evidence", optional=True),
    Column("sha256", LargeBinary),  # of the payload as it came; none from versions that kept no hash
    _text("reasons", default=""),
    _number("teaches", default=NO_REASON),
    Column("margin", MEASURE, nullable=False, server_default=text("0")),
    sqlite_autoincrement=True,
)
Index("verdict_by_number", verdict.c.epoch_key, verdict.c.seq, unique=True)
Index("verdict_by_time", verdict.c.observed_us)
Index("verdict_by_robot", verdict.c.robot_key, verdict.c.observed_us)
Index("verdict_by_outcome", verdict.c.outcome, verdict.c.observed_us)
Index("verdict_by_material", verdict.c.material, verdict.c.observed_us)
_index_part("verdict_by_severity", verdict.c.severity.is_not(None), verdict.c.severity, verdict.c.observed_us)
_index_part("verdict_by_asset", verdict.c.asset.is_not(None), verdict.c.asset, verdict.c.observed_us)
_index_part(
    "verdict_by_distance", verdict.c.distance_m.is_not(None), verdict.c.robot_key, verdict.c.distance_m
)
_index_part(
    "verdict_by_teaching",
    verdict.c.evidence.is_not(None),
    *(verdict.c.teaches, verdict.c.margin, verdict.c.position.desc()),
)
# What each robot's verdicts take of the bound, as far as they were counted: up to the position in the row of
# key 0.
verdict_share = Table(
    "verdict_share",
    metadata,
    _key("robot_key", counted=False),
    _number("rows", default=0),
    _number("bytes", default=0),
    _number("first_key", default=0),
    _number("last_key", default=0),
)
# Beside the narrow table, which is searched.
verdict_message = Table(
    "verdict_message",
    metadata,
    _key("position", counted=False),
    Column("payload", LargeBinary, nullable=False),
)
# Verdicts that came with an id that another one had.
conflict = Table(
    "conflict",
    metadata,
    _key("conflict_key"),
    _number("robot_key"),
    _text("epoch"),
    _number("seq"),
    Column("sha256", LargeBinary, nullable=False),
    _number("received_us"),
    _number("count"),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("robot_key", "epoch", "seq", "sha256"),
)
# What the review queue is ordered by first.
disagreement = Table(
    "disagreement",
    metadata,
    _key("disagreement_key"),
    _number("robot_key"),
    _text("epoch"),
    _number("seq"),
    _number("received_us"),
    _text("evidence", optional=True),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("robot_key", "epoch", "seq"),
    sqlite_autoincrement=True,
)
finding = Table(
    "finding",
    metadata,
    _key("finding_key"),
    _number("robot_key"),
    _text("finding_id"),
    _number("is_open"),
    _number("frames"),
    _number("first_us"),
    _number("last_us"),
    _number("received_us"),
    _text("material", optional=True),
    _text("severity", optional=True),
    _text("asset", optional=True),
    Column("payload", LargeBinary, nullable=False),
    _number("is_taken", default=0),  # its defect was looked for, as this state of it has it
    UniqueConstraint("robot_key", "finding_id"),
)
Index("finding_by_time", finding.c.is_open, finding.c.last_us)
_index_part("finding_not_taken", finding.c.is_taken == literal_column("0"), finding.c.finding_key)
review = Table(
    "review",
    metadata,
    Column("review_id", Text, primary_key=True, nullable=False),
    _number("robot_key"),
    _text("finding_id"),
    _number("reviewed_us"),
    _text("opinion"),
    _text("note"),
    _text("reviewer"),
    _text("corrections"),
    _text("delivery"),
    _text("answer"),
    _text("origin", default=""),  # "" from versions that kept none
    _text("evidence", default=""),
    sqlite_with_rowid=False,
)
Index("review_by_finding", review.c.robot_key, review.c.finding_id, review.c.reviewed_us)
response = Table(
    "response",
    metadata,
    _key("response_key"),
    _number("robot_key"),
    _text("response_id"),
    _number("received_us"),
    _text("command_id", optional=True),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("robot_key", "response_id"),
)
Index("response_by_command", response.c.command_id)
picture = Table(
    "picture",
    metadata,
    _key("picture_key"),
    _number("robot_key"),
    _text("sha256"),
    _number("is_thumbnail"),
    _number("received_us"),
    _number("bytes"),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("robot_key", "sha256", "is_thumbnail"),
    sqlite_autoincrement=True,
)
# Messages that could not be read, counted by the reason.
refused = Table(
    "refused",
    metadata,
    Column("reason", Text, primary_key=True, nullable=False),
    _number("count"),
    _number("last_us"),
    _text("last_topic"),
    _text("last_text"),
    sqlite_with_rowid=False,
)
# Who decided and commanded what.
audit = Table(
    "audit",
    metadata,
    _key("audit_key"),
    _number("at_us"),
    _text("user"),
    _text("role"),
    _text("origin"),
    _text("address"),
    _text("action"),
    _text("subject"),
    _text("outcome"),
    _text("text", default=""),
    _number("count", default=1),
    sqlite_autoincrement=True,
)
Index("audit_by_user", audit.c.user, audit.c.audit_key)
Index("audit_by_action", audit.c.action, audit.c.audit_key)
# Robots and sites beyond a bound, until a person admits them.
quarantine = Table(
    "quarantine",
    metadata,
    _key("quarantine_key"),
    _text("site"),
    _text("robot"),
    _number("first_heard_us"),
    _number("last_heard_us"),
    _number("messages", default=0),
    _text("state", default="waiting"),
    _number("decided_us", optional=True),
    _text("decided_by", default=""),
    UniqueConstraint("site", "robot"),
)
# Consecutive verdicts of an epoch, each of which names the hash before; two that touch are a break.
chain_range = Table(
    "chain_range",
    metadata,
    _key("epoch_key", counted=False),
    _key("first_seq", counted=False),
    _number("last_seq"),
    _number("kind"),
    Column("first_previous", LargeBinary),
    Column("last_sha256", LargeBinary),
    sqlite_with_rowid=False,
)
# The end of the epoch before, as an epoch's first verdict names it.
epoch_before = Table(
    "epoch_before",
    metadata,
    _key("epoch_key", counted=False),
    _text("before_epoch"),
    _number("before_seq"),
    Column("before_sha256", LargeBinary),
)
# Numbers that will not come, as checkpoints say.
given_up = Table(
    "given_up",
    metadata,
    _key("given_up_key"),
    _number("robot_key"),
    _text("epoch"),
    _number("first_seq"),
    _number("last_seq"),
    Column("previous_sha256", LargeBinary),
    _number("is_trusted"),
    UniqueConstraint("robot_key", "epoch", "first_seq", "last_seq"),
)
# What robots signed of their records: up to which number, with which hash.
checkpoint = Table(
    "checkpoint",
    metadata,
    _key("checkpoint_key"),
    _number("robot_key"),
    _text("epoch"),
    _number("seq"),
    _number("last_seq"),
    _text("key_id", default=""),
    _number("received_us"),
    _text("state", default=""),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("robot_key", "epoch", "seq"),
)

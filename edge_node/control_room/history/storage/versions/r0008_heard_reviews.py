"""Add to a review the picture that the person saw, and tell old reviews made here from what robots said.

The versions before kept neither. What a robot said of a review made elsewhere was stored as delivered, with
the time of its response; a review made here has a time of its own. Where that does not tell, because the
response was deleted since, the origin stays unknown, and somebody must review it again for it to count.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_review = sa.table("review", *map(sa.column, ("review_id", "robot_key", "reviewed_us", "delivery", "origin")))
_response = sa.table("response", *map(sa.column, ("robot_key", "command_id", "payload")))
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def upgrade() -> None:
    """Add the column, and fill it and the origin where what is stored tells them."""
    op.add_column("review", sa.Column("evidence", sa.Text, nullable=False, server_default=""))
    connection = op.get_bind()
    of_robot = sa.and_(
        _response.c.command_id == _review.c.review_id, _response.c.robot_key == _review.c.robot_key
    )
    query = (
        sa.select(_review.c.review_id, _review.c.reviewed_us, _review.c.delivery, _response.c.payload)
        .join_from(_review, _response, of_robot, isouter=True)
        .where(_review.c.origin == sa.literal(""))
    )
    found: dict[str, tuple[str, str]] = {}
    for review_id, reviewed_us, delivery, payload in connection.execute(query).all():
        origin, evidence = _look(reviewed_us, delivery, payload)
        known = found.get(review_id, ("", ""))
        if known[0] != "robot":  # one response of that time is enough
            found[review_id] = origin or known[0], evidence or known[1]
    full = sa.table("review", *map(sa.column, ("review_id", "origin", "evidence")))
    change = (
        sa.update(full)
        .where(full.c.review_id == sa.bindparam("id"))
        .values(origin=sa.bindparam("origin"), evidence=sa.bindparam("evidence"))
    )
    rows = [{"id": key, "origin": one[0], "evidence": one[1]} for key, one in found.items()]
    if rows:
        connection.execute(change, rows)


def _look(reviewed_us: int, delivery: str, payload: bytes | None) -> tuple[str, str]:
    """Return origin and picture of a review by a response to it; both empty where they are not known."""
    if payload is None:
        return ("typed" if delivery != "done" else ""), ""
    try:
        said = msgspec.json.decode(payload, type=dict[str, Any])
        at, data = msgspec.convert((said.get("at"), said.get("data", {})), tuple[datetime, dict[str, Any]])
        at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except (msgspec.MsgspecError, ValueError):
        return "", ""
    evidence = data.get("evidence_sha256")
    is_same = round((at - _EPOCH).total_seconds() * 1e6) == reviewed_us
    return ("robot" if is_same else "typed"), evidence if isinstance(evidence, str) else ""

"""Sightings of one asset as the matching takes them, without a database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from edge_node.control_room.history.defects.records import Measure, Sighting, Summary

BEGIN = datetime(2026, 1, 5, 8, tzinfo=timezone.utc)


def sighting(key: int, at_m: float | None, *, seq: int | None = None, **fields: Any) -> Sighting:
    """What was seen at a distance; fields of the sighting or of its summary by name."""
    number = seq or key * 20
    own = {name: fields.pop(name) for name in list(fields) if name in Sighting.__dataclass_fields__}
    given = {
        "epoch": "e1",
        "first_seq": number,
        "last_epoch": fields.get("epoch", "e1"),
        "last_seq": number + 6,
        "at": BEGIN + timedelta(seconds=number),
        "first_at": BEGIN,
        "last_at": BEGIN,
        "is_open": False,
        "frames": 7,
        "distance_m": at_m,
        **fields,
    }
    return Sighting(
        **{
            "key": key,
            "site": "quay",
            "robot": "crawler-1",
            "finding_id": f"crawler-1:{given['epoch']}:f{number}",
            "asset": "pipe L-7",
            "anchor": None,
            "defect": None,
            "is_pinned": False,
            "is_changed": True,
            "received_at": BEGIN,
            "summary": Summary(**given),
            **own,
        }
    )


def measures(**means: float) -> dict[str, Measure]:
    """Measures with a scatter of a tenth, of nine verdicts."""
    return {name: Measure(mean, 0.1 * mean, 9) for name, mean in means.items()}

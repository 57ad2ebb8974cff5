"""Write defects, their observations and pairs that look alike as JSON objects of the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from edge_node.control_room.history.defects.drift import PassDrift
    from edge_node.control_room.history.defects.looks import Pair
    from edge_node.control_room.history.defects.records import Defect, Sighting


def defect_view(found: Defect) -> dict[str, Any]:
    """Return a defect with its growth; candidates as objects."""
    return {
        **asdict(found),
        "candidates": [
            {"key": key, "label": f"D{key}", "probability": share} for key, share in found.candidates
        ],
    }


def observation_view(seen: Sighting) -> dict[str, Any]:
    """Return what one finding says of a defect."""
    placed = None if seen.placed is None else msgspec.to_builtins(seen.placed)
    return {
        "site": seen.site,
        "robot": seen.robot,
        "finding_id": seen.finding_id,
        "asset": seen.asset,
        "defect": seen.defect,
        "received_at": seen.received_at,
        "by": "person" if seen.is_pinned else "match",
        "placed": placed,
        **{name: getattr(seen.summary, name) for name in seen.summary.__struct_fields__},
    }


def pair_view(pair: Pair) -> dict[str, Any]:
    """Return two findings that look alike, each with the picture to look at."""
    return {
        "likeness": pair.likeness,
        **{
            name: {
                "site": seen.site,
                "robot": seen.robot,
                "finding_id": seen.finding_id,
                "asset": seen.asset,
                "defect": seen.defect,
                "picture": seen.summary.picture,
                "at": seen.summary.at,
                "severity": seen.summary.severity,
            }
            for name, seen in (("one", pair.one), ("other", pair.other))
        },
    }


def drift_view(drift: PassDrift) -> dict[str, Any]:
    """Return by how much the distances of one pass differ from the asset's."""
    return {
        "pass_id": drift.pass_id,
        "robot": drift.robot,
        "scale": drift.scale,
        "offset_m": drift.offset_m,
        "sigma_m": drift.sigma_m,
        "common": len(drift.common),
        "is_sure": drift.is_sure,
    }

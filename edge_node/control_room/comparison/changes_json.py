"""Write the comparison of two missions as JSON objects, and as the rows of a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.comparison.changes_text import say_counts, say_kind
from edge_node.control_room.comparison.csv_cells import render_csv

if TYPE_CHECKING:
    from edge_node.control_room.comparison.changes import Change, Sight
    from edge_node.control_room.comparison.comparison import Comparison
    from edge_node.control_room.comparison.surface import Stretch
    from edge_node.control_room.history.missions.mission import AssetMission

_AXES = ("x_m", "y_m", "z_m")
_SIGHT_COLUMNS = (
    *("finding", "robot", "at", "from_m", "to_m", "severity", "confidence", "area_fraction", "area_mm2"),
    *("mean_area", "standard_error", "verdicts", "picture_sha256", "picture_shows"),
)
_COLUMNS = (
    *("change", "is_sure", "why", "defect", "defect_name", "defect_state", "site", "asset"),
    *("asset_from_m", "asset_to_m", "material", "form"),
    *(f"earlier_{name}" for name in _SIGHT_COLUMNS),
    *(f"later_{name}" for name in _SIGHT_COLUMNS),
    *("earlier_mission", "earlier_mission_name", "earlier_began_at", "earlier_coverage"),
    *("later_mission", "later_mission_name", "later_began_at", "later_coverage"),
    *_AXES,
)


def mission_view(mission: AssetMission) -> dict[str, Any]:
    """Return a mission as the API names its parts."""
    view = asdict(mission)
    spans = [{"epoch": one.epoch, "first": one.first_seq, "last": one.last_seq} for one in mission.spans]
    return {**view, "spans": spans}


def comparison_view(comparison: Comparison) -> dict[str, Any]:
    """Return two missions side by side: changes, counts, strips."""
    cells = comparison.cells
    return {
        "earlier": mission_view(comparison.earlier),
        "later": mission_view(comparison.later),
        "summary": say_counts(comparison),
        "counts": dict(comparison.counts),
        "left_out": comparison.left_out,
        "drift": comparison.drift,
        "changes": [_change_view(change) for change in comparison.changes],
        "strips": None
        if cells is None
        else {
            "earlier": [asdict(one) for one in cells[0]],
            "later": [asdict(one) for one in cells[1]],
        },
    }


def render_changes_json(comparison: Comparison) -> bytes:
    """Return the comparison as a JSON file."""
    return msgspec.json.format(msgspec.json.encode(comparison_view(comparison)), indent=1) + b"\n"


def render_changes_csv(comparison: Comparison) -> str:
    """Return a row for each defect that at least one of the two missions saw."""
    missions: dict[str, Any] = {}
    for which, mission in (("earlier", comparison.earlier), ("later", comparison.later)):
        missions |= {
            f"{which}_mission": mission.id,
            f"{which}_mission_name": mission.name,
            f"{which}_began_at": mission.began_at.isoformat(),
            f"{which}_coverage": mission.coverage,
        }
    later = comparison.later
    common = {"site": later.site, "asset": later.asset, **missions}
    return render_csv(_COLUMNS, [{**_row(change), **common} for change in comparison.changes])


def _row(change: Change) -> dict[str, Any]:
    defect = change.defect
    newest = defect.later or defect.earlier
    row = {
        "change": change.kind.value,
        "is_sure": "yes" if change.is_sure else "no",
        "why": change.text,
        "defect": defect.label,
        "defect_name": defect.name,
        "defect_state": defect.state,
        "asset_from_m": defect.place.from_m if defect.place else None,
        "asset_to_m": defect.place.to_m if defect.place else None,
        "material": newest.material if newest else None,
        "form": newest.form if newest else None,
        **dict(zip(_AXES, defect.in_space or (None, None, None), strict=True)),
    }
    for which, sight in (("earlier", defect.earlier), ("later", defect.later)):
        row |= {f"{which}_{name}": value for name, value in _sight_cells(sight).items()}
    return row


def _sight_cells(sight: Sight | None) -> dict[str, Any]:
    if sight is None:
        return {}
    values = (
        *(sight.finding_id, sight.robot, sight.at.isoformat()),
        *(sight.stretch or (None, None)),
        *(sight.severity, sight.confidence, sight.area_fraction, sight.area_mm2),
        *(sight.area, sight.standard_error, sight.verdicts, sight.picture, sight.shows),
    )
    return dict(zip(_SIGHT_COLUMNS, values, strict=True))


def _change_view(change: Change) -> dict[str, Any]:
    defect = change.defect
    return {
        "kind": change.kind,
        "words": say_kind(change),
        "is_sure": change.is_sure,
        "why": change.text,
        "defect": {"key": defect.key, "label": defect.label, "name": defect.name, "state": defect.state},
        "place": _stretch_view(defect.place),
        "in_space": None if defect.in_space is None else dict(zip(_AXES, defect.in_space, strict=True)),
        "earlier": _sight_view(defect.earlier),
        "later": _sight_view(defect.later),
    }


def _sight_view(sight: Sight | None) -> dict[str, Any] | None:
    if sight is None:
        return None
    return {**asdict(sight), "stretch": _stretch_view(sight.stretch)}


def _stretch_view(stretch: Stretch | None) -> dict[str, float] | None:
    return None if stretch is None else {"from_m": stretch.from_m, "to_m": stretch.to_m}

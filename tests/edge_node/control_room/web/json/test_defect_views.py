"""Defects as the JSON of the API."""

from __future__ import annotations

import msgspec

from edge_node.control_room.history.defects.drift import PassDrift
from edge_node.control_room.history.defects.looks import Pair
from edge_node.control_room.history.defects.records import Placement
from edge_node.control_room.web.json.defect_views import drift_view, observation_view, pair_view
from edge_node.control_room.web.json.json_views import as_json
from tests.support.sightings import sighting


def test_an_observation_tells_who_put_it_there_and_a_pair_which_pictures_to_look_at() -> None:
    """Everything becomes JSON."""
    seen = sighting(1, 2.5, placed=Placement(pass_id="p", asset_m=2.4), is_pinned=True)  # noqa: S106
    found = msgspec.json.decode(as_json(observation_view(seen)))
    assert (found["by"], found["distance_m"], found["placed"]["asset_m"]) == ("person", 2.5, 2.4)
    other = sighting(2, None, picture="ab" * 32)
    pair = msgspec.json.decode(as_json(pair_view(Pair(seen, other, 0.8))))
    assert (pair["likeness"], pair["other"]["picture"]) == (0.8, "ab" * 32)
    assert drift_view(PassDrift("p", "crawler-1", (), 1.0, 0.0, 0.1))["is_sure"] is False

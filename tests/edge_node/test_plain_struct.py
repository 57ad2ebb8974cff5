"""What only holds fields: as cheap to declare as a message, and silent about secrets."""

from __future__ import annotations

import pytest

from edge_node.camera.source import parse_source
from edge_node.mqtt.types import Endpoint
from edge_node.plain_struct import PlainStruct


def test_fields_that_must_not_be_shown_are_not() -> None:
    """A password and an address with one are in no log that names the whole object; the rest is."""
    shown = repr(Endpoint("broker", 1883, "r-1", username="ann", password="s3cret"))  # noqa: S106
    assert "s3cret" not in shown
    assert "tls" not in shown
    assert shown.startswith("Endpoint(hostname='broker', port=1883, client_id='r-1', is_v5=True")
    assert "s3cret" not in repr(parse_source("rtsp://ann:s3cret@camera/live"))


def test_fields_stay_as_they_are() -> None:
    """Assigning to one is refused, and equal fields make equal objects with the same hash."""

    class Point(PlainStruct, frozen=True):
        x: int
        y: int = 0

    point = Point(1)
    with pytest.raises(AttributeError, match="immutable"):
        point.x = 2  # type: ignore[misc]
    assert point == Point(1, 0) != Point(1, 1)
    assert hash(point) == hash(Point(1, 0))

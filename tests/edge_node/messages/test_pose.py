"""Strangers' bytes are a pose or a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.messages.pose import PoseError, parse_pose
from tests.support.poses import track


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"12.5",
        b"[]",
        b"{}",
        b'{"distance": 1}',
        b'{"distance_m": "1"}',
        b'{"distance_m": NaN}',
        b'{"distance_m": 1e999}',
        b'{"distance_m": 1, "age_ms": -5}',
        b'{"age_ms": 5}',
        b"\xff\xfe",
        b"[" * 1000,
        b'{"distance_m": 1' + b" " * 2000 + b"}",
    ],
)
def test_what_is_no_pose_is_refused(message):
    """Wrong JSON, unknown fields, infinities and long messages are counted, never raised at a thread."""
    with pytest.raises(PoseError):
        parse_pose(message)
    made = track()
    made.take(message)
    assert (made.received, made.refused) == (0, 1)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(message):
    """Whatever arrives, it is a pose or a refusal."""
    made = track()
    made.take(message)
    assert made.received + made.refused == 1

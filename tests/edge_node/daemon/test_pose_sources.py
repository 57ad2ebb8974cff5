"""Poses are interpolated to the capture, over a real UDP socket, and strangers' bytes do no harm."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.config.sections import PoseConfig
from edge_node.daemon.pose_sources import PoseReceiver, PoseTopic
from edge_node.errors import ConfigError
from edge_node.inspection.pose_track import PoseTrack, pose_track
from edge_node.messages.pose import PoseError, parse_pose
from edge_node.messages.verdict import Pose
from edge_node.mqtt.topic_filter import matches
from edge_node.mqtt.types import Incoming
from tests.support.processes import wait_for

MS = 1_000_000


def track(*metres_at_ms, max_age_ms=1000.0):
    """Return a track with these distances at these milliseconds."""
    made = PoseTrack(max_age_ms)
    for metres, at_ms in metres_at_ms:
        made.add(Pose(distance_m=metres), at_ms * MS)
    return made


@pytest.mark.parametrize(
    ("at_ms", "metres", "age_ms"),
    [
        (100, 1.0, 0.0),  # measured right then
        (125, 1.5, 25.0),  # a quarter of the way
        (150, 2.0, 50.0),
        (199, 2.98, 1.0),
        (260, 3.0, 60.0),  # after the last: it holds
        (90, 1.0, 10.0),  # before the first
        (1200, 3.0, 1000.0),
        (1201, None, None),  # too old
    ],
)
def test_the_pose_is_that_of_the_capture(at_ms, metres, age_ms):
    """Two measurements, 1 m at 100 ms and 3 m at 200 ms: between them the way is straight."""
    pose, age = track((1.0, 100), (3.0, 200)).at(at_ms * MS)
    assert (pose.distance_m if pose else None) == (pytest.approx(metres) if metres else None)
    assert age == age_ms


def test_each_coordinate_is_interpolated():
    """x, y and z each on their own; one that only one measurement has is taken from it."""
    made = PoseTrack(1000)
    made.add(Pose(x_m=0.0, y_m=10.0), 0)
    made.add(Pose(x_m=4.0, y_m=0.0, z_m=7.0), 100 * MS)
    assert made.at(25 * MS)[0] == Pose(x_m=1.0, y_m=7.5, z_m=7.0)


def test_without_a_measurement_there_is_no_pose():
    """Nobody knows: nothing is invented."""
    assert track().at(0) == (None, None)


def test_the_configured_pose_holds_until_one_is_received():
    """A fixed camera's pose is on every verdict; a measured one takes its place."""
    made = pose_track(PoseConfig(distance_m=7.0))
    assert made.at(5) == (Pose(distance_m=7.0), 0.0)
    made.add(Pose(distance_m=8.0), 5)
    assert made.at(5) == (Pose(distance_m=8.0), 0.0)
    assert pose_track(PoseConfig()).at(5) == (None, None)


def test_a_pose_that_is_older_than_the_newest_is_dropped():
    """A packet that overtook another does not send the robot back."""
    made = track((1.0, 100), (3.0, 200), (2.0, 150))
    assert made.at(150 * MS)[0].distance_m == pytest.approx(2.0)
    assert made.at(300 * MS)[0].distance_m == 3.0


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


def test_the_senders_age_is_believed():
    """A measurement that was 100 ms old when sent lies 100 ms in the past."""
    made = track()
    made.take(b'{"distance_m": 4.0, "age_ms": 100}')
    _, age_ms = made.at(time.monotonic_ns())
    assert 100 <= age_ms < 600


def test_a_pose_topic_takes_its_own_messages_and_no_retained_ones():
    """Other topics are somebody else's; what the broker kept may be of yesterday."""
    made = track()
    topic = PoseTopic(made, "nav/pose")
    (only,) = topic.filters
    assert not matches(only, "nav/pose/2")
    assert matches(only, "nav/pose")
    topic.take(Incoming("nav/pose", b'{"distance_m": 2}', is_retained=True))
    assert made.at(time.monotonic_ns()) == (None, None)
    topic.take(Incoming("nav/pose", b'{"distance_m": 3}', is_retained=False))
    topic.take(Incoming("nav/pose", b"\xff" * 60_000, is_retained=False))
    assert made.at(time.monotonic_ns())[0] == Pose(distance_m=3.0)
    assert (made.received, made.refused) == (1, 1)


@pytest.mark.parametrize("topic", ["nav/+/pose", "nav/#", "#", "$SYS/pose", "nav/\npose", "nav/\0"])
def test_a_filter_is_no_topic(topic):
    """Poses come from one sender: wildcards and what no topic may hold are refused in a sentence."""
    with pytest.raises(ValueError, match=r"mqtt_topic = .*: wanted"):
        PoseConfig(mqtt_topic=topic)


def test_poses_arrive_over_udp():
    """A datagram to the port is on the track; a second receiver on that port is refused in a sentence."""
    made = track()
    receiver = PoseReceiver(made, "127.0.0.1", 0)
    receiver.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"nonsense", ("127.0.0.1", receiver.port))
            sender.sendto(b'{"distance_m": 4.5}\n', ("127.0.0.1", receiver.port))
        wait_for(lambda: made.received == 1 and made.refused == 1, what="both datagrams")
        assert made.at(time.monotonic_ns())[0] == Pose(distance_m=4.5)
        with pytest.raises(ConfigError, match="in use"):
            PoseReceiver(made, "127.0.0.1", receiver.port)
    finally:
        receiver.stop()

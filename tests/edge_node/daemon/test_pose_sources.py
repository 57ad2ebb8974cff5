"""Poses arrive over MQTT and over a real UDP socket."""

from __future__ import annotations

import socket
import time

import pytest

from edge_node.daemon.pose_sources import PoseReceiver, PoseTopic
from edge_node.errors import ConfigError
from edge_node.messages.verdict import Pose
from edge_node.mqtt.topic_filter import matches
from edge_node.mqtt.types import Incoming
from tests.support.poses import track
from tests.support.processes import wait_for


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

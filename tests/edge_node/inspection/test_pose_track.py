"""Poses are interpolated to the moment of the capture."""

from __future__ import annotations

import time

import pytest

from edge_node.config.sections import PoseConfig
from edge_node.inspection.pose_track import PoseTrack, pose_track
from edge_node.messages.verdict import Pose
from tests.support.poses import MS, track


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


def test_the_senders_age_is_believed():
    """A measurement that was 100 ms old when sent lies 100 ms in the past."""
    made = track()
    made.take(b'{"distance_m": 4.0, "age_ms": 100}')
    _, age_ms = made.at(time.monotonic_ns())
    assert 100 <= age_ms < 600


@pytest.mark.parametrize(
    ("at_ms", "range_mm", "age_ms"),
    [
        (125, 325.0, 25.0),  # a quarter of the way
        (1200, 400.0, 1000.0),  # after the last: it holds ...
        (1201, None, None),  # ... until it is too old
    ],
)
def test_a_range_is_interpolated_and_grows_too_old_as_a_place_does(at_ms, range_mm, age_ms):
    """Without a place the pose has the range alone, and its age."""
    made = PoseTrack(1000)
    made.add(Pose(range_mm=300.0), 100 * MS)
    made.add(Pose(range_mm=400.0), 200 * MS)
    assert made.at(at_ms * MS) == (None if range_mm is None else Pose(range_mm=range_mm), age_ms)


def test_ranges_between_places_do_not_hide_that_the_robot_moves():
    """Two senders, one of places and one of ranges: each is interpolated between its own."""
    made = track((1.0, 100), (3.0, 200))
    made.add(Pose(range_mm=300.0), 130 * MS)
    made.add(Pose(range_mm=500.0), 170 * MS)
    assert made.at(150 * MS) == (Pose(distance_m=2.0, range_mm=400.0), 50.0)


def test_a_range_that_stays_away_is_not_an_old_one():
    """Places go on without it: none, rather than one that was right two seconds ago."""
    made = PoseTrack(1000)
    made.add(Pose(distance_m=1.0, range_mm=300.0), 0)
    made.add(Pose(distance_m=2.0), 1500 * MS)
    assert made.at(1000 * MS)[0].range_mm == 300.0
    assert made.at(1500 * MS) == (Pose(distance_m=2.0), 0.0)


def test_the_uncertainty_between_two_places_is_at_most_the_mean_of_theirs():
    """So it is said, as nobody knows how both errors are related; unknown if either is."""
    made = PoseTrack(1000)
    made.add(Pose(distance_m=1.0, sigma_m=0.1), 0)
    made.add(Pose(distance_m=2.0, sigma_m=0.3), 100 * MS)
    made.add(Pose(distance_m=3.0), 200 * MS)
    assert made.at(25 * MS)[0].sigma_m == pytest.approx(0.15)
    assert made.at(150 * MS)[0] == Pose(distance_m=2.5)
    assert made.at(100 * MS)[0].sigma_m == 0.3


def test_a_fixed_range_and_uncertainty_complete_what_messages_lack():
    """The range until a message brings one, the uncertainty for each place that comes without."""
    made = pose_track(PoseConfig(sigma_m=0.05, range_mm=250.0, udp_port=9))
    assert made.at(5) == (Pose(range_mm=250.0), 0.0)
    made.add(Pose(distance_m=8.0), 5)
    assert made.at(5) == (Pose(distance_m=8.0, sigma_m=0.05, range_mm=250.0), 0.0)
    made.add(Pose(distance_m=9.0, sigma_m=0.2, range_mm=300.0), 6)
    assert made.at(6)[0] == Pose(distance_m=9.0, sigma_m=0.2, range_mm=300.0)
    made.add(Pose(distance_m=9.5), 3000 * MS)
    assert made.at(3000 * MS)[0] == Pose(distance_m=9.5, sigma_m=0.05)

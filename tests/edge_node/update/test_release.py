"""What a signed statement must not get past: keys, versions, times and classes; nothing has changed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from edge_node.clock_floor import ClockFloor
from edge_node.errors import UpdateError
from edge_node.update.transport_file import read_head
from tests.support.attacks import confirmed, make_statement, refused, sign_file, written
from tests.support.releases import NAME, NOW, PACKAGED_VERSION, Robot, changed_bundle, default_files

pytestmark = pytest.mark.runtime


def test_unsigned(robot, maker, tmp_path):
    """What nobody signed."""
    file = written(tmp_path / "f", maker.raw(default_files(), sign_it=False))
    assert "is not signed; `converter bundle sign` does" in refused(robot, file)


def test_signed_by_another_key(robot, maker):
    """A good signature of somebody whom this robot does not trust."""
    file = maker.bundle("2", signer=maker.foreign)
    assert f"signed by key {maker.foreign.key_id.hex()[:16]}, which is not among" in refused(robot, file)


def test_another_key_under_the_trusted_ones_name(robot, maker, good, tmp_path):
    """The id of the trusted key with a signature of another one."""
    with good.open("rb") as source:
        head = read_head(source, "good")
    forged = head.signed[:32] + maker.foreign.sign_statement(head.text)[32:]
    file = written(tmp_path / "f", good.read_bytes().replace(head.signed, forged))
    assert "the signature does not hold" in refused(robot, file)


def test_a_signature_of_a_command_is_none_of_a_bundle(robot, maker, good, tmp_path):
    """The same key signs commands: their signatures are over other bytes."""
    with good.open("rb") as source:
        head = read_head(source, "good")
    forged = maker.signer.key_id + maker.signer.sign(b"corrosion/v1 command\0" + head.text)
    file = written(tmp_path / "f", good.read_bytes().replace(head.signed, forged))
    assert "the signature does not hold" in refused(robot, file)


def test_an_older_version(robot, maker, good):
    """Rollback: what was once good and signed has a lower version than the highest confirmed."""
    confirmed(robot, maker.bundle("3"))
    assert f"{NAME}-2 is older than version 3" in refused(robot, good)


def test_older_than_what_was_rolled_back_from(robot, maker, good):
    """The highest version stays remembered when the operator goes back."""
    confirmed(robot, maker.bundle("3"))
    with robot.store.locked():
        robot.store.change(lambda state: state.roll_back("operator", NOW, factory=(NAME, "1")))
    assert "is older than version 3" in refused(robot, good)


def test_the_version_of_the_package(robot, maker):
    """The bundle in the package counts too, even where nothing was installed."""
    packaged = f"version {PACKAGED_VERSION} of {NAME} was here already"
    assert packaged in refused(robot, maker.bundle(PACKAGED_VERSION))
    assert f"version {PACKAGED_VERSION}.0 of" in refused(robot, maker.bundle(f"{PACKAGED_VERSION}.0"))


def test_the_same_version_with_other_content(robot, maker, tmp_path):
    """Two bundles under one version: the second is refused, however good its signature."""
    confirmed(robot, maker.bundle("2"))
    other = changed_bundle(tmp_path / "other", lambda manifest: manifest.update(licence="other"))
    assert f"version 2 of {NAME} was here already" in refused(robot, maker.bundle("2", source=other))


def test_another_name_signed_before_what_is_here(robot, maker, tmp_path):
    """Mix and match: an old bundle of a name that this robot never had."""
    confirmed(robot, maker.bundle("2"))
    other = changed_bundle(tmp_path / "other", lambda manifest: manifest.update(name="other"))
    old = maker.bundle("9", source=other, issued_at=NOW - timedelta(hours=1))
    assert "before what was last confirmed here" in refused(robot, old)


def test_a_version_that_was_rolled_back_does_not_come_back_by_itself(robot, maker, good):
    """Given up on trial is given up, also when it is signed anew; a higher one may come."""
    robot.install(good)
    with robot.store.locked():
        robot.store.change(lambda state: state.roll_back("abstained always", NOW, factory=(NAME, "1")))
    assert "was tried here and given up (abstained always)" in refused(robot, good)
    assert "was tried here" in refused(robot, maker.bundle("2", issued_at=NOW + timedelta(hours=1)))
    robot.install(maker.bundle("2.1"))


def test_below_the_minimum(robot, maker):
    """A confirmed bundle may forbid what came before, also to the operator's rollback."""
    confirmed(robot, maker.bundle("3"))
    confirmed(robot, maker.bundle("5", minimum_version="4"))
    with robot.store.locked(), pytest.raises(UpdateError, match=f"{NAME}-3 may not run any more: 4 is"):
        robot.store.change(lambda state: state.roll_back("operator", NOW, factory=(NAME, "1")))
    assert robot.store.state().floor == {NAME: "4"}


def test_expired(robot, maker):
    """Freeze: what was signed long ago is not new."""
    old = maker.bundle("2", issued_at=NOW - timedelta(days=3), valid_for=timedelta(days=2))
    assert "expired at" in refused(robot, old)


def test_expired_by_the_newest_signature_seen(robot, maker):
    """A robot whose clock is years behind knows at least when its own bundle was signed."""
    confirmed(robot, maker.bundle("2", issued_at=NOW + timedelta(days=30)))
    stale = maker.bundle("3", issued_at=NOW, valid_for=timedelta(days=2))
    assert "expired at" in refused(robot, stale)


def test_expired_by_the_floor_of_time(tmp_path, maker):
    """A robot whose clock went back knows from its floor that a bundle expired, also on its command line."""
    file = maker.bundle("2", issued_at=NOW, valid_for=timedelta(days=2))
    late = tmp_path / "late"
    late.mkdir()
    ClockFloor(late).set_floor(NOW + timedelta(days=3))
    assert "expired at" in refused(Robot(late, maker), file)


def test_the_wrong_class_of_robot(robot, maker, tmp_path):
    """A bundle for crawlers on a robot that is none, or does not say what it is."""
    file = maker.bundle("2", robot_classes=("crawler",))
    assert "is for robots of class crawler, this one's class is none" in refused(robot, file)
    diver = Robot(tmp_path / "diver", maker, robot_class="diver")
    assert "this one's class is diver" in refused(diver, file)
    Robot(tmp_path / "crawler", maker, robot_class="crawler").install(file)


def test_a_format_that_is_too_new(robot, maker, tmp_path):
    """Said as that, and not as rubbish: the node must be updated first."""
    text = json.loads(make_statement(maker))
    text |= {"format": 2, "novelty": True}
    file = sign_file(maker, tmp_path, json.dumps(text).encode())
    assert "is of format 2, this robot knows 1; update the node first" in refused(robot, file)

"""The bundle in use is replaced between two frames, or goes on where the new one is refused."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.config.sections import InspectConfig
from edge_node.inference.reloader import Loaded
from edge_node.messages.verdict import Outcome
from tests.support.processes import wait_for
from tests.support.robot_loop import CONFIG, Listener

pytestmark = pytest.mark.runtime


def test_a_reload_takes_over_between_two_frames_and_listeners_are_told(robot, engine):
    """Of the bundle that took over, or of None where it was refused and the one before goes on."""
    listener = Listener()
    node = robot(listeners=[listener])
    judge = node.bundle.judge
    node.reloader.signalled.set()
    wait_for(lambda: node.bundle.look(0.0) or listener.reloads, 10, "the reload's end")
    assert listener.reloads == [engine.bundle]
    assert node.bundle.judge is not judge
    node.run(1)
    assert len(listener.verdicts) == 1


def test_a_bundle_that_does_not_load_is_refused_and_said_so(robot):
    """The part of the status names the reason; the models in use stay."""

    def fail():
        raise OSError("no such bundle")

    listener = Listener()
    node = robot(listeners=[listener], load=fail)
    judge = node.bundle.judge
    node.reloader.request()
    wait_for(lambda: node.bundle.look(0.0) or listener.reloads, 10, "the reload's end")
    assert listener.reloads == [None]
    assert node.bundle.judge is judge
    assert node.bundle.part.text.startswith("a new bundle was refused: ")


def test_a_reload_judges_by_the_configuration_that_was_read_again(robot, engine):
    """The new thresholds hold from the next frame on, and each verdict names the new file."""
    config = msgspec.structs.replace(CONFIG, inspect=InspectConfig(dark_below=255.0), sha256="new")
    taken = []
    loaded = Loaded(engine, config=config, take_over=lambda: taken.append(True))
    listener = Listener()
    node = robot(listeners=[listener], reread=lambda: loaded)
    node.reloader.signalled.set()
    wait_for(lambda: node.bundle.look(0.0) or listener.reloads, 10, "the reload's end")
    assert taken == [True]
    node.run(1)
    (verdict,) = listener.verdicts
    assert (verdict.outcome, verdict.config_sha256) == (Outcome.NOT_INSPECTABLE, "new")

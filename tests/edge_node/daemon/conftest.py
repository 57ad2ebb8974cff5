"""Models, and robots that the main loop drives."""

from __future__ import annotations

import pytest

from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from tests.support.robot_loop import Robot


@pytest.fixture(scope="session")
def engine():
    """The default bundle's models."""
    return Engine(load_bundle(DEFAULT_BUNDLE))


@pytest.fixture
def robot(tmp_path, engine):
    """Return a function that makes a robot whose spool is closed in the end."""
    made = []

    def make(**options):
        made.append(Robot(tmp_path, engine, **options))
        return made[-1]

    yield make
    for one in made:
        one.spool.close()

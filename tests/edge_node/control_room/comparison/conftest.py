"""Two missions over one pipe, compared."""

from __future__ import annotations

import pytest

from edge_node.control_room.comparison.comparison import compare_missions
from edge_node.control_room.history.missions.mission_book import MissionBook
from tests.support.two_missions import EARLIER, LATER, open_two_missions


@pytest.fixture(scope="session")
def two_missions(tmp_path_factory):
    """A history with both; nobody changes it."""
    opened = open_two_missions(tmp_path_factory.mktemp("missions") / "room")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def comparison(two_missions):
    """The later one against the earlier one."""
    book = MissionBook(two_missions.database)
    earlier, later = (book.find("quay", name) for name in (EARLIER, LATER))
    return compare_missions(two_missions, earlier, later, ("none", "mid", "late"))

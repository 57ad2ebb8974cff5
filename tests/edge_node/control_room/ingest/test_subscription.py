"""What each process of a room subscribes to, and under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.decoding import filters
from edge_node.control_room.ingest.subscription import member, upkeep, whole_room
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = build_settings({"hostname": "127.0.0.1"})


def test_members_and_upkeep_together_read_what_one_process_reads(tmp_path: Path) -> None:
    """Retained messages never reach a shared subscription: an ordinary one reads the states of robots."""
    shared = member(SETTINGS, tmp_path, "hall", 1).filters
    ordinary = upkeep(SETTINGS, tmp_path, "hall", None, lambda _arrivals: None).filters
    assert ordinary == ("corrosion/v1/+/+/status",)
    assert all(name.startswith("$share/hall/corrosion/v1/") for name in shared)
    plain = [name.removeprefix("$share/hall/") for name in shared]
    assert sorted([*plain, *ordinary]) == sorted(filters())


def test_a_member_has_the_same_client_id_at_every_start_and_no_other_member_has_it(tmp_path: Path) -> None:
    """What waits in its session at the broker is found again, on another machine too."""
    (tmp_path / "elsewhere").mkdir()
    ids = [
        member(SETTINGS, folder, group, number).identity.client_id
        for folder, group, number in (
            (tmp_path, "hall", 1),
            (tmp_path / "elsewhere", "hall", 1),
            (tmp_path, "hall", 2),
            (tmp_path, "yard", 1),
        )
    ]
    assert ids[0] == ids[1] == "corrosion-hall-1"
    assert len(set(ids)) == 3
    history = History(tmp_path)
    assert whole_room(SETTINGS, history, tmp_path).identity.client_id not in ids
    history.close()


@pytest.mark.parametrize("group", ["", "a/b", "#", "+", "-a", "x" * 33, "a b", "ä", "a\n"])
def test_a_group_that_would_change_the_subscription_is_refused(tmp_path: Path, group: str) -> None:
    """A name with a slash or a wildcard would be another filter."""
    with pytest.raises(ConfigError, match="--share"):
        member(SETTINGS, tmp_path, group, 1)

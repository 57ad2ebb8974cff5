"""A room of one process and one of several never work on one database at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.leases import Lease
from edge_node.control_room.service.ingest_process import handle_stop
from edge_node.control_room.sharing.room_claim import DatabaseInUseError, RoomClaim, refuse_beside_room
from edge_node.control_room.sharing.upkeep import DUTY
from tests.edge_node.control_room.sharing.test_upkeep import upkeep
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TERM_S = 0.4


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[History, History]]:
    """The history as two processes have it."""
    histories = History(tmp_path), History(tmp_path)
    yield histories
    for history in histories:
        history.close()


def test_members_are_refused_while_a_room_of_one_process_runs_and_not_after(
    pair: tuple[History, History], tmp_path: Path
) -> None:
    """A second room of one process is refused too, in one sentence that says which runs where."""
    with RoomClaim(pair[0].database, tmp_path, term_s=TERM_S):
        with pytest.raises(DatabaseInUseError, match=r"`edge-node control-room` at .* works on it: stop it"):
            refuse_beside_room(pair[1].database, term_s=TERM_S)
        with (
            pytest.raises(DatabaseInUseError, match=r"control-room` at .* works on it"),
            RoomClaim(pair[1].database, tmp_path / "other", term_s=TERM_S),
        ):
            pass
    refuse_beside_room(pair[1].database, term_s=TERM_S)


def test_a_room_of_one_process_is_refused_while_a_member_runs_and_not_after(
    pair: tuple[History, History], tmp_path: Path
) -> None:
    """Whoever has the upkeep is named by member and place."""
    member = upkeep(pair[0], "hall-1 host:1 x")
    member.start()
    wait_for(lambda: member.is_ours, what="the upkeep")
    with (
        pytest.raises(DatabaseInUseError, match="ingest member hall-1 at host:1 works on it"),
        RoomClaim(pair[1].database, tmp_path, term_s=TERM_S),
    ):
        pass
    member.stop()
    with RoomClaim(pair[1].database, tmp_path, term_s=TERM_S):
        pair[1].note_refused("reason", "topic", "text")


def test_what_a_killed_room_left_is_taken_again_at_once_and_by_others_after_a_term(
    pair: tuple[History, History], tmp_path: Path
) -> None:
    """Its state folder has one process, so the row that it left is of no living one."""
    holder = RoomClaim(pair[0].database, tmp_path)._holder
    killed = Lease(pair[0].database, DUTY, holder)
    assert killed.look() or killed.look()
    with RoomClaim(pair[1].database, tmp_path):  # a term of ten seconds is not waited for
        pass
    killed.look()
    refuse_beside_room(pair[1].database, term_s=TERM_S)


def test_a_room_whose_claim_was_taken_writes_nothing_more_and_ends(
    pair: tuple[History, History], tmp_path: Path
) -> None:
    """It stood still for longer than a term, and another process works in its place."""
    with handle_stop() as stopping, RoomClaim(pair[0].database, tmp_path, term_s=TERM_S) as claim:
        claim.check()
        other = Lease(pair[1].database, DUTY, "hall-1 host:1 x", term_s=TERM_S)
        assert other.look(follows=other.watch())
        with pytest.raises(HistoryError, match="another process does this now"):
            pair[0].note_refused("reason", "topic", "text")
        assert stopping.wait(20)
        with pytest.raises(DatabaseInUseError, match="another process took over"):
            claim.check()

"""Sessions are kept by the server and outlive its restart, not their end."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.people.sessions import MAX_OF_USER, Sessions

if TYPE_CHECKING:
    from pathlib import Path

NOW_S = 1_800_000_000.0


def test_a_session_outlives_a_restart_and_an_ended_one_does_not(tmp_path: Path) -> None:
    """The file holds what finds a session, not what opens it."""
    path = tmp_path / "sessions.json"
    sessions = Sessions(path, 3600, lambda: NOW_S)
    kept, ended = sessions.open("ada", "proof"), sessions.open("ada", "proof")
    assert kept not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = sessions.find(ended)
    assert found is not None
    sessions.end(found.key)
    again = Sessions(path, 3600, lambda: NOW_S + 10)
    kept_one = again.find(kept)
    assert kept_one is not None
    assert (kept_one.user, kept_one.proof, again.find(ended)) == ("ada", "proof", None)
    assert again.find("") is again.find("another") is None


def test_a_session_ends_by_a_time_that_does_not_go_back(tmp_path: Path) -> None:
    """Expired it stays; one made while the clock was ahead is not valid until that date comes."""
    now_s = [NOW_S]
    sessions = Sessions(tmp_path / "sessions.json", 12 * 3600, lambda: now_s[0])
    secret = sessions.open("ada", "")
    now_s[0] += 12 * 3600 - 1
    assert sessions.find(secret) is not None
    now_s[0] += 1
    assert sessions.find(secret) is None
    now_s[0] += 400 * 86_400
    ahead = sessions.open("ada", "")
    now_s[0] -= 400 * 86_400
    assert sessions.find(ahead) is None


def test_one_user_has_a_bounded_number(tmp_path: Path) -> None:
    """A program that logs in for each request pushes out its own, and nobody else's."""
    now_s = [NOW_S]

    def later() -> float:
        now_s[0] += 1
        return now_s[0]

    sessions = Sessions(tmp_path / "sessions.json", 1e6, later)
    other = sessions.open("bob", "")
    secrets = [sessions.open("ada", "") for _ in range(MAX_OF_USER + 2)]
    assert [sessions.find(secret) is None for secret in secrets[:3]] == [True, True, False]
    assert sessions.count("ada") == MAX_OF_USER
    assert sessions.find(other) is not None


@pytest.mark.parametrize("damage", ["text", "mode"])
def test_a_file_that_cannot_be_believed_ends_all_sessions(tmp_path: Path, damage: str) -> None:
    """Whoever can write it could make himself a session."""
    path = tmp_path / "sessions.json"
    secret = Sessions(path, 3600, lambda: NOW_S).open("ada", "")
    if damage == "text":
        path.write_text("[{", encoding="utf-8")
    else:
        path.chmod(0o666)
    assert Sessions(path, 3600, lambda: NOW_S).find(secret) is None


def test_a_logout_that_no_disk_keeps_ends_all_sessions_with_the_next_start(tmp_path: Path) -> None:
    """Else a restart would bring back the one that was ended."""
    path = tmp_path / "sessions.json"
    sessions = Sessions(path, 3600, lambda: NOW_S)
    kept, ended = sessions.open("ada", ""), sessions.open("ada", "")
    found = sessions.find(ended)
    assert found is not None
    (tmp_path / ".sessions.json.new").mkdir()  # in the way of the new file
    sessions.end(found.key)
    assert sessions.find(kept) is not None
    assert Sessions(path, 3600, lambda: NOW_S).find(ended) is None

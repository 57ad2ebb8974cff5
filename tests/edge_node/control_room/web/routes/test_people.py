"""What admins see of users and deeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.people.roles import Role
from tests.support.room_app import RoomApp
from tests.support.verdicts import START

if TYPE_CHECKING:
    from pathlib import Path


def test_an_admin_sees_users_sessions_and_deeds_and_no_secret(tmp_path: Path) -> None:
    """By pages, by user and by kind."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "admin")
        room.add_user("bob", "viewer")
        token = room.users.add_token("export", Role.VIEWER)
        cookie = room.log_in("ada").cookie
        room.log_in("bob")
        room.request("/api/audit", authorization=f"Bearer {token}")
        users = room.request("/api/users", cookie=cookie)
        assert [(one["name"], one["role"], one["sessions"]) for one in users.json()["users"]] == [
            ("ada", "admin", 1),
            ("bob", "viewer", 1),
        ]
        assert [one["name"] for one in users.json()["tokens"]] == ["export"]
        assert b"argon2" not in users.body
        assert b"sha256" not in users.body
        entries = room.request("/api/audit?limit=2", cookie=cookie).json()["entries"]
        assert [(one["user"], one["action"], one["subject"]) for one in entries] == [
            ("export", "forbidden", "GET /api/audit"),
            ("bob", "login", ""),
        ]
        older = room.request(f"/api/audit?before={entries[-1]['position']}", cookie=cookie).json()["entries"]
        assert [one["user"] for one in older] == ["ada"]
        found = room.request("/api/audit?user=ada&action=login", cookie=cookie).json()["entries"]
        assert [one["address"] for one in found] == ["127.0.0.1"]
        assert room.request("/api/audit?action=nothing", cookie=cookie).status == 400
        assert room.request(f"/api/audit?before={1 << 63}", cookie=cookie).status == 400


def test_an_admin_admits_and_refuses_robots_that_wait(tmp_path: Path) -> None:
    """Each decision is in the audit; others than admins see and decide nothing of it."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "admin")
        room.add_user("bob", "operator")
        ada, bob = room.log_in("ada").cookie, room.log_in("bob").cookie
        room.history.note_waiting("quay", "ghost", 3, START)
        assert room.request("/api/quarantine", cookie=bob).status == 403
        assert room.request("/api/quarantine/quay/ghost/admit", "POST", cookie=bob).status == 403
        (waiting,) = room.request("/api/quarantine", cookie=ada).json()["robots"]
        assert (waiting["robot"], waiting["state"], waiting["messages"]) == ("ghost", "waiting", 3)
        assert room.request("/api/quarantine/quay/ghost/forgive", "POST", cookie=ada).status == 404
        assert room.request("/api/quarantine/quay/%23/admit", "POST", cookie=ada).status == 400
        for decision, state in (("admit", "admitted"), ("refuse", "refused")):
            assert room.request(f"/api/quarantine/quay/ghost/{decision}", "POST", cookie=ada).status == 200
            (found,) = room.request("/api/quarantine", cookie=ada).json()["robots"]
            assert (found["state"], found["decided_by"]) == (state, "ada")
        entries = room.request("/api/audit?action=admit", cookie=ada).json()["entries"]
        assert [(one["user"], one["subject"], one["outcome"], one["text"]) for one in entries] == [
            ("ada", "quay/ghost", outcome, text)
            for text in ("refuse", "admit")
            for outcome in ("done", "asked")
        ]

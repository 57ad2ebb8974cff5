"""Commands to robots are in the audit before they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.deeds import Deed
from tests.support.full_disk import small_disk
from tests.support.room_app import RoomApp
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_command_is_audited_as_asked_and_with_what_became_of_it(tmp_path: Path) -> None:
    """Here no broker answers: it is refused in a sentence, and both stand in the audit."""
    with RoomApp(tmp_path) as room:
        room.history.add_verdict(verdict(1, "C"))
        room.add_user("olga", "operator")
        cookie = room.log_in("olga").cookie
        answer = room.request("/api/robots/quay/crawler-1/commands/pause", "POST", cookie=cookie)
        assert answer.status == 409
        found = room.history.audit_entries(limit=9, action=Deed.COMMAND)
        assert [(one.user, one.subject, one.outcome) for one in found] == [
            ("olga", "quay/crawler-1", "refused"),
            ("olga", "quay/crawler-1", "asked"),
        ]
        assert found[1].text == "pause"


def test_what_cannot_be_commanded_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    """A robot that nobody knows, a verb that is no command of the page, fields that are none."""
    with RoomApp(tmp_path) as room:
        room.history.add_verdict(verdict(1, "C"))
        for path, given, status in (
            ("/api/robots/quay/nobody/commands/ping", b"", 409),
            ("/api/robots/quay/crawler-1/commands/update", b"", 404),
            ("/api/robots/quay/crawler-1/commands/review", b"", 404),
            ("/api/robots/quay/crawler-1/commands/ping", b"[]", 400),
            ("/api/robots/quay/crawler-1/commands/ping", b'"x"', 400),
            ("/api/robots/quay/crawler-1/commands/ping", b"[" * 5000, 400),
        ):
            assert room.request(path, "POST", given).status == status, path
        assert room.history.audit_entries(limit=9, action=Deed.COMMAND) == []


def test_what_people_commanded_is_listed(tmp_path: Path) -> None:
    """Each with its person and what came of it, of one robot or all; bundles are for operators."""
    with RoomApp(tmp_path) as room:
        room.history.add_verdict(verdict(1, "C"))
        room.add_user("olga", "operator")
        room.add_user("vera", "viewer")
        operator, viewer = (room.log_in(name).cookie for name in ("olga", "vera"))
        room.request("/api/robots/quay/crawler-1/commands/snapshot", "POST", cookie=operator)
        for query, wanted in (("", ["snapshot"]), ("?site=quay&robot=other", [])):
            found = room.request(f"/api/commands{query}", cookie=viewer).json()["commands"]
            assert [one["verb"] for one in found] == wanted
        (entry,) = room.request("/api/commands", cookie=viewer).json()["commands"]
        assert (entry["asked_by"], entry["state"], entry["code"]) == ("olga", "refused", "not_sent")
        assert room.request("/api/bundles", cookie=viewer).status == 403
        assert room.request("/api/bundles", cookie=operator).json() == {"bundles": []}
        refused = room.request("/api/bundles", "POST", b"<html>", cookie=operator)
        assert (refused.status, "no bundle file" in refused.json()["problem"]) == (409, True)
        for body, status in ((b"{}", 400), (b'{"file": "../x.bundle.tar"}', 409)):
            path = "/api/robots/quay/crawler-1/update"
            assert room.request(path, "POST", body, cookie=operator).status == status
        entries = room.history.audit_entries(limit=9, action=Deed.BUNDLE)
        assert [one.outcome for one in entries] == ["refused", "asked"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    yield from small_disk(tmp_path / "bundles", "size=64k")


def test_an_upload_that_finds_no_room_says_so_and_leaves_nothing(tmp_path: Path, disk: Path) -> None:
    """507 in a sentence with what to do."""
    with RoomApp(tmp_path) as room:
        answer = room.request("/api/bundles", "POST", bytes(200_000))
    assert answer.status == 507
    assert answer.json()["problem"].endswith("No space left on device; make room, then send it again")
    assert list(disk.iterdir()) == []

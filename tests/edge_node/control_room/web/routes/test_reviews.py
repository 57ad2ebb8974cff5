"""Reviews carry the name of the login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.audit import Deed
from tests.support.room_app import RoomApp
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/api/verdicts/crawler-1:epoch:1/review"
JSON = {"content_type": "application/json"}


def body(**fields: str) -> bytes:
    """A posted review."""
    return msgspec.json.encode({"judgement": "confirmed", **fields})


def test_a_review_is_signed_by_the_login_whatever_name_was_typed(tmp_path: Path) -> None:
    """And its origin says so; the audit has the same name."""
    with RoomApp(tmp_path) as room:
        room.history.add_verdict(verdict(1, "C"))
        room.add_user("ada", "reviewer")
        cookie = room.log_in("ada").cookie
        for given in ({"by": "Mallory"}, {}):
            answer = room.request(PATH, "POST", body(**given), cookie=cookie, **JSON)
            assert (answer.status, answer.json()["reviewer"], answer.json()["origin"]) == (
                202,
                "ada",
                "login",
            )
        assert {review.reviewer for review in room.history.reviews()} == {"ada"}
        (done, _) = room.history.audit_entries(limit=9, action=Deed.REVIEW)
        assert (done.user, done.subject, done.text) == ("ada", "crawler-1:epoch:1", "confirmed by ada")


def test_without_a_login_the_name_is_typed_and_marked(tmp_path: Path) -> None:
    """On the loopback without users; one who types none is asked for it."""
    with RoomApp(tmp_path) as room:
        room.history.add_verdict(verdict(1, "C"))
        assert b"by: wanted" in room.request(PATH, "POST", body(), **JSON).body
        answer = room.request(PATH, "POST", body(by="Ada"), **JSON)
        assert (answer.status, answer.json()["reviewer"], answer.json()["origin"]) == (202, "Ada", "typed")
        nothing = room.request("/api/verdicts/crawler-1:epoch:9/review", "POST", body(by="Ada"), **JSON)
        assert nothing.status == 409
        found = room.history.audit_entries(limit=9)
        assert [(one.user, one.outcome) for one in found] == [("", "refused"), ("", "done")]

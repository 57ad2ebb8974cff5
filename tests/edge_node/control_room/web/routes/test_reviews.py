"""Reviews as they are posted: who signs them, of which picture, what is refused, what takes them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.records import QueueFilter
from edge_node.control_room.report.dataset_export import export_dataset
from edge_node.errors import DatasetError
from tests.support.reviewable import add_finding, add_verdict
from tests.support.room_app import RoomApp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.room_app import Answer

VERDICT, FINDING = "crawler-1:epoch:1", "crawler-1:epoch:f1"
JSON = {"content_type": "application/json"}
LABELS = {"outcome": "corroded", "material": "steel", "severity": "late"}


def post(
    room: RoomApp, subject: str, judgement: str = "confirmed", cookie: str = "", **fields: Any
) -> Answer:
    """Post a review of a verdict or a finding."""
    path = "findings/quay" if ":f" in subject else "verdicts"
    body = msgspec.json.encode({"judgement": judgement, **fields})
    return room.request(f"/api/{path}/{subject}/review", "POST", body, cookie=cookie, **JSON)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RoomApp]:
    """A control room with a verdict, its picture, and a finding of it."""
    with RoomApp(tmp_path) as opened:
        add_finding(opened.history, 1, add_verdict(opened.history, 1))
        yield opened


def test_a_review_is_signed_by_the_login_whatever_name_was_typed(room: RoomApp) -> None:
    """And its origin says so; the audit has the same name."""
    room.add_user("ada", "reviewer")
    cookie = room.log_in("ada").cookie
    for given in ({"by": "Mallory"}, {}):
        answer = post(room, VERDICT, cookie=cookie, **given)
        assert (answer.status, answer.json()["reviewer"], answer.json()["origin"]) == (202, "ada", "login")
    assert {review.reviewer for review in room.history.reviews()} == {"ada"}
    (done, _) = room.history.audit_entries(limit=9, action=Deed.REVIEW)
    assert (done.user, done.subject, done.text) == ("ada", VERDICT, "confirmed by ada")


def test_without_a_login_the_name_is_typed_and_marked(room: RoomApp) -> None:
    """On the loopback without users; one who types none is asked for it."""
    assert b"by: wanted" in post(room, VERDICT).body
    answer = post(room, VERDICT, by="Ada")
    assert (answer.status, answer.json()["reviewer"], answer.json()["origin"]) == (202, "Ada", "typed")
    assert post(room, "crawler-1:epoch:9", by="Ada").status == 409
    found = room.history.audit_entries(limit=9)
    assert [(one.user, one.outcome) for one in found] == [("", "refused"), ("", "done")]


@pytest.mark.parametrize("judgement", ["confirmed", "disputed"])
def test_nothing_is_reviewed_of_which_no_picture_came(room: RoomApp, judgement: str) -> None:
    """No picture, one on its way, another's, one that nobody knows: refused, and nothing is stored."""
    history = room.history
    other = add_verdict(history, 2)
    add_verdict(history, 3, evidence_sha256=None)
    add_verdict(history, 4, come="nothing")
    add_finding(history, 3, None)
    add_finding(history, 4, history.verdict("crawler-1:epoch:4").verdict.evidence_sha256)
    for subject, fields, why in (
        ("crawler-1:epoch:3", {}, "has no picture"),
        ("crawler-1:epoch:4", {}, "has not come"),
        ("crawler-1:epoch:f3", {}, "has no picture"),
        ("crawler-1:epoch:f4", {}, "has not come"),
        (VERDICT, {"evidence_sha256": other}, "is not of crawler-1:epoch:1"),
        (FINDING, {"evidence_sha256": other}, "is not of crawler-1:epoch:f1"),
        (VERDICT, {"evidence_sha256": "0" * 64}, "is not of"),
    ):
        answer = post(room, subject, judgement, by="Ada", **fields)
        assert (answer.status, why in answer.json()["problem"]) == (409, True), answer.body
    assert room.history.reviews() == []


def test_a_thumbnail_is_a_picture_and_an_earlier_one_of_the_finding_too(room: RoomApp) -> None:
    """What was on the page is stored, not what is newest; a program that names none gets the newest."""
    first = room.history.verdict(VERDICT).verdict.evidence_sha256
    worse = add_verdict(room.history, 2, come="thumbnail")
    add_finding(room.history, 1, worse, last_verdict="crawler-1:epoch:2", seq=2, frames=4)
    assert post(room, FINDING, by="Ada", evidence_sha256=first).json()["evidence_sha256"] == first
    assert post(room, FINDING, by="Ada").json()["evidence_sha256"] == worse


def test_what_changed_since_it_was_shown_is_refused(room: RoomApp) -> None:
    """Of two tabs the second is told of the first; new labels of the robot are told; equal ones pass."""
    seen = {**LABELS, "review": ""}
    assert post(room, FINDING, by="Ada", seen={**seen, "severity": "mid"}).status == 409
    first = post(room, FINDING, by="Ada", seen=seen)
    assert first.status == 202
    second = post(room, FINDING, "disputed", by="Grace", outcome="uncorroded", seen=seen)
    assert (second.status, second.json()["problem"]) == (409, "meanwhile Ada confirmed it: look again")
    again = {**seen, "review": first.json()["review_id"]}
    assert post(room, FINDING, "disputed", by="Grace", outcome="uncorroded", seen=again).status == 202


def test_an_undo_is_kept_beside_its_review_and_brings_back_what_was_before(
    room: RoomApp, tmp_path: Path
) -> None:
    """Finding, queue and data set are as before; both stay in the list, the audit says who took it back."""
    first = post(room, FINDING, by="Ada").json()["review_id"]
    second = post(room, FINDING, "disputed", by="Ada", outcome="uncorroded").json()["review_id"]
    shown = room.request(f"/api/findings/quay/{FINDING}").json()
    assert shown["review"]["review_id"] == second
    assert post(room, FINDING, "withdrawn", by="Ada", withdraws=second).status == 202
    shown = room.request(f"/api/findings/quay/{FINDING}").json()
    assert shown["review"]["review_id"] == first
    taken, kept = shown["reviews"]
    assert (taken["opinion"], taken["withdrawn"]["reviewer"], kept["withdrawn"]) == ("disputed", "Ada", None)
    assert export_dataset(room.history, tmp_path / "one").confirmed == 1
    assert room.history.queue(QueueFilter()) == []
    assert post(room, FINDING, "withdrawn", by="Ada", withdraws=first).status == 202
    assert room.request(f"/api/findings/quay/{FINDING}").json()["review"] is None
    assert [found.record.verdict.id for found in room.history.queue(QueueFilter())] == [VERDICT]
    with pytest.raises(DatasetError, match="nothing was reviewed yet"):
        export_dataset(room.history, tmp_path / "none")
    texts = [one.text for one in room.history.audit_entries(limit=9, action=Deed.REVIEW)]
    assert texts[:2] == [f"withdrawn by Ada: review {first}", f"withdrawn by Ada: review {second}"]


def test_an_undo_of_what_is_not_ones_own_or_counts_no_more_is_refused(room: RoomApp) -> None:
    """Another's, one that was overruled, one that was taken back, none at all."""
    first = post(room, VERDICT, by="Ada").json()["review_id"]
    second = post(room, VERDICT, "disputed", by="Ada", outcome="uncorroded").json()["review_id"]
    for fields, why in (
        ({"by": "Grace", "withdraws": second}, "it is Ada's review"),
        ({"by": "Ada", "withdraws": first}, "not the review that counts"),
        ({"by": "Ada", "withdraws": "x" * 32}, "not the review that counts"),
        ({"by": "Ada"}, "not the review that counts"),
    ):
        answer = post(room, VERDICT, "withdrawn", **fields)
        assert (answer.status, why in answer.json()["problem"]) == (409, True), answer.body
    assert post(room, VERDICT, "withdrawn", by="Ada", withdraws=second).status == 202
    assert post(room, VERDICT, "withdrawn", by="Ada", withdraws=second).status == 409
    assert post(room, VERDICT, "confirmed", by="Ada", withdraws=second).status == 409

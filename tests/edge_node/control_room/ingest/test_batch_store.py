"""Batches of messages in the history: robots' reviews, and rubbish among verdicts."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import Delivery, StoredReview
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.web.json.json_views import as_json, conflict_view, record_row, verdict_view
from edge_node.messages.response import Response, Result
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Incoming
from edge_node.unprintable import find_unprintable
from tests.support.robot_messages import changed_verdict, message
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from pathlib import Path


def told_review(number: int, *, robot: str = "crawler-1", **fields) -> Incoming:
    """A robot's answer to a review that somebody made on a terminal."""
    response = Response(
        **{
            "id": f"{robot}:epoch:response:{number}",
            "seq": number,
            "site": "quay",
            "robot": robot,
            "at": START,
            "verb": "review",
            "command_id": "terminal-0001",
            "result": Result.DONE,
            "code": "recorded",
            "text": "recorded",
            "data": {
                "subject": "crawler-1:epoch:f3",
                "judgement": "disputed",
                "by": "李",
                "outcome": "uncorroded",
            },
            **fields,
        }
    )
    return Incoming(f"corrosion/v1/quay/{robot}/rsp", encode(response), is_retained=False)


def test_a_review_that_a_robot_recorded_is_kept_whoever_made_it(tmp_path: Path, place) -> None:
    """Once, whatever comes twice; a late answer to one of our own counts; no robot speaks for another."""
    history = History(tmp_path, place=place)
    ours = StoredReview(
        review_id="from-the-page",
        site="quay",
        robot="crawler-1",
        finding_id="crawler-1:epoch:f3",
        opinion=ReviewJudgement.CONFIRMED,
        note="",
        reviewer="Anna",
        reviewed_at=START - timedelta(hours=1),
        delivery=Delivery.EXPIRED,
    )
    history.add_review(ours)
    batch = [
        told_review(1),
        told_review(2),  # the same command under another number, in one batch
        told_review(3, command_id="from-the-page"),
        told_review(4, robot="crawler-2", command_id="forged-0001"),
        told_review(5, command_id="refused-0001", result=Result.REFUSED),
        told_review(6, command_id="rubbish-0001", data={"subject": "x"}),
    ]
    assert len(store(history, batch)) == 6
    newest, first = history.reviews(finding_id="crawler-1:epoch:f3")
    assert (newest.review_id, newest.reviewer, newest.opinion) == (
        "terminal-0001",
        "李",
        ReviewJudgement.DISPUTED,
    )
    assert (dict(newest.corrections), newest.delivery) == ({"outcome": "uncorroded"}, Delivery.DONE)
    assert (first.review_id, first.delivery) == ("from-the-page", Delivery.DONE)
    # A number of a command that another robot's review has blocks nothing.
    other = told_review(
        1, robot="crawler-2", data={"subject": "crawler-2:e:f1", "judgement": "confirmed", "by": "x"}
    )
    assert len(store(history, [other])) == 1
    assert history.reviews(finding_id="crawler-2:e:f1") == []
    history.close()


def test_rubbish_among_verdicts_costs_only_itself(tmp_path, place) -> None:
    """It is counted, and its neighbours in the same commit are kept."""
    history = History(tmp_path, place=place)
    batch = [message(encode(verdict(1, "C"))), message(b"rubbish"), message(encode(verdict(2, "U")))]
    batch.append(message(changed_verdict(seq=2**60)))
    arrivals = store(history, batch)
    assert [arrival.message.seq for arrival in arrivals] == [1, 2]
    assert sum(refused.count for refused in history.refused()) == 2
    assert store(history, batch[:1])[0].is_news is False
    history.close()


DECEIVING = "pipe \x1b[2J\x00 \u202egnp"


def test_no_text_of_a_robot_turns_another_text_around(tmp_path: Path, place) -> None:
    """Whatever message holds it, read or not: terminals, pages and reports show a sign in its place."""
    history = History(tmp_path, place=place)
    deceiving = msgspec.structs.replace(verdict(1, "U"), asset=DECEIVING, source=DECEIVING)
    batch = [
        message(encode(deceiving)),
        message(encode(msgspec.structs.replace(deceiving, material=DECEIVING))),  # a conflict
        message(b"{}", f"corrosion/v1/quay/crawler-1/{DECEIVING}"),
        message(b"", f"corrosion/v1/{DECEIVING}/r/status"),
        message(json.dumps({DECEIVING: 1}).encode(), "corrosion/v1/quay/crawler-1/finding"),
    ]
    store(history, batch)
    seen = [
        record_row(history.newest(1)[0]),
        verdict_view(history.newest(1)[0]),
        history.words("asset"),
        history.refused(),
        [conflict_view(found) for found in history.conflicts()],
        history.robots(),
    ]
    assert len(history.refused()) == 3
    assert len(history.conflicts()) == 1
    for one in seen:
        plain = msgspec.json.decode(as_json(one))
        assert find_unprintable(plain) == "", plain
    history.close()

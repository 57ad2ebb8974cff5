"""The step that tells old reviews that were made here from what robots said."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import Delivery
from edge_node.messages.response import Response, Result
from tests.support.older_histories import make_older
from tests.support.room_records import review
from tests.support.verdicts import START

if TYPE_CHECKING:
    from pathlib import Path


def _response(command_id: str, **data: str) -> Response:
    return Response(
        id=f"crawler-1:epoch:r{command_id}",
        seq=1,
        site="quay",
        robot="crawler-1",
        at=START,
        verb="review",
        command_id=command_id,
        result=Result.DONE,
        code="recorded",
        text="recorded",
        data={"subject": "crawler-1:epoch:f3", "judgement": "disputed", "by": "Ada", **data},
    )


def test_an_old_review_is_told_by_the_robots_response(tmp_path: Path) -> None:
    """Stored with its time: a robot's word; with another: made here; without a response: nobody knows."""
    with closing(History(tmp_path)) as history:
        history.add_review(review("here", reviewed_at=START - timedelta(hours=1), delivery=Delivery.DONE))
        history.add_review(review("waiting", reviewed_at=START - timedelta(hours=2)))
        history.learn_review(review("told", reviewed_at=START, delivery=Delivery.DONE))
        history.learn_review(review("forgotten", reviewed_at=START, delivery=Delivery.DONE))
        history.add_response(_response("here", evidence_sha256="e" * 64))
        history.add_response(_response("told"))
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)) as history:
        found = {one.review_id: (one.origin, one.evidence_sha256) for one in history.reviews()}
    assert found == {
        "here": ("typed", "e" * 64),
        "waiting": ("typed", ""),
        "told": ("robot", ""),
        "forgotten": ("", ""),
    }

"""A slice of the loop: what a hundred reviews of real photographs say is what the data set says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import msgspec

from converter.data.dataset import load_dataset
from edge_node.control_room.report.dataset_export import export_dataset
from tests.support.photographs import iter_photographs
from tests.support.reviewable import add_verdict
from tests.support.room_app import RoomApp

if TYPE_CHECKING:
    from pathlib import Path

REVIEWS = 100


def test_a_hundred_reviews_become_a_hundred_labels(tmp_path: Path) -> None:
    """Confirmed and disputed, each picture once with its truth; one that was taken back is in none."""
    truths: dict[str, bool] = {}
    with RoomApp(tmp_path) as room:
        for seq, (pixels, is_corroded) in enumerate(iter_photographs(REVIEWS + 1), start=1):
            small = cv2.resize(pixels, (160, 120), interpolation=cv2.INTER_AREA)
            jpeg = cv2.imencode(".jpg", small)[1].tobytes()
            says_corroded = seq % 3 > 0
            sha256 = add_verdict(room.history, seq, "C" if says_corroded else "U", jpeg)
            body = {"judgement": "confirmed", "by": "Ada", "evidence_sha256": sha256}
            if says_corroded is not is_corroded:
                body |= {"judgement": "disputed", "outcome": "corroded" if is_corroded else "uncorroded"}
            path = f"/api/verdicts/crawler-1:epoch:{seq}/review"
            json = {"content_type": "application/json"}
            stored = room.request(path, "POST", msgspec.json.encode(body), **json)
            assert stored.status == 202, stored.body
            truths[sha256] = is_corroded
        undo = {"judgement": "withdrawn", "by": "Ada", "withdraws": stored.json()["review_id"]}
        assert room.request(path, "POST", msgspec.json.encode(undo), **json).status == 202
        del truths[sha256]
        export_dataset(room.history, tmp_path / "reviewed")
    labels = {sample.path.stem: sample.labels["corroded"] for sample in load_dataset(tmp_path / "reviewed")}
    assert labels == {name: "corroded" if truth else "uncorroded" for name, truth in truths.items()}

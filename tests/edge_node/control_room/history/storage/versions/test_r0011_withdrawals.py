"""The step that adds the withdrawals of reviews."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredWithdrawal
from edge_node.control_room.history.reviews import add_withdrawal
from tests.support.older_histories import make_older
from tests.support.room_records import review
from tests.support.verdicts import START

if TYPE_CHECKING:
    from pathlib import Path


def test_a_review_of_an_older_file_can_be_taken_back(tmp_path: Path) -> None:
    """It counted until then; the file is read without the table too."""
    with closing(History(tmp_path)) as history:
        history.add_review(review(origin="typed"))
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path, read_only=True)) as history:
        assert history.reviews()[0].withdrawn is None
    with closing(History(tmp_path)) as history:
        assert history.reviews()[0].counts
        assert add_withdrawal(history.database, StoredWithdrawal("review-1", "undo-1", "Ada", START))
        assert not history.reviews()[0].counts

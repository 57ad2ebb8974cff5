"""Pictures to review: what teaches most first, in whatever order messages come, those of old robots too."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import QueueFilter, StoredPicture
from edge_node.messages.verdict import StageVerdict
from tests.support.older_histories import make_older
from tests.support.room_records import disagreement, finding, review
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

ALL = QueueFilter(missing=True)


def kept(seq, *reasons, share=0.99, what="C", **fields):
    """Return a verdict with a picture that was kept for these reasons."""
    stage = StageVerdict(
        name="steel",
        label="corroded",
        probabilities={"corroded": share, "uncorroded": 1 - share},
        decision_threshold=0.5,
        abstain_below=0.0,
    )
    name = fields.pop("evidence_sha256", f"{seq:064x}")
    return verdict(seq, what, stages=(stage,), evidence_sha256=name, evidence_reasons=reasons, **fields)


def queue(history, only=ALL, **options):
    """Return the numbers of the verdicts in the queue."""
    return [found.record.verdict.seq for found in history.queue(only, **options)]


@pytest.fixture
def filled(history):
    """Return a history with a picture for each reason, the less teaching ones first."""
    for found in (
        kept(1),  # of a robot that tells no reason
        kept(2, "a_later_reason"),
        kept(3, "sample", what="U"),
        kept(4, "corroded"),
        kept(5, "finding_first", "corroded"),
        kept(6, "finding_worse"),
        kept(7, "low_margin", "corroded", share=0.58),
        kept(8, "low_margin", share=0.52),
        kept(9, "uncertain", "sample", what="?"),
        kept(10, "corroded", evidence_sha256=None),  # its picture was not kept after all
        kept(11, "corroded"),
    ):
        assert history.add_verdict(found)
    return history


def test_what_teaches_most_comes_first(filled) -> None:
    """Of a low margin the smallest, of others the newest; those without a known reason last, but there."""
    assert queue(filled) == [9, 8, 7, 6, 5, 11, 4, 3, 2, 1]
    assert queue(filled, limit=4) == [9, 8, 7, 6]
    assert queue(filled, limit=4, after="crawler-1:epoch:6") == [5, 11, 4, 3]
    assert queue(filled, after="crawler-1:epoch:1") == []
    first = filled.queue(ALL, limit=1)[0]
    assert (first.sha256, first.reasons) == (f"{9:064x}", ("uncertain", "sample"))


def test_pictures_of_one_reason_or_robot_are_found(filled) -> None:
    """Any of its reasons finds a picture; those that tell none are found too."""
    assert queue(filled, QueueFilter(reason="corroded", missing=True)) == [7, 5, 11, 4]
    assert queue(filled, QueueFilter(reason="sample", missing=True)) == [9, 3]
    assert queue(filled, QueueFilter(reason="", missing=True)) == [1]
    assert queue(filled, QueueFilter(reason="margin")) == []
    assert queue(filled, QueueFilter(robot="another")) == []
    assert queue(filled, QueueFilter("quay", "crawler-1", missing=True), limit=1) == [9]
    assert filled.count_queue(ALL) == {
        "": 1,
        "a_later_reason": 1,
        "sample": 2,
        "corroded": 4,
        "finding_first": 1,
        "finding_worse": 1,
        "low_margin": 2,
        "uncertain": 1,
    }


def test_only_what_has_come_is_to_be_reviewed(filled) -> None:
    """A thumbnail is enough; another robot's picture of that name is not."""
    assert queue(filled, QueueFilter()) == []
    for robot, seq in (("crawler-1", 4), ("crawler-1", 8), ("crawler-2", 9)):
        filled.add_picture(StoredPicture("quay", robot, f"{seq:064x}", is_thumbnail=True, content=b"x"))
    assert queue(filled, QueueFilter()) == [8, 4]
    assert filled.count_queue(QueueFilter()) == {"low_margin": 1, "corroded": 1}


@pytest.mark.parametrize("is_early", [False, True], ids=["after its verdict", "before its verdict"])
def test_a_disagreement_of_the_shadow_comes_first(filled, is_early) -> None:
    """It brings the picture that the shadow kept, or marks the one that is there; twice is once."""
    own, other = kept(21, evidence_sha256=None), kept(22, "sample")
    said = [disagreement(21, "e" * 64), disagreement(22, f"{22:064x}"), disagreement(23)]
    first, second = (said, [own, other]) if is_early else ([own, other], said)
    for message in [*first, *second]:
        is_verdict = message in (own, other)
        assert filled.add_verdict(message) if is_verdict else filled.add_disagreement(message)
    assert not filled.add_disagreement(said[0])
    assert queue(filled, limit=3) == [22, 21, 9]
    marked, bare = filled.queue(ALL, limit=2)
    assert (marked.reasons, bare.reasons, bare.sha256) == (("shadow", "sample"), ("shadow",), "e" * 64)
    assert (bare.disagreement, filled.queued(own.id)) == (said[0], bare)
    assert filled.queued("crawler-1:epoch:23") is None  # its verdict has not come
    assert filled.queued("rubbish") is None


def test_what_was_reviewed_leaves_the_queue(filled) -> None:
    """A review of the verdict, or of the finding whose picture it is; it can be seen again."""
    filled.add_review(review("one", finding_id="crawler-1:epoch:9"))
    filled.add_finding(finding(best_evidence_sha256=f"{6:064x}"))
    assert queue(filled, limit=3) == [8, 7, 6]
    filled.add_review(review("two"))
    assert queue(filled, limit=3) == [8, 7, 5]
    assert queue(filled, QueueFilter(reviewed=True, missing=True), limit=4) == [9, 8, 7, 6]
    assert filled.count_queue(ALL)["finding_first"] == 1
    assert "finding_worse" not in filled.count_queue(ALL)


def test_the_file_of_an_older_control_room_is_gone_on_with(tmp_path: Path) -> None:
    """Its pictures are the last of the queue; read beside an older program, a picture tells no reasons."""
    with closing(History(tmp_path)) as history:
        history.add_verdict(kept(1, "uncertain"))
    make_older(tmp_path)
    with closing(History(tmp_path, read_only=True)) as history:
        assert history.queued("crawler-1:epoch:1") is None
        assert queue(history) == []
        assert history.verdict("crawler-1:epoch:1").verdict.evidence_reasons == ("uncertain",)
    with closing(History(tmp_path)) as history:
        history.add_verdict(kept(2, "sample"))
        assert queue(history) == [2, 1]
    with closing(History(tmp_path, read_only=True)) as history:
        assert queue(history) == [2, 1]


def test_reasons_that_a_robot_invents_do_no_harm(history) -> None:
    """They are a name, or they are not told; however many come."""
    history.add_verdict(kept(1, "a,b", "", "x" * 99, "Ü", "' OR 1=1", *["sample"] * 99))
    assert history.queue(ALL)[0].reasons == ("sample",) * 11


def test_the_worst_comes_first_where_that_is_asked_for(history) -> None:
    """By the room's words, then corroded without one, then undecided; the newest first; page by page."""
    for seq, what, severity in (
        *((1, "C", "mid"), (2, "U", None), (3, "C", "late"), (4, "C", "odd"), (5, "X", None)),
        *((6, "?", None), (7, "C", "mid"), (8, "C", None), (9, "C", "late"), (10, "U", "late")),
    ):
        history.add_verdict(kept(seq, "sample", what=what, severity=severity))
    worst = QueueFilter(missing=True, worst_first=("none", "mid", "late"))
    expected = [9, 3, 7, 1, 8, 4, 6, 5, 10, 2]
    assert queue(history, worst) == expected
    found, after = [], None
    while page := queue(history, worst, limit=3, after=after):
        found += page
        after = f"crawler-1:epoch:{page[-1]}"
    assert found == expected

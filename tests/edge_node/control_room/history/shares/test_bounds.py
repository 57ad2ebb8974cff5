"""Whatever robots send, each other one keeps its share, and the file its bound."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.messages.finding import FindingState
from edge_node.messages.response import Response, Result
from edge_node.messages.verdict import encode
from tests.support.postgres import ON_SQLITE
from tests.support.room_records import disagreement, finding, review
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOUND = 1_500_000
EMPTY = 300_000  # a file without rows: forty tables and indexes
LARGEST_ROW = 75_000
FAR = 10**9


def add_verdict(history: History, robot: str, number: int, size: int) -> None:
    """Add a verdict with a text of ``size`` characters."""
    history.add_verdict(
        verdict(number, "C", robot=robot, id=f"{robot}:epoch:{number}", reasons=(), form="x" * size)
    )


def add_conflict(history: History, robot: str, number: int, size: int) -> None:
    """Add another verdict under the id of the first."""
    known = verdict(1, "U", robot=robot, id=f"{robot}:epoch:1")
    history.add_verdict(known, payload=encode(known) + b" " * (size + number))


def add_finding(history: History, robot: str, number: int, size: int) -> None:
    """Add an open finding."""
    history.add_finding(finding(id=f"{robot}:epoch:f{number}", robot=robot, form="x" * size))


def add_response(history: History, robot: str, number: int, size: int) -> None:
    """Add a response to a command."""
    history.add_response(
        Response(
            id=f"{robot}:epoch:r{number}",
            seq=number,
            site="quay",
            robot=robot,
            at=START,
            verb="ping",
            command_id=f"c{number}",
            result=Result.DONE,
            code="ok",
            text="x" * size,
        )
    )


def add_review(history: History, robot: str, number: int, size: int) -> None:
    """Learn a review from a robot."""
    subject = f"{robot}:epoch:{number}"
    history.learn_review(review(f"{robot}-{number}", robot=robot, finding_id=subject, note="x" * size))


def add_disagreement(history: History, robot: str, number: int, size: int) -> None:
    """Add what a shadow says of a verdict."""
    history.add_disagreement(
        disagreement(number, robot=robot, verdict=f"{robot}:epoch:{number}", id="x" * size)
    )


def add_epoch(history: History, robot: str, number: int, size: int) -> None:
    """Add a verdict of an epoch of its own, and a gap in it."""
    history.add_verdict(verdict(2, "U", robot=robot, id=f"{robot}:epoch{number}:2"))


KINDS = {
    "verdict": add_verdict,
    "conflict": add_conflict,
    "finding": add_finding,
    "response": add_response,
    "review": add_review,
    "disagreement": add_disagreement,
    "epoch": add_epoch,
}


def send(history: History, kind: str, robot: str, total: int, size: int, *, first: int = 1) -> None:
    """Send about ``total`` bytes of one kind."""
    add: Callable[[History, str, int, int], None] = KINDS[kind]
    for number in range(first, first + max(total // (size + 1500), 1)):
        add(history, robot, number, size)


def charges(history: History) -> dict[str, int]:
    """What each robot takes of the bound."""
    return {share.robot: share.bytes for share in history.shares(max_bytes=BOUND)}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory) -> Path:
    """A folder with the history of two robots that use less than their share, between each other's rows."""
    folder = tmp_path_factory.mktemp("quiet")
    history = History(folder)
    with history.transaction():
        for number in range(1, 40):
            for robot in ("a", "b"):
                add_verdict(history, robot, number, 300)
                if number % 4 == 0:
                    for kind in ("finding", "response", "review", "disagreement"):
                        KINDS[kind](history, robot, number, 300)
    history.close()
    return folder


FLOOD = st.tuples(
    st.sampled_from(sorted(KINDS)), st.integers(50_000, 900_000), st.sampled_from([0, 2000, 50_000])
)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(FLOOD, min_size=1, max_size=3), min_size=1, max_size=4))
def test_whatever_robots_send_each_other_one_keeps_its_share(quiet, tmp_path, floods) -> None:
    """At least what it had, or an equal part of the bound; and the file is no larger than that."""
    folder = tmp_path / "room"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(quiet, folder)
    history = History(folder)
    try:
        with history.transaction():
            for place, flood in enumerate(floods):
                for turn, (kind, total, size) in enumerate(flood):
                    send(history, kind, f"evil{place}", total, size, first=1 + 10_000 * turn)
        had = charges(history)
        history.trim(max_bytes=BOUND, max_picture_bytes=FAR)
        kept = charges(history)
        assert history.usage().database_bytes <= BOUND
        equal = (BOUND - EMPTY) // len(had)
        for robot in ("a", "b"):
            assert kept[robot] >= min(had[robot], equal)
        for place, flood in enumerate(floods):
            if all(kind != "conflict" for kind, _, _ in flood):  # those have a small part of the bound
                assert kept[f"evil{place}"] >= min(had[f"evil{place}"], equal) - LARGEST_ROW
        history.trim(max_bytes=BOUND, max_picture_bytes=FAR)
        assert charges(history) == kept
    finally:
        history.close()


@ON_SQLITE
@pytest.mark.parametrize("kind", ["verdict", "finding"])
def test_one_robot_pushes_nobody_out(history: History, kind: str) -> None:
    """3,000 verdicts stay whole beside 30 MB of large messages, and ten megabytes are ten."""
    with history.transaction():
        for seq in range(1, 3001):
            history.add_verdict(verdict(seq, "U"))
        send(history, kind, "evil", 30_000_000, 60_000)
    history.trim(max_bytes=10_000_000, max_picture_bytes=FAR)
    assert history.usage().database_bytes <= 10_000_000
    assert {record.robot: record.verdicts for record in history.robots()}["crawler-1"] == 3000
    assert history.verdict("crawler-1:epoch:1") is not None
    assert history.verdict("crawler-1:epoch:3000") is not None


def test_pictures_are_shared_out_too(history: History) -> None:
    """A robot with many pictures gives its own, the full ones first; another's stay."""
    for robot, pictures in (("a", 5), ("evil", 60)):
        for number in range(pictures):
            for is_thumbnail in (False, True):
                content = number.to_bytes(2, "big") + b"x" * (500 if is_thumbnail else 20_000)
                sha256 = hashlib.sha256(content).hexdigest()
                history.add_picture(StoredPicture("quay", robot, sha256, is_thumbnail, content))
    history.trim(max_bytes=FAR, max_picture_bytes=400_000)
    usage = history.usage()
    assert usage.picture_bytes <= 400_000
    content = (0).to_bytes(2, "big") + b"x" * 20_000
    assert history.picture("quay", "a", hashlib.sha256(content).hexdigest()) is not None
    assert history.picture("quay", "evil", hashlib.sha256(content).hexdigest()) is None


def test_findings_that_are_open_go_too_and_reviewed_ones_last(history: History) -> None:
    """By when their newest message arrived; a review keeps the oldest."""
    for number in range(1, 41):
        add_finding(history, "crawler-1", number, 50_000)
        state = FindingState.CLOSED if number % 2 else FindingState.OPENED
        history.add_finding(
            finding(id=f"crawler-1:epoch:f{number}", form="x" * 50_000, state=state, frames=4)
        )
    history.add_review(review(finding_id="crawler-1:epoch:f1"))
    history.trim(max_bytes=1_000_000, max_picture_bytes=FAR)
    left = sorted(int(record.finding.id.rpartition("f")[2]) for record in history.findings())
    assert left[0] == 1
    assert left[1:] == list(range(41 - len(left) + 1, 41))
    assert 8 < len(left) < 20

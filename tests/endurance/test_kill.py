"""The short form of the kill test, and that its judge can say no."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.endurance.judge import WINDOW, judge
from tests.support.collector import Received
from tests.support.mqtt_tap import Sending


def got(*numbers: int) -> list[Received]:
    """What a subscriber got, given as numbers; negative ones are replayed."""
    return [
        Received(
            "verdict",
            json.dumps({"id": f"r:{abs(number)}", "monotonic_ns": abs(number)}).encode(),
            retain=False,
            user={"replayed": "true"} if number < 0 else {},
            correlation=b"",
        )
        for number in numbers
    ]


def wire(connection: int, *numbers: int, code: int | None = 0) -> list[Sending]:
    """What the node sent over one connection."""
    return [Sending(f"r:{number}", connection, code) for number in numbers]


def given(last: int) -> list[str]:
    """All that the node gave."""
    return [f"r:{number}" for number in range(1, last + 1)]


def test_the_judge_sees_loss_and_what_a_broker_forgot() -> None:
    """What is missing was lost by the node, unless the broker had taken it for a subscriber."""
    good = judge(got(1, 2, 3, -3, -4, 6, -5), given(6), wire(1, 1, 2, 3) + wire(2, 3, 4, 6, 5))
    assert (good.verdicts, good.lost, good.duplicates, good.misplaced) == (6, [], 1, [])
    assert good.is_good
    bad = judge(got(1, 5), given(5), wire(1, 1) + wire(1, 2, code=None) + wire(1, 3, code=16) + wire(1, 4, 5))
    assert (bad.lost, bad.forgotten) == (["r:2", "r:3"], ["r:4"])
    assert not bad.is_good


def test_the_judge_sees_order() -> None:
    """Live verdicts overtake the backlog; within each of the two, a later one first is misplaced."""
    assert judge(got(1, 4, -2, -3), given(4), []).misplaced == []
    bad = judge(got(1, 3, 2), given(3), wire(1, 1, 3) + wire(2, 2))
    assert bad.misplaced == ["r:2 (live; connection 2: 0)"]
    assert not bad.is_good


def test_the_judge_counts_repeats_by_the_connection_whose_end_was_the_reason() -> None:
    """Two ends in quick succession may repeat a window each, however late the repeats arrive."""
    numbers = range(1, WINDOW + 1)
    ends = wire(1, *numbers, code=None) + wire(2, *numbers) + wire(3, *numbers)
    good = judge(got(*numbers, *numbers, *numbers), given(WINDOW), ends)
    assert (good.duplicates, good.repeats, good.by_broker) == (2 * WINDOW, {1: WINDOW, 2: WINDOW}, 0)
    assert good.is_good
    more = range(1, WINDOW + 2)
    assert not judge(got(*more, *more), given(WINDOW + 1), wire(1, *more) + wire(2, *more)).is_good
    assert judge(got(1, 1), given(1), wire(1, 1)).by_broker == 1


def test_the_judge_sees_what_is_sent_again_for_no_reason() -> None:
    """Over one connection only what nobody got may be sent again."""
    assert judge(got(1), given(1), wire(1, 1, code=16) + wire(1, 1)).is_good
    bad = judge(got(1, 1), given(1), wire(1, 1) + wire(1, 1))
    assert bad.baseless == ["r:1"]
    assert not bad.is_good


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [[], ["--faults"], ["--broker-signal", "TERM"]],
    ids=["kills", "kills and link faults", "broker restarts"],
)
def test_nothing_is_lost_over_kills(mosquitto, options: list[str]) -> None:
    """A few kills of daemon and broker, as the long run does hundreds: lost 0, duplicates within a window."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.endurance.kill"),
            *("--kills", "4", "--broker-kills", "2", "--verdicts", "300", "--limit-s", "100"),
            *("--longest-life-s", "3", *options),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

"""The short form of the kill test, and that its judge can say no."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.endurance.kill import TOPIC, WINDOW, judge
from tests.support.collector import Received


class Seen:
    """What a subscriber got, given as numbers; negative ones are replayed."""

    def __init__(self, *numbers: int) -> None:
        self.messages = [
            Received(
                TOPIC,
                json.dumps({"seq": abs(number)}).encode(),
                retain=False,
                user={"replayed": "true"} if number < 0 else {},
                correlation=b"",
            )
            for number in numbers
        ]

    def of(self, topic: str) -> list[Received]:
        """All of them."""
        assert topic == TOPIC
        return self.messages


def test_the_judge_sees_loss_order_and_duplicates() -> None:
    """A count that cannot find anything wrong proves nothing."""
    good = judge(Seen(1, 2, 3, -3, -4, 6, -5), [3], 6)
    assert (good.verdicts, good.lost, good.duplicates, good.out_of_order) == (6, [], 1, 0)
    assert good.is_good
    assert judge(Seen(1, 2, 4), [], 4).lost == [3]
    assert judge(Seen(1, 2), [], 3).lost == [3]
    forgotten = judge(Seen(1, 4), [], 4, acknowledged={1, 3, 4})
    assert (forgotten.lost, forgotten.forgotten) == ([2], [3])
    assert not judge(Seen(1, 2), [], 3).is_good
    assert judge(Seen(1, 3, 2), [], 3).out_of_order == 1
    assert not judge(Seen(1, 3, 2), [], 3).is_good
    many = judge(Seen(*range(1, 30), *(-n for n in range(1, WINDOW + 2))), [29], 29)
    assert many.worst == WINDOW + 1
    assert not many.is_good


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

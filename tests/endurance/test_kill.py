"""The short form of the kill test, and that its judge can say no."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.endurance.kill import TOPIC, WINDOW, judge
from tests.support.collector import Received
from tests.support.mqtt_tap import Tap


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


def test_the_tap_reads_acknowledgements_however_the_bytes_are_cut() -> None:
    """PUBACK with and without a reason, other topics, nobody subscribed, packets in pieces."""

    def publish(number: int, topic: bytes, seq: int) -> bytes:
        payload = json.dumps({"pad": "x" * 200, "seq": seq}).encode()
        body = len(topic).to_bytes(2, "big") + topic + number.to_bytes(2, "big") + b"\x00" + payload
        return bytes([0x32, len(body) % 128 | 0x80, len(body) // 128]) + body

    sent = publish(1, b"t", 11) + publish(2, b"other", 12) + publish(3, b"t", 13) + publish(4, b"t", 14)
    answers = bytes.fromhex("400200014002000240030003104003000400")
    for step in (1, 7, 10_000):
        acknowledged: set[int] = set()
        tap = Tap("t", acknowledged)
        for feed, data in ((tap.sent, sent), (tap.answered, answers)):
            for at in range(0, len(data), step):
                feed(data[at : at + step])
        assert acknowledged == {11, 14}


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

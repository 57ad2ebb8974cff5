"""The check of the chain can say no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.endurance.chain import Epochs, broken_links
from tests.support.records import RobotRecord, forged

if TYPE_CHECKING:
    from pathlib import Path


def test_a_broken_chain_is_seen(tmp_path: Path) -> None:
    """A verdict that was changed, an end that is not the spool's, two contents of one id."""
    robot, epochs = RobotRecord(tmp_path), Epochs()
    for count in (3, 0, 4):
        robot.run(count)
        epochs.note(robot.folder / "spool.sqlite")
    payloads = list(robot.verdicts.values())
    names = [f"crawler-1:{epoch}:{seq}" for epoch, seq in robot.verdicts]
    assert epochs.given("crawler-1") == names
    assert broken_links(payloads[::-1] + payloads, epochs.ends) == []
    assert broken_links([payloads[0], *payloads[2:]], epochs.ends) == []
    changed = [forged(payloads[0], outcome="corroded"), *payloads[1:]]
    assert broken_links(changed, epochs.ends) == [f"{names[1]} does not follow the verdict before it"]
    assert broken_links([*payloads, payloads[2] + b" "], epochs.ends) == [
        f"{names[2]} came with two contents"
    ]
    last = [*payloads[:6], payloads[6] + b" "]
    assert broken_links(last, epochs.ends) == [f"{names[6]} is not the end that the spool knows"]
    cut = [*payloads[:3], forged(payloads[3], previous_epoch=None), *payloads[4:]]
    assert any("names another epoch" in text for text in broken_links(cut, epochs.ends))
    found = broken_links(payloads, dict(list(epochs.ends.items())[:1]))
    assert [f"{name} was delivered, and is not in the spool" for name in names[3:]] == found[1:]

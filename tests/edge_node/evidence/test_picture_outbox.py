"""Pictures are handed out on an idle link, until the broker has them or refused them three times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.config.delivery_sections import EvidenceConfig
from edge_node.evidence.picture_outbox import PictureOutbox
from edge_node.evidence.store import EvidenceStore
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import EvidenceReason

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("site", "robot")
CORRODED = (EvidenceReason.CORRODED,)


def one_picture(folder: Path) -> tuple[PictureOutbox, str]:
    """Return an outbox with one thumbnail to send, and the topic that it goes to."""
    evidence = EvidenceStore(folder, EvidenceConfig())
    sha256 = evidence.keep(np.full((48, 64, 3), 90, np.uint8), CORRODED)
    assert sha256 is not None
    return PictureOutbox(evidence, TOPICS), TOPICS.evidence(sha256)


def test_a_picture_waits_for_an_idle_link_and_goes_once(tmp_path: Path) -> None:
    """Verdicts first; what the broker has is not handed out again."""
    outbox, topic = one_picture(tmp_path)
    outbox.begin()
    assert outbox.next_message(0.0, is_idle=False) is None
    message = outbox.next_message(0.0, is_idle=True)
    assert message is not None
    assert (message.topic, message.qos, message.content_type) == (topic, outbox.qos, "image/jpeg")
    assert message.user == (("size", "thumbnail"), ("reasons", "corroded"))
    outbox.answered(0x10)  # nobody subscribes: the broker had it
    assert outbox.next_message(0.0, is_idle=True) is None


def test_without_a_good_answer_it_goes_three_times(tmp_path: Path) -> None:
    """Refused or cut off, it comes again, but not for ever."""
    outbox, topic = one_picture(tmp_path)
    for code in (None, 0x97, None):
        message = outbox.next_message(0.0, is_idle=True)
        assert message is not None
        assert message.topic == topic
        outbox.answered(code)
    assert outbox.next_message(0.0, is_idle=True) is None

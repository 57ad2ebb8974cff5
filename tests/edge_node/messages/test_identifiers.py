"""Names, versions and ids in messages: which are taken, and how a verdict's id is split."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.messages.identifiers import Identifier, Ordered, split_verdict_id


def test_an_id_is_split_at_its_first_and_last_colon() -> None:
    """The epoch between them may hold colons; parts that are not there are empty."""
    assert split_verdict_id("crawler-1:epoch:7") == ("crawler-1", "epoch", "7")
    assert split_verdict_id("crawler-1:a:b:f7") == ("crawler-1", "a:b", "f7")
    assert split_verdict_id("crawler-1:7") == ("crawler-1", "", "7")
    assert split_verdict_id("7") == ("", "", "7")


@pytest.mark.parametrize("text", ["", "-x", "_x", "a b", "a/b", "a+", "a\n", "ä", "x" * 65, "../x"])
def test_a_name_that_could_change_a_topic_or_a_path_is_refused(text: str) -> None:
    """Letters, digits, - and _ alone, beginning with a letter or a digit."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Identifier)


@pytest.mark.parametrize("text", ["", "1.", ".1", "01", "1.02", "1.2.3.4.5", "v1", "1-2", "1\n", "1" * 10])
def test_a_version_is_one_to_four_whole_numbers(text: str) -> None:
    """Without leading zeros, so that two texts are never one version."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Ordered)
    for good in ("0", "2", "1.10", "2026.11.24", "1.2.3.4"):
        assert msgspec.convert(good, Ordered) == good

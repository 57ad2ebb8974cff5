"""What a robot remembers of the topics that it retained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.mqtt.retained_topics import RetainedTopics

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_not_claimed_again_is_stale_until_it_is_forgotten(tmp_path: Path) -> None:
    """Over restarts, for each broker by itself."""
    file = tmp_path / "retained.json"
    RetainedTopics(file, "a:1883").claim(["x", "y"])
    RetainedTopics(file, "b:1883").claim(["z"])
    again = RetainedTopics(file, "a:1883")
    assert again.stale == ["x", "y"]
    again.claim(["y", "w"])
    assert again.stale == ["x"]
    again.forget("x")
    again.forget("y")  # still wanted: it is published again at the next connection
    again.forget("never there")
    again.note_look()
    third = RetainedTopics(file, "a:1883")
    assert (third.stale, third.looks) == (["y", "w"], 1)
    assert RetainedTopics(file, "b:1883").stale == ["z"]
    assert RetainedTopics(file, "c:1883").stale == []


def test_a_damaged_file_and_a_full_disk_cost_only_what_would_be_remembered(tmp_path: Path, caplog) -> None:
    """The node runs; it says what it does not know any more."""
    file = tmp_path / "retained.json"
    file.write_text('{"brokers": {"a:1": {"topics": 7}}}')
    assert RetainedTopics(file, "a:1").stale == []
    assert "not known any more" in caplog.text
    nowhere = RetainedTopics(tmp_path / "no folder" / "retained.json", "a:1")
    nowhere.claim(["x"])
    assert nowhere.stale == []
    assert "would not be cleared" in caplog.text


def test_the_file_stays_small(tmp_path: Path) -> None:
    """A robot that moves between brokers, or whose name changes for years, keeps the newest."""
    file = tmp_path / "retained.json"
    for number in range(20):
        RetainedTopics(file, f"broker{number}:1883").claim(["x"])
    assert RetainedTopics(file, "broker0:1883").stale == []
    assert RetainedTopics(file, "broker19:1883").stale == ["x"]
    RetainedTopics(file, "broker19:1883").claim([f"topic/{number}" for number in range(2000)])
    assert len(RetainedTopics(file, "broker19:1883").stale) == 500

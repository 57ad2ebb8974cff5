"""A history's file is copied as it is at one moment, and its damage is told in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.recovery import whole_file
from edge_node.control_room.history.recovery.whole_file import (
    WholeFileError,
    copy_file,
    find_damage,
    include_log,
)
from tests.support.damaged_histories import damage, fill
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_has_what_the_log_holds(tmp_path: Path) -> None:
    """What was committed stands in the write-ahead log first; the share of the copy ends with one."""
    history = History(tmp_path)
    history.add_verdict(verdict(1, "C"))
    shares: list[float] = []
    (tmp_path / "copy").mkdir()
    copy_file(tmp_path / NAME, tmp_path / "copy" / NAME, shares.append)
    history.close()
    copy = History(tmp_path / "copy", read_only=True)
    assert copy.count_verdicts() == 1
    copy.close()
    assert shares[-1] == 1.0


def test_a_copy_ends_while_a_room_goes_on_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of the moment at which it began; what is written meanwhile does not make it begin anew."""
    monkeypatch.setattr(whole_file, "_PAGES", 10)
    history = History(tmp_path)
    history.add_verdict(verdict(1, "C"))
    steps = []

    def write(share: float) -> None:
        steps.append(share)
        history.add_verdict(verdict(1 + len(steps), "C"))
        assert len(steps) < 100

    (tmp_path / "copy").mkdir()
    copy_file(tmp_path / NAME, tmp_path / "copy" / NAME, write)
    history.close()
    copy = History(tmp_path / "copy", read_only=True)
    assert copy.count_verdicts() == 1
    copy.close()
    assert steps == sorted(steps)
    assert len(steps) > 2


def test_a_copied_log_is_included(tmp_path: Path) -> None:
    """A damaged file is copied with its log, whose verdicts are then in the file itself."""
    history = History(tmp_path)
    history.add_verdict(verdict(1, "C"))
    copy = tmp_path / "damaged.db"
    for end in ("", "-wal"):
        copy.with_name(copy.name + end).write_bytes((tmp_path / (NAME + end)).read_bytes())
    history.close()
    assert b"crawler-1:epoch:1" not in copy.read_bytes()
    include_log(copy)
    assert b"crawler-1:epoch:1" in copy.read_bytes()


def test_damage_is_found_and_none_is_invented(tmp_path: Path) -> None:
    """A sound file has none; noise, and a file of something else, are told."""
    fill(tmp_path)
    assert find_damage(tmp_path / NAME) == []
    damage(tmp_path, pages=6, seed=1)
    assert find_damage(tmp_path / NAME)
    (tmp_path / "x.db").write_bytes(b"something else" * 1000)
    assert "not a database" in find_damage(tmp_path / "x.db")[0]
    with pytest.raises(WholeFileError, match="not a database"):
        copy_file(tmp_path / "x.db", tmp_path / "y.db", lambda _share: None)

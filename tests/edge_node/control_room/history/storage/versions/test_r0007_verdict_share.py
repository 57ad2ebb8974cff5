"""The step that adds what each robot's verdicts take of the bound."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from tests.support.older_histories import make_older
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_verdicts_of_an_older_file_are_counted(tmp_path: Path) -> None:
    """As if they had been stored by this version."""
    with closing(History(tmp_path)) as history:
        for seq in range(1, 20):
            history.add_verdict(verdict(seq, "U"))
        wanted = history.shares(max_bytes=10**7)
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)) as history:
        assert history.shares(max_bytes=10**7) == wanted
        history.trim(max_bytes=10**7, max_picture_bytes=10**7)
        assert history.shares(max_bytes=10**7) == wanted

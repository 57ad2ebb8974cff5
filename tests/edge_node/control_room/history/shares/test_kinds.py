"""What a row is charged is what it takes in the file, and a little more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.shares import ledger
from tests.support.postgres import ON_SQLITE
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.history.history import History


@ON_SQLITE
@pytest.mark.parametrize("text", [0, 1400, 60_000])
def test_a_verdict_is_charged_what_it_takes(history: History, tmp_path: Path, text: int) -> None:
    """Small ones, two in a page, and those with pages of their own: freshly written they take less."""
    store = Database(tmp_path)
    empty = store.used_bytes()
    with history.transaction():
        for seq in range(1, 501 if text < 2000 else 60):
            history.add_verdict(
                verdict(seq, "C", form="x" * text, evidence_sha256="0" * 64, asset="pier", severity="late")
            )
    assert store.compact()
    charged = sum(bytes_used for _, _, bytes_used in ledger.sum_by_name(store))
    assert 1.05 < charged / (store.used_bytes() - empty) < 1.6
    store.close()

"""A history to report on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.messages.verdict import Pose, Reason
from tests.support.missions import SHA256, finding, picture
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Forty frames along four metres, ten of which never came and five could not be judged."""
    opened = History(tmp_path / "room")
    dark = (Reason(code="dark", text="too dark"),)
    for seq in range(1, 41):
        if 20 <= seq < 30:
            continue
        what = "X" if seq > 35 else "C" if seq in (5, 6, 7) else "U"
        opened.add_verdict(
            verdict(
                seq,
                what,
                asset="pipe 7",
                severity="late" if what == "C" else None,
                pose=Pose(distance_m=seq / 10),
                reasons=dark if what == "X" else (),
            ),
            replayed=seq > 30,
        )
    opened.add_finding(finding(5, best_evidence_sha256=SHA256))
    opened.add_picture(StoredPicture("quay", "crawler-1", SHA256, is_thumbnail=False, content=picture()))
    yield opened
    opened.close()

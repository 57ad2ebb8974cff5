"""A history to report on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.missions import open_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.control_room.history.history import History


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Forty frames along four metres, ten of which never came and five could not be judged."""
    opened = open_history(tmp_path / "room")
    yield opened
    opened.close()

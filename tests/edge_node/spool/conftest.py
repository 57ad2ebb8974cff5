"""A new spool, and a small file system of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.spool.spool import Spool
from tests.support.full_disk import small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A new spool."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    yield opened
    opened.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB of its own."""
    yield from small_disk(tmp_path / "disk", "size=8m")

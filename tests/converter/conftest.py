"""What several packages of the converter are tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.plates import write_plates

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of plates with their labels and masks."""
    return write_plates(tmp_path_factory.mktemp("plates"))

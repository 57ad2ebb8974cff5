"""A broker for the control room's ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.control_room import SYSTEMD_QUEUES
from tests.support.processes import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto with the queues of the configuration that we ship."""
    started = Mosquitto(tmp_path, f"user root\n{SYSTEMD_QUEUES}persistence_location {tmp_path}/\n")
    started.start()
    yield started
    started.kill()

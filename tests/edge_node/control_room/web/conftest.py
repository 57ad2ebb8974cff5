"""A broker for control rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def broker(tmp_path_factory) -> Iterator[Mosquitto]:
    """A mosquitto."""
    started = Mosquitto(tmp_path_factory.mktemp("broker"))
    started.start()
    yield started
    started.kill()

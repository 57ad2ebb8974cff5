"""A spool, and publishers that send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.publishing import TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A new spool."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    yield opened
    opened.close()


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., Publisher]]:
    """Starts publishers of the spool towards a port, and stops them at the end."""
    started: list[Publisher] = []

    def start(port: int, **options) -> Publisher:
        publisher = Publisher(MqttConfig(hostname="127.0.0.1", port=port, **options), TOPICS, spool, Wake())
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop()

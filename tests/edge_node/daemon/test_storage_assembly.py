"""The steps that lock the state folder and open what lies in it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_node.config.sections import Config, load_config
from edge_node.daemon.parts import Registry
from edge_node.daemon.start import lock_state_folder
from edge_node.daemon.storage_assembly import open_storage, sign_checkpoints
from edge_node.errors import SpoolError
from edge_node.evidence.store import EvidenceStore
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import EvidenceReason
from edge_node.mqtt.wake import Wake
from tests.scenarios.test_daemon_field import write_config
from tests.support.full_disk import hog, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CORRODED = (EvidenceReason.CORRODED,)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    yield from small_disk(tmp_path / "disk", "size=24m")


def registry(config: Config, state_dir: Path, stack: ExitStack) -> Registry:
    """What the parts of one start share."""
    return Registry(
        config, Topics(config.node.site, config.node.robot), state_dir, stack, stack.enter_context(Wake())
    )


def test_a_start_on_a_disk_that_was_filled_meanwhile_costs_pictures_and_no_verdict(disk: Path) -> None:
    """Another program took the last byte while the node was stopped: a start has a spool all the same."""
    config = load_config(write_config(disk, disk, 1))
    kept = EvidenceStore(disk / "state" / "evidence", config.evidence)
    noise = np.random.default_rng(7).integers(0, 255, (400, 500, 3), dtype=np.uint8)
    assert all(kept.keep(noise + np.uint8(number), CORRODED) for number in range(30))
    hog(disk)
    with ExitStack() as stack:
        state_dir, lock = lock_state_folder(config, stack)
        node = registry(config, state_dir, stack)
        storage = open_storage(node, lock)
        storage.spool.append(Kind.VERDICT, lambda _seq: b"a verdict")
        assert storage.spool.flush(10)
        assert len(storage.spool.rows(Kind.VERDICT)) == 1
        assert storage.spool.alarms == ()
        assert 0 < storage.evidence.held_bytes < kept.held_bytes
        assert sign_checkpoints(node, storage) is None  # no key is configured
        with ExitStack() as second, pytest.raises(SpoolError, match="another edge-node"):
            lock_state_folder(config, second)
    with ExitStack() as stack:  # closed in reverse, everything can be opened again
        state_dir, lock = lock_state_folder(config, stack)
        assert open_storage(registry(config, state_dir, stack), lock).spool.depth().waiting == 1

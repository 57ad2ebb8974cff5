"""What is good is installed on trial, and what is not, is not: bounds, content, swapped files."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from edge_node.errors import BundleError
from edge_node.update.state import State
from edge_node.update.transport_file import HEADER_BYTES
from tests.support.attacks import refused, written
from tests.support.releases import NAME, Robot, changed_bundle, default_files

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.runtime


def test_during_a_trial(robot, maker, good):
    """One at a time: else what is behind it would be lost."""
    robot.install(good)
    assert f"{NAME}-2 is still on trial" in refused(robot, maker.bundle("3"))


def test_larger_than_allowed(maker, good, tmp_path):
    """The robot's own bound, from the list of contents, before any of it is read."""
    assert "max_update_mb allows 4" in refused(Robot(tmp_path / "r", maker, max_update_mb=4), good)


def test_a_bomb_in_the_golden_probe(robot, maker, tmp_path):
    """The only part that is compressed is bounded before it is unpacked, by its sum and by each array."""
    import hashlib
    import zipfile

    import numpy as np

    def with_golden(content: bytes) -> Path:
        files = default_files()
        manifest = json.loads(files["bundle.json"])
        manifest["golden_sha256"] = hashlib.sha256(content).hexdigest()
        files |= {"bundle.json": json.dumps(manifest).encode(), "golden.npz": content}
        return written(tmp_path / "f", maker.raw(files))

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("pictures.npy", bytes(70_000_000))
    assert len(bomb.getvalue()) < 400_000
    assert "unpacks to 70000000 bytes" in refused(robot, with_golden(bomb.getvalue()))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12,)})
    liar = io.BytesIO()
    with zipfile.ZipFile(liar, "w") as archive:
        archive.writestr("pictures.npy", header.getvalue() + b"abc")
    assert "declares an array of shape (1000000000000,)" in refused(robot, with_golden(liar.getvalue()))


def test_another_bundle_than_it_says(robot, maker, tmp_path):
    """The manifest inside has another version than what was signed."""
    file = written(tmp_path / "f", maker.raw(default_files("7")))
    assert "its bundle.json says steel-aluminium-7" in refused(robot, file)


def test_a_model_that_is_computed_wrongly_here(robot, maker, tmp_path):
    """Signed by whom we trust, and still: the golden probe decides."""

    def shift(manifest) -> None:
        for output in manifest["models"][0]["outputs"]:
            output["zero_point"] += 20

    file = maker.bundle("2", source=changed_bundle(tmp_path / "b", shift))
    assert "zero point" in refused(robot, file)


def test_swapped_while_it_is_read(robot, maker, good, tmp_path):
    """The bytes that were checked are those that are unpacked: the rest is swapped after the head."""

    class Swapping(io.FileIO):
        """Replaces itself on disk by another file after the first read."""

        def read(self, size=-1, /):
            found = super().read(size)
            if self.tell() == HEADER_BYTES:
                with open(self.name, "r+b") as file:  # noqa: PTH123  a name or a number
                    file.seek(4000)
                    file.write(b"\xff" * 600_000)
            return found

    file = written(tmp_path / "f", good.read_bytes())
    before = robot.contents()
    with Swapping(file) as source, pytest.raises(BundleError):
        robot.installer.install(source, "f")
    assert robot.contents() == before


def test_what_is_good_is_taken(robot, good):
    """The same file that every attack began with."""
    assert robot.install(good).label == f"{NAME}-2"
    state = robot.store.state()
    assert state.slots[state.current].label == f"{NAME}-2"
    assert state.trial is not None
    assert State().current is None

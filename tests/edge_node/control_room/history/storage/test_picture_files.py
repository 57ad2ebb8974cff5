"""Pictures beside a database: one file for each content, for several processes."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from edge_node.control_room.history.storage.picture_files import PictureFiles

if TYPE_CHECKING:
    from pathlib import Path


def test_a_picture_is_one_file_under_its_hash(tmp_path: Path) -> None:
    """Whoever stores it first; a reader of another process finds it, or that it is gone."""
    files, other = PictureFiles(tmp_path / "pictures"), PictureFiles(tmp_path / "pictures")
    named = files.write(b"jpeg")
    assert named == other.write(b"jpeg") == hashlib.sha256(b"jpeg").digest()
    assert other.read(named) == b"jpeg"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    assert other.read(bytes(32)) is None


def test_what_no_row_names_goes_unless_its_row_may_still_come(tmp_path: Path) -> None:
    """A file is written before its row is committed, so a fresh one stays; what a crash left goes."""
    files = PictureFiles(tmp_path)
    kept, unnamed, fresh = (files.write(content) for content in (b"kept", b"unnamed", b"fresh"))
    (left := tmp_path / kept.hex()[:2] / f"{kept.hex()}.0a1b2c3d").write_bytes(b"a part")
    for name in (kept.hex(), unnamed.hex()):
        os.utime(tmp_path / name[:2] / name, (0, 0))
    os.utime(left, (0, 0))
    assert files.remove_unnamed([kept]) == 2
    assert [files.read(one) for one in (kept, unnamed, fresh)] == [b"kept", None, b"fresh"]

"""A folder of files is written whole or not at all."""

from __future__ import annotations

import pytest

from converter.output_folder import write_folder


def test_a_folder_takes_the_place_of_an_earlier_one_whole(tmp_path):
    """What the earlier one held is gone, others may read the new one, and nothing else is left beside it."""
    out = tmp_path / "new" / "out"
    write_folder(out, {"a": b"1", "b": b"2"})
    write_folder(out, {"b": b"3"})
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"b": b"3"}
    assert out.stat().st_mode & 0o777 == 0o755
    assert list(out.parent.iterdir()) == [out]


def test_a_disk_that_refuses_a_file_leaves_the_earlier_folder(tmp_path):
    """A name that no file system takes stands for the full disk: the first file is not seen either."""
    out = tmp_path / "out"
    write_folder(out, {"a": b"1"})
    with pytest.raises(OSError, match="name too long"):
        write_folder(out, {"a": b"2", "x" * 300: b"3"})
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"a": b"1"}
    assert list(tmp_path.iterdir()) == [out]

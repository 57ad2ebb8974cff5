"""Rows are read from pages as SQLite reads them, and what is no page is refused."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.recovery.page_file import TABLE_LEAF, DamagedPageError, PageFile

if TYPE_CHECKING:
    from pathlib import Path

VALUES = [None, 0, 1, -1, 127, -32768, 1 << 20, -(1 << 40), (1 << 63) - 1, 1.5, "", "Öl", b"", b"\0\xff" * 9]


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, dict[int, list]]:
    """A file with rows of every type of value, some of which go on over many pages."""
    chance = random.Random(5)  # noqa: S311  test data
    rows = {
        number: [chance.choice(VALUES) for _ in range(4)]
        + [chance.randbytes(chance.choice([10, 900, 4060, 5000, 30_000]))]
        for number in (*range(-3, 200), 1 << 40)
    }
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (a, b, c, d, e)")
        for number, values in rows.items():
            connection.execute(
                "INSERT INTO t (rowid, a, b, c, d, e) VALUES (?, ?, ?, ?, ?, ?)", (number, *values)
            )
        connection.commit()
    return tmp_path / "x.db", rows


def test_every_row_is_read_as_it_was_written(written) -> None:
    """Numbers of all lengths, texts, blobs, and rows that are longer than a page."""
    path, rows = written
    file = PageFile(path)
    leaves = [number for number in range(2, file.pages + 1) if file.kind(number) == TABLE_LEAF]
    found = {}
    for number in leaves:
        try:
            found |= {cell.rowid: cell.values for cell in file.cells(number)}
        except DamagedPageError:  # a page of a long row, which looks like a leaf by chance
            continue
    assert found == rows
    file.close()


def test_noise_raises_one_kind_of_error(written) -> None:
    """Whatever stands in a page, a reader gets rows or that error, and comes to an end."""
    path, _ = written
    content = bytearray(path.read_bytes())
    chance = random.Random(6)  # noqa: S311  noise
    for place in range(4096, len(content), 7):
        content[place] = chance.choice((0, 5, 10, 13, 255, chance.randrange(256)))
    path.write_bytes(content)
    file = PageFile(path)
    refused = 0
    for number in range(1, file.pages + 1):
        try:
            file.children(number)
        except DamagedPageError:
            refused += 1
        try:
            list(file.cells(number))
        except DamagedPageError:
            refused += 1
    assert refused >= file.pages
    assert all(isinstance(number, int) for number in file.free_pages())
    file.close()


@pytest.mark.parametrize("size", [1024, 4096, 16384])
def test_the_size_of_pages_is_found_where_the_header_is_damaged(tmp_path: Path, size: int) -> None:
    """Whatever it is: a person may have made the file anew with another."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {size}")
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?)", ((number, b"x" * 500) for number in range(1000))
        )
        connection.commit()
    content = bytearray(path.read_bytes())
    content[:100] = random.Random(8).randbytes(100)  # noqa: S311  noise
    path.write_bytes(content)
    file = PageFile(path)
    assert file.pages == len(content) // size
    file.close()

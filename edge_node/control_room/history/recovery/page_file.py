"""Read the pages of a SQLite file, whole or damaged, without SQLite: https://sqlite.org/fileformat2.html.

SQLite itself gives up at the first damaged page on its way. Its own recovery needs a build with the tables
``sqlite_dbpage`` and ``sqlite_dbdata``, which Debian's and Python's have not.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE_LEAF, INDEX_LEAF = 0x0D, 0x0A
TABLE_BRANCH, INDEX_BRANCH = 0x05, 0x02
_HEADER_BYTES = 100  # of the file, on page 1
_SIZES = tuple(2**power for power in range(9, 17))  # of pages
_PAGE_BYTES = 4096  # what SQLite makes, for a file whose pages do not tell
_MAX_LOOKED_AT = 2000
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes by the type of a value
_MAX_FIELDS = 100
_MAX_PAYLOAD = 64 * 1024 * 1024


class DamagedPageError(ValueError):
    """A page is not what its place says."""


class Cell(NamedTuple):
    """A row of a page.

    Attributes:
        rowid: of a row in a table's page; None in an index's.
        values: of its columns.
    """

    rowid: int | None
    values: list[Any]


class PageFile:
    """The pages of a file, numbered from 1."""

    def __init__(self, path: Path) -> None:
        """Map the file at ``path``.

        Raises:
            OSError: it cannot be read.
            ValueError: it is empty.
        """
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = int.from_bytes(self._bytes[16:18], "big")
        size = 65536 if size == 1 else size
        self._set_size(size if size in _SIZES else self._guess_size())

    def close(self) -> None:
        """Unmap the file."""
        self._bytes.close()

    def kind(self, number: int) -> int:
        """Return the first byte of a page: ``TABLE_LEAF`` or another kind, or anything."""
        return self._bytes[self._start(number)]

    def children(self, number: int) -> list[int]:
        """Return the pages below a branch.

        Raises:
            DamagedPageError: it is no branch, or names a page that the file has not.
        """
        if self.kind(number) not in (TABLE_BRANCH, INDEX_BRANCH):
            raise DamagedPageError(f"page {number} is no branch")
        page = self._page(number)
        start = self._start(number) % self._size
        found = [self._number(page, at) for at in self._cell_places(number)]
        found.append(self._number(page, start + 8))
        if not all(1 < child <= self.pages for child in found):
            raise DamagedPageError(f"page {number} names a page that is not there")
        return found

    def count_cells(self, number: int) -> int:
        """Return how many rows a page says that it has."""
        start = self._start(number)
        return int.from_bytes(self._bytes[start + 3 : start + 5], "big")

    def cells(self, number: int) -> Iterator[Cell]:
        """Return the rows of a page; a branch of a table has none.

        Raises:
            DamagedPageError: the page, or where a long row goes on, is damaged.
        """
        kind = self.kind(number)
        if kind == TABLE_BRANCH:
            return
        if kind not in (TABLE_LEAF, INDEX_LEAF, INDEX_BRANCH):
            raise DamagedPageError(f"page {number} holds no rows")
        page = self._page(number)
        try:
            for place in self._cell_places(number):
                at = place + 4 if kind == INDEX_BRANCH else place
                length, at = _varint(page, at)
                rowid = None
                if kind == TABLE_LEAF:
                    rowid, at = _varint(page, at)
                payload = self._payload(page, at, length, is_table=kind == TABLE_LEAF)
                yield Cell(_signed(rowid) if rowid is not None else None, _values(payload))
        except (IndexError, struct.error, UnicodeDecodeError) as err:
            raise DamagedPageError(f"page {number}: {err}") from err

    def free_pages(self) -> set[int]:
        """Return the pages that hold nothing any more, as far as the list of them can be read."""
        free: set[int] = set()
        trunk = self._number(self._page(1), 32)
        while 1 < trunk <= self.pages and trunk not in free:
            free.add(trunk)
            page = self._page(trunk)
            many = min(self._number(page, 4), self._usable // 4 - 2)
            free.update(self._number(page, 8 + 4 * index) for index in range(many))
            trunk = self._number(page, 0)
        return free

    def _set_size(self, size: int) -> None:
        self._size = size
        self._usable = size  # SQLite reserves nothing unless it is asked to
        self.pages = len(self._bytes) // size

    def _guess_size(self) -> int:
        """Return the smallest size by which most pages look like ones: so do some by its multiples."""
        shares = {}
        for size in _SIZES:
            self._set_size(size)
            looked_at = range(2, self.pages + 1, max(1, self.pages // _MAX_LOOKED_AT))
            shares[size] = sum(map(self._looks_right, looked_at)) / max(len(looked_at), 1)
        most = max(shares.values())
        return next((size for size, share in shares.items() if share > 0.8 * most), _PAGE_BYTES)

    def _looks_right(self, number: int) -> bool:
        """Tell whether a page could be one of a table or an index, and not an empty one."""
        if self.kind(number) not in (TABLE_LEAF, INDEX_LEAF, TABLE_BRANCH, INDEX_BRANCH):
            return False
        try:
            return bool(self._cell_places(number))
        except (DamagedPageError, struct.error):
            return False

    def _start(self, number: int) -> int:
        return (number - 1) * self._size + (_HEADER_BYTES if number == 1 else 0)

    def _page(self, number: int) -> bytes:
        return self._bytes[(number - 1) * self._size : number * self._size]

    def _cell_places(self, number: int) -> list[int]:
        page = self._page(number)
        start = self._start(number) % self._size
        many = self.count_cells(number)
        first = start + (12 if page[start] in (TABLE_BRANCH, INDEX_BRANCH) else 8)
        if first + 2 * many > self._usable:
            raise DamagedPageError(f"page {number}: more rows than it has room for")
        places = struct.unpack_from(f">{many}H", page, first)
        if any(not first + 2 * many <= place < self._usable for place in places):
            raise DamagedPageError(f"page {number}: a row that lies outside")
        return list(places)

    def _payload(self, page: bytes, at: int, length: int, *, is_table: bool) -> bytes:
        """Return the bytes of a row, of which a long one goes on in other pages."""
        if length > _MAX_PAYLOAD:
            raise DamagedPageError("a row that is too long")
        usable = self._usable
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        if length <= most:
            return page[at : at + length]
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        content = bytearray(page[at : at + local])
        following = self._number(page, at + local)
        while len(content) < length:
            if not 1 < following <= self.pages:
                raise DamagedPageError("a long row goes on in a page that is not there")
            page = self._page(following)
            content += page[4 : 4 + min(usable - 4, length - len(content))]
            following = self._number(page, 0)
        return bytes(content)

    @staticmethod
    def _number(page: bytes, at: int) -> int:
        return int.from_bytes(page[at : at + 4], "big")


def _values(payload: bytes) -> list[Any]:
    """Return the values of a row."""
    header_end, at = _varint(payload, 0)
    if header_end > len(payload):
        raise DamagedPageError("a row whose description is longer than itself")
    kinds = []
    while at < header_end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if len(kinds) > _MAX_FIELDS:
        raise DamagedPageError("a row of too many columns")
    values: list[Any] = []
    at = header_end
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    if at != len(payload):
        raise DamagedPageError("a row that does not end where it says")
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind == 0:
        return None, at
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise DamagedPageError("a value of no known type")
    end = at + (kind - 12) // 2
    content = payload[at:end]
    return (content.decode() if kind % 2 else content), end


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and the place behind it."""
    number = 0
    for index in range(8):
        byte = content[at + index]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + index + 1
    return number << 8 | content[at + 8], at + 9


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number

"""Encode and decode the transport file: an uncompressed tar in one canonical form.

It holds ``release.json`` (the statement), ``release.sig`` (key id and signature; zeros while unsigned), the
files in the statement's order and two blocks of zeros. Every tar header is computed from the statement and
compared byte by byte, so links, devices, paths, duplicate or hidden entries and trailing bytes are
impossible, and no tar reader is needed. ``tar tvf`` lists the content.
"""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_node.errors import UpdateError
from edge_node.signing import KEY_ID_BYTES, SIGNATURE_BYTES
from edge_node.update.release import (
    BLOCK_BYTES,
    MAX_STATEMENT_BYTES,
    FileEntry,
    Release,
    decode_release,
    encode_release,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO, Protocol

    class ReadableStream(Protocol):
        """A stream of bytes: an open file, or one that a test makes up."""

        def read(self, size: int, /) -> bytes:
            """Return at most ``size`` bytes; fewer only at the end."""


SUFFIX = ".bundle.tar"
STATEMENT_NAME = "release.json"
SIGNATURE_NAME = "release.sig"
HEADER_BYTES = 512
UNSIGNED = bytes(KEY_ID_BYTES + SIGNATURE_BYTES)
END = bytes(2 * HEADER_BYTES)
_SIZE_FIELD = slice(124, 136)


@dataclass(frozen=True, slots=True)
class TransportHeader:
    """The beginning of a transport file, up to the first file's header.

    Attributes:
        text: the statement's bytes, which the signature covers.
        signed: key id and signature, or zeros.
    """

    statement: Release
    text: bytes = field(repr=False)
    signed: bytes = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """Size of the head in the file."""
        return head_bytes(len(self.text))

    @property
    def body_bytes(self) -> int:
        """Size of everything after the head."""
        return sum(HEADER_BYTES + _padded(entry.size_bytes) for entry in self.statement.files) + len(END)

    @property
    def total_bytes(self) -> int:
        """Size of the whole file."""
        return self.size_bytes + self.body_bytes


def head_bytes(statement_bytes: int) -> int:
    """Return the size of a head whose statement has so many bytes."""
    return 2 * HEADER_BYTES + _padded(statement_bytes) + _padded(len(UNSIGNED))


def announced_head_bytes(header: bytes, where: str) -> int:
    """Return the size of the head as the file's first 512 bytes declare it.

    Raises:
        UpdateError: this is no transport file.
    """
    digits = header[_SIZE_FIELD].rstrip(b"\0 ")
    if len(header) == HEADER_BYTES and digits.isdigit() and not set(digits) & set(b"89"):
        size = int(digits, 8)
        if 0 < size <= MAX_STATEMENT_BYTES and header == _make_header(STATEMENT_NAME, size):
            return head_bytes(size)
    raise UpdateError(f"{where}: no bundle file; `converter bundle pack` makes one")


def read_head(source: ReadableStream, where: str) -> TransportHeader:
    """Read the head from the beginning of ``source``; the signature is not checked here.

    Raises:
        UpdateError: it is damaged, truncated, or no transport file.
    """
    header = source.read(HEADER_BYTES)
    size = announced_head_bytes(header, where)
    return parse_head(header + source.read(size - HEADER_BYTES), where)


def parse_head(content: bytes, where: str) -> TransportHeader:
    """Return the head in ``content``, whose length is ``announced_head_bytes``.

    Raises:
        UpdateError: it is damaged, truncated, or no transport file.
    """
    if len(content) != announced_head_bytes(content[:HEADER_BYTES], where):
        raise UpdateError(f"{where}: ends within its list of contents; copy it again")
    text_bytes = int(content[_SIZE_FIELD].rstrip(b"\0 "), 8)
    text = content[HEADER_BYTES : HEADER_BYTES + text_bytes]
    at = head_bytes(text_bytes) - _padded(len(UNSIGNED))
    signed = content[at : at + len(UNSIGNED)]
    if content != _encode_head(text, signed):
        raise UpdateError(f"{where}: its head is not in the form that `converter bundle pack` writes")
    return TransportHeader(decode_release(text, where), text, signed)


def check_size(head: TransportHeader, size_bytes: int, where: str) -> None:
    """Raise UpdateError unless ``size_bytes`` is the size in the head, and the blocks cover the file."""
    if size_bytes != head.total_bytes:
        what = "cut off" if size_bytes < head.total_bytes else "longer than it says"
        raise UpdateError(
            f"{where}: {what}: {size_bytes} bytes, its list of contents says {head.total_bytes};"
            " copy it again"
        )
    if len(head.statement.blocks) != -(-head.body_bytes // BLOCK_BYTES):
        raise UpdateError(f"{where}: its list of contents does not cover all of it; pack it again")


def unpack(
    source: ReadableStream, head: TransportHeader, where: str
) -> Iterator[tuple[FileEntry, Iterator[bytes]]]:
    """Yield each file with its content in pieces, from ``source``, positioned after the head.

    Reads no further than the statement says. A file's hash is checked after its last piece: the caller must
    discard the pieces if this raises.

    Raises:
        UpdateError: the content differs from what was signed.
    """
    for entry in head.statement.files:
        if source.read(HEADER_BYTES) != _make_header(entry.name, entry.size_bytes):
            raise UpdateError(f"{where}: the entry of {entry.name} is not what was signed; copy it again")
        yield entry, _read_content(source, entry, where)
        padding = _padded(entry.size_bytes) - entry.size_bytes
        if source.read(padding) != bytes(padding):
            raise UpdateError(f"{where}: bytes are hidden after {entry.name}; copy it again")
    if source.read(len(END) + 1) != END:
        raise UpdateError(f"{where}: does not end where its list of contents says; copy it again")


def block_span(head: TransportHeader, number: int) -> tuple[int, int]:
    """Return the offsets at which block ``number`` begins and ends in the file."""
    begin = head.size_bytes + number * BLOCK_BYTES
    return begin, min(begin + BLOCK_BYTES, head.total_bytes)


def make_head(statement: Release, signed: bytes = UNSIGNED) -> TransportHeader:
    """Return the head of a file with this statement."""
    return TransportHeader(statement, encode_release(statement), signed)


def encode_head(head: TransportHeader) -> bytes:
    """Return the bytes of a head."""
    return _encode_head(head.text, head.signed)


def encode_body(files: Iterable[tuple[FileEntry, BinaryIO]]) -> Iterator[bytes]:
    """Yield the bytes after the head, in pieces.

    Raises:
        UpdateError: a file's length differs from its entry: it changed while it was packed.
    """
    for entry, file in files:
        yield _make_header(entry.name, entry.size_bytes)
        found = 0
        while piece := file.read(BLOCK_BYTES):
            found += len(piece)
            yield piece
        if found != entry.size_bytes:
            raise UpdateError(f"{entry.name}: changed while it was packed")
        yield bytes(_padded(found) - found)
    yield END


def hash_blocks(pieces: Iterable[bytes]) -> tuple[str, ...]:
    """Return the SHA-256 of each block of ``BLOCK_BYTES`` of the joined pieces."""
    found, waiting = [], bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= BLOCK_BYTES:
            found.append(hashlib.sha256(waiting[:BLOCK_BYTES]).hexdigest())
            del waiting[:BLOCK_BYTES]
    if waiting:
        found.append(hashlib.sha256(waiting).hexdigest())
    return tuple(found)


def _read_content(source: ReadableStream, entry: FileEntry, where: str) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), entry.size_bytes
    while left:
        piece = source.read(min(left, BLOCK_BYTES))
        if not piece:
            raise UpdateError(f"{where}: ends within {entry.name}; copy it again")
        digest.update(piece)
        left -= len(piece)
        yield piece
    if digest.hexdigest() != entry.sha256:
        raise UpdateError(f"{where}: {entry.name} is not what was signed (sha256); copy it again")


def _encode_head(text: bytes, signed: bytes) -> bytes:
    parts = ((STATEMENT_NAME, text), (SIGNATURE_NAME, signed))
    return b"".join(
        _make_header(name, len(content)) + content + bytes(_padded(len(content)) - len(content))
        for name, content in parts
    )


def _make_header(name: str, size_bytes: int) -> bytes:
    """Return the only header that an entry of this name and size may have."""
    entry = tarfile.TarInfo(name)  # uid 0, mode 0644, mtime 0: equal folders give equal bytes
    entry.size = size_bytes
    return entry.tobuf(tarfile.USTAR_FORMAT)


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // HEADER_BYTES) * HEADER_BYTES

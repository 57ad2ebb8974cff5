"""Read text files that people wrote, on whatever system: with or without byte order mark, LF or CRLF.

Windows' Notepad and PowerShell write a byte order mark, and UTF-16 where "Unicode" is chosen. A mark of UTF-8
is dropped; any other encoding is refused in a sentence that says what to do.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from pathlib import Path

# UTF-32 little-endian begins with the mark of UTF-16 little-endian; both are refused alike.
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_MAX_SECRET_BYTES = 4096
_MAX_PEM_BYTES = 1024 * 1024


class TextFileError(CorrosionError):
    """A file cannot be read as text; the sentence says why and does not name the file.

    Attributes:
        is_missing: there is no file of this name.
    """

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


def read_text_file(path: Path, max_bytes: int) -> str:
    """Return the text of the file ``path``, without a byte order mark; line ends stay as they are.

    Raises:
        TextFileError: it cannot be read, is a folder, is longer than ``max_bytes``, or is not UTF-8.
    """
    return decode_text(read_bounded(path, max_bytes))


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of the file ``path``.

    Raises:
        TextFileError: it cannot be read, is a folder, or is longer than ``max_bytes``.
    """
    try:
        if path.is_dir():
            raise TextFileError("is a folder, wanted a file")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as err:
        is_missing = isinstance(err, FileNotFoundError)
        raise TextFileError(str(err.strerror or err), is_missing=is_missing) from err
    except ValueError as err:  # a NUL character in the name
        raise TextFileError(str(err)) from err
    if len(content) > max_bytes:
        raise TextFileError(f"is longer than {max_bytes} bytes")
    return content


def decode_text(content: bytes) -> str:
    """Return UTF-8 ``content`` as text, without a byte order mark.

    Raises:
        TextFileError: it is in another encoding.
    """
    check_encoding(content)
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise TextFileError(
            f"is not UTF-8 text: byte 0x{content[err.start]:02x} in line {line}; save it as UTF-8"
        ) from None


def check_encoding(content: bytes) -> None:
    """Raise TextFileError if ``content`` is UTF-16 or UTF-32, with or without its mark."""
    zeros = [byte == 0 for byte in content[:4]]
    is_wide = zeros in ([True, False, True, False], [False, True, False, True])
    if is_wide or content.startswith(_WIDE_MARKS):
        raise TextFileError('is UTF-16 text, as Notepad\'s "Unicode" and PowerShell write; save it as UTF-8')


def read_secret(path: Path) -> str:
    """Return the password in the first line of ``path``.

    A byte order mark and the line end (LF, CRLF or CR) are dropped. Blanks belong to the password, also at
    its end; further lines are ignored. No part of the content ever appears in an error.

    Raises:
        TextFileError: it cannot be read, its first line is empty, or it is not UTF-8.
    """
    text = _read_secret_text(path)
    secret = re.split(r"\r\n|\r|\n", text, maxsplit=1)[0]
    if not secret:
        raise TextFileError("is empty" if not text else "its first line is empty, wanted the password there")
    return secret


def read_token(path: Path) -> str:
    """Return the token that is all of ``path``, without the blanks and line ends around it.

    Raises:
        TextFileError: it cannot be read, or is not UTF-8; no part of the content appears in the sentence.
    """
    return _read_secret_text(path).strip()


def read_pem(path: Path, max_bytes: int) -> bytes:
    """Return the PEM in ``path`` without a byte order mark.

    Raises:
        TextFileError: it cannot be read, is longer than ``max_bytes``, or is UTF-16.
    """
    content = read_bounded(path, max_bytes)
    check_encoding(content)
    return content.removeprefix(codecs.BOM_UTF8)


def check_pem_file(path: Path) -> None:
    """Raise TextFileError if OpenSSL, which reads ``path`` by itself, would not find its first block.

    A file that cannot be read is OpenSSL's to report.
    """
    try:
        content = read_bounded(path, _MAX_PEM_BYTES)
    except TextFileError:
        return
    check_encoding(content)
    if content.startswith(codecs.BOM_UTF8):
        raise TextFileError("begins with a byte order mark; save it as UTF-8 without one")


def _read_secret_text(path: Path) -> str:
    content = read_bounded(path, _MAX_SECRET_BYTES)
    check_encoding(content)
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        raise TextFileError("is not UTF-8 text; save it as UTF-8") from None

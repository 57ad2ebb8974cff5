"""Read the text of a PDF with pdftotext."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def text_of(pdf: bytes, folder: Path) -> str:
    """What a reader finds in the document, line by line across the page."""
    return _read(pdf, folder, "-layout")


def paragraphs_of(pdf: bytes, folder: Path) -> str:
    """The same, paragraph by paragraph as they were written, with single spaces."""
    return " ".join(_read(pdf, folder, "-raw").split())


def _read(pdf: bytes, folder: Path, how: str) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (Debian package poppler-utils)")
    (folder / "read.pdf").write_bytes(pdf)
    return subprocess.run(
        ["pdftotext", how, str(folder / "read.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout

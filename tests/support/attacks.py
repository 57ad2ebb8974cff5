"""Install what must not get in, and hear why it is refused."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from edge_node.errors import BundleError
from edge_node.update.transport_file import read_head
from tests.support.releases import NOW, Maker, Robot

if TYPE_CHECKING:
    from pathlib import Path


def refused(robot: Robot, file: Path) -> str:
    """Return the sentence with which a file is refused; the store holds what it held."""
    before = robot.contents()
    with pytest.raises(BundleError) as caught:
        robot.install(file)
    assert robot.contents() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(path: Path, content: bytes) -> Path:
    """Write a file and return it."""
    path.write_bytes(content)
    return path


def confirmed(robot: Robot, file: Path) -> None:
    """Install a file and end its trial well."""
    robot.install(file)
    with robot.store.locked():
        robot.store.change(lambda state: state.confirm("test", NOW))


def make_statement(maker: Maker) -> bytes:
    """Return the bytes of a statement that a tool of ours could have made."""
    return read_head(io.BytesIO(maker.raw({"bundle.json": b"{}"})), "x").text


def sign_file(maker: Maker, folder: Path, text: bytes) -> Path:
    """Write a transport file with any statement, signed."""
    from edge_node.update.transport_file import SIGNATURE_NAME, STATEMENT_NAME

    parts = io.BytesIO()
    with tarfile.open(fileobj=parts, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for entry, content in ((STATEMENT_NAME, text), (SIGNATURE_NAME, maker.signer.sign_statement(text))):
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    head = parts.getvalue()
    return written(folder / "f", head[: 2 * 512 + -(-len(text) // 512) * 512 + 512] + bytes(4096))

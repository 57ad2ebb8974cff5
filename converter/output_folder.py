"""Write a folder of files whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.durable_file import sync_folder, write_new_file

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_folder(out: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder beside ``out`` and rename it when every byte is on disk.

    A folder that is there already is replaced, with all that it holds.

    Args:
        out: the folder.
        contents: its files by name.

    Raises:
        OSError: the disk refuses; ``out`` is as it was.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    try:
        for name, content in contents.items():
            write_new_file(partial / name, [content], mode=0o644)
        partial.chmod(0o755)  # mkdtemp keeps others out; other users may read it
        sync_folder(partial)
        _swap(partial, out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _swap(partial: Path, out: Path) -> None:
    """Rename ``partial`` to ``out``; an earlier folder is moved away first and removed last."""
    if not out.exists():
        partial.rename(out)
        return
    earlier = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent)) / out.name
    out.rename(earlier)
    try:
        partial.rename(out)
    except OSError:
        earlier.rename(out)
        raise
    finally:
        shutil.rmtree(earlier.parent, ignore_errors=True)

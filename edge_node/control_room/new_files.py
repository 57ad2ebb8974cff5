"""Write files of the package into a folder of a person's, none over one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_new_files(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files by their names and return their paths; ``folder`` is made where it is missing.

    Raises:
        ConfigError: one is there already, or cannot be written; files of others stay as they are.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            path = folder / name
            with path.open("xb") as file:
                file.write(content)
            written.append(path)
    except FileExistsError as err:
        raise ConfigError(f"{err.filename}: is there already; name another folder") from err
    except OSError as err:
        raise ConfigError(f"{err.filename or folder}: {err.strerror or err}") from err
    return written

"""Tell which passwords of a configuration other users of this computer can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.camera.source import SourceKind, parse_source
from edge_node.config.secret_files import describe_exposure, list_exposed
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.config.sections import Config


def exposed_secrets(config: Config, file: Path) -> Iterator[str]:
    """Yield a sentence for each secret that others can read: in its own file, or in ``file`` itself."""
    yield from list_exposed(config)
    if _holds_login(config) and describe_exposure(file):
        yield (
            f"[camera] source has a user name in it, and others can read {file};"
            " best give username and password_file instead"
        )


def _holds_login(config: Config) -> bool:
    try:
        source = parse_source(config.camera.source)
    except CameraError:
        return False
    in_pipeline = source.kind is SourceKind.GSTREAMER and not config.camera.username and "@" in source.address
    return source.has_login or in_pipeline

"""Tell which passwords of a configuration other users of this computer can read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_node.camera.source import SourceKind, parse_source
from edge_node.config.secret_files import describe_exposure, list_exposed
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.config.sections import Config


# A login before a host, and what cameras and elements call a password in a query, a path or a property.
_LIKE_A_SECRET = re.compile(
    r"://[^/{]*@|(pass|pw|pwd|secret|token|key|auth|credential)[a-z_-]*[=/](?!\{)", re.IGNORECASE
)


def exposed_secrets(config: Config, file: Path) -> Iterator[str]:
    """Yield a sentence for each secret that others can read: in its own file, or in ``file`` itself."""
    yield from list_exposed(config)
    if _may_hold_secret(config) and describe_exposure(file):
        yield (
            "[camera] source has more in it than its name shows, perhaps a password, and others can read"
            f" {file}; best give username and password_file instead"
        )


def _may_hold_secret(config: Config) -> bool:
    """Tell whether the source has a part that is known for passwords: user, query or a property."""
    try:
        source = parse_source(config.camera.source)
    except CameraError:
        return False
    if source.kind is SourceKind.GSTREAMER:
        return _LIKE_A_SECRET.search(source.address) is not None
    return source.kind is SourceKind.STREAM and (
        source.has_login or _LIKE_A_SECRET.search(source.address) is not None
    )

"""Tell which passwords of a configuration other users of this computer can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.camera.source import SourceKind, parse_source
from edge_node.credential_files import credential_path, exposure, is_from_systemd
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.config.sections import Config

SECRET_FILES = (
    ("camera", "password_file"),
    ("mqtt", "username_file"),
    ("mqtt", "password_file"),
    ("mqtt", "key_file"),
    ("http", "token_file"),
)


def exposed_secrets(config: Config, file: Path) -> Iterator[str]:
    """Yield a sentence for each secret that every user can read: in its own file, or in ``file`` itself."""
    for section, key in SECRET_FILES:
        text = getattr(getattr(config, section), key)
        if text is None or is_from_systemd(text):
            continue
        if (why := exposure(credential_path(text))) is not None:
            yield f"[{section}] {key}: {why}"
    if _holds_login(config) and exposure(file) is not None:
        yield (
            f"[camera] source has a user name in it, and every user of this computer can read {file};"
            " best give username and password_file instead"
        )


def _holds_login(config: Config) -> bool:
    try:
        source = parse_source(config.camera.source)
    except CameraError:
        return False
    in_pipeline = source.kind is SourceKind.GSTREAMER and not config.camera.username and "@" in source.address
    return source.has_login or in_pipeline

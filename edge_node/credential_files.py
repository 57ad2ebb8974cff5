"""Find the files that hold passwords, also those that systemd hands over."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = "$CREDENTIALS_DIRECTORY"  # where systemd puts what LoadCredential= names
_PATH_BEGINS = ("/", "./", "../", "~", _FOLDER)


def credential_path(text: str) -> Path:
    """Return the path that a key such as ``password_file`` names, with systemd's folder filled in."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return Path(text.replace(_FOLDER, folder, 1) if folder else text)


def is_from_systemd(text: str) -> bool:
    """Tell whether the file is there only while systemd runs the service."""
    return _FOLDER in text and "CREDENTIALS_DIRECTORY" not in os.environ


def shown_path(text: str) -> str:
    """Return the path for an error, unless it may be the password itself, written where its file belongs."""
    if text.startswith(_PATH_BEGINS):
        return text
    return "(not shown: wanted the path of a file, like /etc/corrosion-edge/camera-password)"

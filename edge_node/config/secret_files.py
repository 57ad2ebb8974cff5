"""Find the files of passwords, tokens and private keys that other users of the machine can read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

_OF_SECRETS = (
    "username_file",
    "password_file",
    "token_file",
    "key_file",
    "channels_file",
)  # how their keys end
_CREDENTIALS = "$CREDENTIALS_DIRECTORY"  # systemd hands them over; an access list there looks like a group


def describe_exposure(path: Path) -> str:
    """Return in a sentence who else can read or change the secret in ``path``; "" if nobody can."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    if not mode & 0o077:
        return ""
    who = "every user of this machine" if mode & 0o007 else "its group"
    what = "change" if mode & 0o022 else "read"
    return f"{path}: {who} can {what} it (mode {mode:04o}); chmod 600 {path}"


def is_changeable(path: Path) -> bool:
    """Return whether every user of this machine can change the file."""
    try:
        return bool(path.stat().st_mode & 0o002)
    except OSError:
        return False


def list_exposed(config: msgspec.Struct, *, only_changeable: bool = False) -> Iterator[str]:
    """Yield a sentence for each secret of a configuration that other users can read.

    Args:
        config: its sections.
        only_changeable: those alone that every user of the machine can change, and so choose.
    """
    for section in config.__struct_fields__:
        for key in getattr(getattr(config, section), "__struct_fields__", ()):
            value = getattr(getattr(config, section), key)
            if not key.endswith(_OF_SECRETS) or key.startswith("public_"):
                continue
            if value is None or _CREDENTIALS in value:
                continue
            if only_changeable and not is_changeable(Path(value)):
                continue
            if sentence := describe_exposure(Path(value)):
                yield f"[{section}] {key}: {sentence}"

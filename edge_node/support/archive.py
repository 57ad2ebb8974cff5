"""Collect parts, each masked and bounded, and write them with a manifest to one ZIP file."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError
from edge_node.support.masking import TAKEN_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge_node.support.masking import Mask

MANIFEST_NAME = "manifest.txt"
MAX_TEXT_BYTES = 1024 * 1024  # of one part; a log may have more
MAX_PICTURE_BYTES = 3 * 1024 * 1024
MAX_BYTES = 10 * 1024 * 1024  # what mail servers take at least
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    about: str
    content: bytes


class Archive:
    """The parts of a support file.

    Attributes:
        missing: why each part is not inside that is not.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._parts: list[_Part] = []
        self.missing: list[str] = []

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return [part.name for part in self._parts]

    def add_text(
        self, name: str, about: str, make: Callable[[], str], *, max_bytes: int = MAX_TEXT_BYTES
    ) -> None:
        """Add what ``make`` returns, without its secrets; of a text that is too long the end is kept.

        Whatever ``make`` raises costs this part alone: the file is for robots of which nothing works.
        """
        try:
            text = self._mask.text(_keep_end(make(), max_bytes))
        except Exception as err:  # noqa: BLE001  a fault of ours in one part must not cost the others
            self.note_missing(name, describe_error(err))
            return
        self._parts.append(_Part(name, about, text.encode("utf-8", "replace")))

    def add_picture(self, name: str, about: str, content: bytes) -> None:
        """Add a picture as it is."""
        self._parts.append(_Part(name, about, content))

    def note_missing(self, name: str, why: str) -> None:
        """Say in the manifest why a part is not inside."""
        self.missing.append(self._mask.text(f"{name}: {why}"))

    def write(self, path: Path, about: Sequence[str]) -> int:
        """Write the file, which only this user can read, and return its size.

        Args:
            path: of a new file.
            about: lines for the head of the manifest.

        Raises:
            CorrosionError: it is there already, or cannot be written; nothing is left then.
        """
        content = self._pack(path.stem, about)
        if len(content) > MAX_BYTES:
            raise CorrosionError(
                f"{path}: would have {len(content) / 1e6:.1f} MB; leave out the picture: --no-picture"
            )
        try:
            _write_new(path, content)
        except FileExistsError as err:
            raise CorrosionError(f"{path}: is there already; name a new file with --output") from err
        except OSError as err:
            full = err.errno in (errno.ENOSPC, errno.EDQUOT)
            hint = "name a file on another disk" if full else "name a file in a folder that you can write"
            raise CorrosionError(f"{path}: {err.strerror or err}; {hint} with --output") from err
        return len(content)

    def _pack(self, folder: str, about: Sequence[str]) -> bytes:
        out = io.BytesIO()
        now = datetime.now(timezone.utc).timetuple()[:6]
        manifest = _Part(MANIFEST_NAME, "", self._write_manifest(about).encode("utf-8", "replace"))
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for part in (manifest, *self._parts):
                entry = zipfile.ZipInfo(f"{folder}/{part.name}", (max(1980, now[0]), *now[1:]))
                entry.external_attr = _MODE << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, part.content)
        return out.getvalue()

    def _write_manifest(self, about: Sequence[str]) -> str:
        lines = [*map(self._mask.text, about), "", "Inside:"]
        lines += [f"  {part.name:<28} {len(part.content):>9,} bytes  {part.about}" for part in self._parts]
        lines += ["", "Not inside, and why:", *(f"  {why}" for why in self.missing or ["nothing is missing"])]
        lines += [
            "",
            "Taken out:",
            "  passwords, tokens, keys: in addresses and pipelines, behind words like password; wherever",
            "  they stand those that the configuration or the environment holds",
            "  comments of the configuration, and values of it that may hold a password",
            "  files that the configuration names for passwords, tokens and keys were not opened",
            f"  {self._mask.count} places were replaced by {TAKEN_OUT}",
            "",
            "Not taken out: names of site, robot, asset, hosts, users, folders; serial numbers; places and",
            "findings in log lines; the picture, if there is one. Look through it before you send it.",
        ]
        return "\n".join(lines) + "\n"


def describe_error(err: Exception) -> str:
    """Return in a sentence why a part could not be collected."""
    if isinstance(err, PermissionError):
        return f"{err.filename}: {err.strerror}; run this as the node's user, or with sudo"
    if isinstance(err, OSError):
        return f"{err.filename or 'system'}: {err.strerror or err}"
    return str(err) if isinstance(err, CorrosionError) else f"{type(err).__name__}: {err}"


def _keep_end(text: str, max_bytes: int) -> str:
    """Return whole lines of the end of a text that is too long."""
    content = text.encode("utf-8", "replace")
    if len(content) <= max_bytes:
        return text
    cut = content[-max_bytes:].partition(b"\n")[2].decode("utf-8", "replace")
    return f"(the beginning was left out)\n{cut}"


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; under sudo that is who called it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), _MODE)
            if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
                os.fchown(file.fileno(), int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID") or -1))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise

"""Find a test picture for a support file: of the running node, of its evidence, or of the camera.

OpenCV and camera libraries work in a process of their own (``picture_process``): what is wrong with them must
not cost the file.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError
from edge_node.support.archive import MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.config.sections import Config

_EVIDENCE = "evidence"
_MOST_PICTURES = 200_000
_JPEG = b"\xff\xd8\xff"
_CAMERA_S = 30.0


def newest_evidence(folder: Path) -> tuple[str, bytes]:
    """Return name and content of the newest picture in a node's evidence.

    Raises:
        CorrosionError: there is none that can be read.
    """
    newest: tuple[int, Path] | None = None
    kinds = [kind for kind in sorted((folder / _EVIDENCE).glob("*")) if not kind.is_symlink()]
    for number, path in enumerate(path for kind in kinds for path in kind.glob("*")):
        try:
            found = path.lstat()
        except OSError:
            continue
        if (
            number < _MOST_PICTURES
            and stat.S_ISREG(found.st_mode)
            and (newest is None or found.st_mtime_ns > newest[0])
        ):
            newest = found.st_mtime_ns, path
    if newest is None:
        raise CorrosionError(f"{folder / _EVIDENCE}: no picture that this user can read")
    path = newest[1]
    try:
        # No links: the node's user must not lead root to another file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(MAX_PICTURE_BYTES + 1)
    except OSError as err:
        raise CorrosionError(f"{path}: {err.strerror or err}") from err
    if not content.startswith(_JPEG):
        raise CorrosionError(f"{path}: no JPEG picture")
    return path.name, content if len(content) <= MAX_PICTURE_BYTES else encode_file(path)


def encode_file(path: Path) -> bytes:
    """Return a picture file as a JPEG without its metadata, at most as large as a support file takes.

    Raises:
        CorrosionError: it is no picture that can be read.
    """
    return _run("file", str(path.absolute()), timeout_s=60)


def take_frame(config: Config, path: Path) -> bytes:
    """Return a frame of the camera of a node that does not run, as JPEG.

    Args:
        config: the configuration in ``path``.
        path: a process of its own reads it again: its arguments can be seen by every user.

    Raises:
        CorrosionError: it cannot be taken, or not without the camera's password.
    """
    if config.camera.password_file is not None:
        raise CorrosionError(
            "the camera asks for a password, and that is not read; give a picture: --picture FILE"
        )
    return _run("camera", str(path.absolute()), timeout_s=_CAMERA_S + config.camera.timeout_ms / 1000)


def _run(*words: str, timeout_s: float) -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edge_node.support.picture_process", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            cwd="/",  # Python would import modules that somebody left in the folder of the user
        )
    except (subprocess.TimeoutExpired, OSError) as err:
        why = (
            f"gave no picture within {timeout_s:.0f} s"
            if isinstance(err, subprocess.TimeoutExpired)
            else str(err)
        )
        raise CorrosionError(f"{words[0]}: {why}") from err
    if done.returncode != 0 or not done.stdout.startswith(_JPEG):
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-400:]
        raise CorrosionError(said or f"{words[0]}: no picture; its process ended with code {done.returncode}")
    return done.stdout

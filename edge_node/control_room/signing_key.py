"""The key that commands are signed with: Ed25519, its private half in a file that nobody else can read."""

from __future__ import annotations

import base64
import os
import stat
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAX_KEY_BYTES = 16 * 1024
_MISSING = "signing needs the package cryptography: pip install 'corrosion-edge-node[signing]'"


def make_key_pair(path: Path) -> Path:
    """Write a new private key to ``path`` (mode 0600) and its public half beside it; return the latter.

    Raises:
        CorrosionError: one of the files is there, or cannot be written; nothing was changed then.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise CorrosionError(_MISSING) from None
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    public_path = path.with_name(path.name.removesuffix(".pem") + ".public.pem")
    if public_path.exists():
        raise CorrosionError(f"{public_path}: is there already; name another file, or move it away")
    _write_new(path, private, 0o600)
    try:
        _write_new(public_path, public, 0o644)
    except CorrosionError:
        path.unlink()
        raise
    return public_path


def load_signer(path: Path) -> Callable[[bytes], str]:
    """Return what signs bytes with the private key in ``path``: base64, as commands carry it.

    Raises:
        CorrosionError: it cannot be read, others can read it too, or it is no Ed25519 key.
    """
    key = load_private_key(path)
    return lambda content: base64.b64encode(key.sign(content)).decode("ascii")


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in ``path``.

    Raises:
        CorrosionError: it cannot be read, others can read it too, or it is no Ed25519 key.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise CorrosionError(_MISSING) from None
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_MAX_KEY_BYTES)
    except OSError as err:
        raise CorrosionError(f"{path}: {err.strerror or err}; make one with `keygen`") from err
    if mode & 0o077:
        raise CorrosionError(f"{path}: mode {mode:04o} lets others read the private key; chmod 600 {path}")
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CorrosionError(f"{path}: wanted a private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CorrosionError(f"{path}: wanted an Ed25519 key; make one with `keygen`")
    return key


def _write_new(path: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(content)
    except FileExistsError:
        raise CorrosionError(f"{path}: is there already; name another file, or move it away") from None
    except OSError as err:
        raise CorrosionError(f"{path}: {err.strerror or err}") from err

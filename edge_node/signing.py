"""Ed25519: whose signatures over bundles and commands are trusted, and how bundles are signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError, UpdateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY_ID_BYTES = 32
SIGNATURE_BYTES = 64
_PREFIX = b"corrosion/v1 bundle\0"  # a signature over a bundle is never one over a command
_MAX_KEY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key that may sign; ``key_id`` is the SHA-256 of its 32 bytes."""

    file: str
    key_id: bytes
    key: Ed25519PublicKey

    def holds(self, signature: bytes, content: bytes) -> bool:
        """Tell whether ``signature`` is this key's over ``content``."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private key that signs bundles and commands."""

    def __init__(self, file: Path) -> None:
        """Read the key in ``file``, PEM.

        Raises:
            CorrosionError: it is none, or others may read it.
        """
        from edge_node.control_room.signing_key import load_private_key  # not on the robot's way

        self._key = load_private_key(file)
        self.key_id = _key_id(self._key.public_key())

    def sign(self, content: bytes) -> bytes:
        """Return the signature over ``content`` as it is."""
        return self._key.sign(content)

    def sign_statement(self, text: bytes) -> bytes:
        """Return key id and signature as they stand beside a bundle's statement."""
        return self.key_id + self.sign(_PREFIX + text)


def trusted_key(path: str, key: str) -> TrustedKey:
    """Return the public key in the file ``path``, PEM.

    Raises:
        ConfigError: with ``key``, the name in the configuration.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise ConfigError(
            f"{key} needs the package cryptography: pip install 'corrosion-edge-node[signing]'"
        ) from None
    try:
        found = load_pem_public_key(_read(Path(path)))
    except OSError as err:
        raise ConfigError(f"{key} {path}: {err.strerror or err}") from err
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{key} {path}: wanted a public key in PEM") from None
    if not isinstance(found, Ed25519PublicKey):
        raise ConfigError(f"{key} {path}: wanted an Ed25519 key")
    return TrustedKey(path, _key_id(found), found)


def trusted_keys(paths: Sequence[str]) -> tuple[TrustedKey, ...]:
    """Return the keys of ``[bundle] trusted_keys``.

    Raises:
        ConfigError: one cannot be used.
    """
    return tuple(trusted_key(path, "[bundle] trusted_keys") for path in paths)


def check_signature(text: bytes, signed: bytes, keys: Sequence[TrustedKey], where: str) -> None:
    """Raise UpdateError unless one of ``keys`` signed ``text``.

    Args:
        text: the statement's bytes.
        signed: key id and signature, as ``Signer.sign_statement`` gives them.
        keys: trusted here.
        where: the file, for the message.
    """
    key_id, signature = signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:]
    if not any(signed):
        raise UpdateError(f"{where}: is not signed; `converter bundle sign` does")
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        known = ", ".join(key.key_id.hex()[:16] for key in keys) or "none is trusted"
        raise UpdateError(
            f"{where}: signed by key {key_id.hex()[:16]}, which is not among [bundle] trusted_keys ({known})"
        )
    if not key.holds(signature, _PREFIX + text):
        raise UpdateError(
            f"{where}: the signature does not hold: its list of contents was changed after signing"
        )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_KEY_BYTES)


def _key_id(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()

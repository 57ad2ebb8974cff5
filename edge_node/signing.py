"""Make and load Ed25519 keys, sign bundles, commands and checkpoints, and check signatures.

Each signature covers a prefix that names what is signed, so that the signature of a bundle is never valid
for a command.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.credential_files import shown_path
from edge_node.errors import ConfigError, CorrosionError, UpdateError
from edge_node.plain_struct import PlainStruct
from edge_node.text_file import TextFileError, read_pem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_ID_BYTES = 32
SIGNATURE_BYTES = 64
_FINGERPRINT_BYTES = 8
_BUNDLE_PREFIX = b"corrosion/v1 bundle\0"
_COMMAND_PREFIX = b"corrosion/v1 command\0"
_CHECKPOINT_PREFIX = b"corrosion/v1 checkpoint\0"
_MAX_KEY_BYTES = 16 * 1024
_MISSING = "needs the package cryptography: pip install 'corrosion-edge-node[signing]'"


class TrustedKey(PlainStruct, frozen=True):
    """A public key whose signatures are trusted; ``key_id`` is the SHA-256 of its 32 bytes."""

    file: str
    key_id: bytes
    key: Ed25519PublicKey

    @property
    def fingerprint(self) -> str:
        """The first half of the key id, as messages and ``edge-node bundle`` show it."""
        return fingerprint(self.key_id)

    def holds(self, signature: bytes, content: bytes) -> bool:
        """Tell whether ``signature`` is this key's signature of ``content``."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def holds_command(self, signature: str, topic: str, payload: bytes) -> bool:
        """Tell whether ``signature``, in base64, is this key's signature of a command."""
        try:
            return self.holds(base64.b64decode(signature, validate=True), signed_bytes(topic, payload))
        except ValueError:
            return False

    def holds_checkpoint(self, signature: str, head: bytes) -> bool:
        """Tell whether ``signature``, in base64, is this key's signature of a checkpoint's ``head``."""
        try:
            return self.holds(base64.b64decode(signature, validate=True), _CHECKPOINT_PREFIX + head)
        except ValueError:
            return False


class Signer:
    """Sign bundles or checkpoints with a private key."""

    def __init__(self, file: Path) -> None:
        """Read the key in ``file``, PEM.

        Raises:
            CorrosionError: it is none, or others may read it.
        """
        self._key = load_private_key(file)
        self.key_id = _key_id(self._key.public_key())

    def public_half(self, file: Path) -> TrustedKey:
        """Return the public key, which trusts what this signs; ``file`` names it in messages."""
        return TrustedKey(str(file), self.key_id, self._key.public_key())

    def sign(self, content: bytes) -> bytes:
        """Return the signature of ``content``, without a prefix."""
        return self._key.sign(content)

    def sign_statement(self, text: bytes) -> bytes:
        """Return key id and signature of a bundle's statement, as the transport file has them."""
        return self.key_id + self.sign(_BUNDLE_PREFIX + text)

    def sign_checkpoint(self, head: bytes) -> str:
        """Return the signature of a checkpoint's bytes before the signature, in base64."""
        return base64.b64encode(self.sign(_CHECKPOINT_PREFIX + head)).decode("ascii")


def load_node_signer(path: str) -> Signer:
    """Return the signer of ``[node] signing_key_file``; ``$CREDENTIALS_DIRECTORY`` is expanded.

    Raises:
        ConfigError: the key cannot be used.
    """
    try:
        return Signer(Path(os.path.expandvars(path)))
    except CorrosionError as err:
        shown = str(err).replace(path, shown_path(path))
        raise ConfigError(f"[node] signing_key_file: {shown}") from None


def load_trusted_key(path: str, key: str) -> TrustedKey:
    """Return the public key in the file ``path``, PEM, or in the PEM text that ``path`` itself is.

    Raises:
        ConfigError: with ``key``, the name in the configuration.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise ConfigError(f"{key} {_MISSING}") from None
    try:
        is_text = path.lstrip().startswith("-----BEGIN")
        found = load_pem_public_key(path.encode() if is_text else read_pem(Path(path), _MAX_KEY_BYTES))
    except TextFileError as err:
        raise ConfigError(f"{key} {path}: {err}") from err
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{key} {path}: wanted a public key in PEM") from None
    if not isinstance(found, Ed25519PublicKey):
        raise ConfigError(f"{key} {path}: wanted an Ed25519 key")
    return TrustedKey(path, _key_id(found), found)


def load_trusted_keys(paths: Sequence[str]) -> tuple[TrustedKey, ...]:
    """Return the keys of ``[bundle] trusted_keys``.

    Raises:
        ConfigError: one cannot be used.
    """
    return tuple(load_trusted_key(path, "[bundle] trusted_keys") for path in paths)


def check_signature(text: bytes, signed: bytes, keys: Sequence[TrustedKey], where: str) -> TrustedKey:
    """Return which of ``keys`` signed ``text``.

    Args:
        text: the statement's bytes.
        signed: key id and signature, as ``Signer.sign_statement`` gives them.
        keys: the trusted ones.
        where: the file, for the message.

    Raises:
        UpdateError: none of them did, or what it signed was changed.
    """
    key_id, signature = signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:]
    if not any(signed):
        raise UpdateError(f"{where}: is not signed; `converter bundle sign` does")
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        known = ", ".join(f"{key.fingerprint} {key.file}" for key in keys) or "none is trusted"
        raise UpdateError(
            f"{where}: signed by key {fingerprint(key_id)},"
            f" which is not among [bundle] trusted_keys ({known})"
        )
    if not key.holds(signature, _BUNDLE_PREFIX + text):
        raise UpdateError(
            f"{where}: the signature does not hold: its list of contents was changed after signing"
        )
    return key


def fingerprint(signed: bytes) -> str:
    """Return the first half of a key id, as messages show it; the signature behind an id is ignored."""
    return signed[:_FINGERPRINT_BYTES].hex()


def signed_bytes(topic: str, payload: bytes) -> bytes:
    """Return the bytes that a command's signature covers: prefix, topic (robot and verb), payload."""
    return _COMMAND_PREFIX + topic.encode() + b"\0" + payload


def make_key_pair(path: Path) -> Path:
    """Write a new private key to ``path`` (mode 0600) and its public half beside it; return the latter.

    Raises:
        CorrosionError: one of the files is there, or cannot be written; nothing was changed then.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise CorrosionError(f"signing {_MISSING}") from None
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
    """Return a function that signs bytes with the private key in ``path``, in base64 as commands carry it.

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
        raise CorrosionError(f"signing {_MISSING}") from None
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = read_pem(path, _MAX_KEY_BYTES)
    except FileNotFoundError as err:
        raise CorrosionError(f"{path}: {err.strerror}; make one with `keygen`") from err
    except OSError as err:
        raise CorrosionError(f"{path}: {err.strerror or err}") from err
    except TextFileError as err:
        raise CorrosionError(f"{path}: {err}") from err
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    # systemd lets the service's user read by an access control list, which shows as the group's right.
    is_credential = folder is not None and path.parent == Path(folder)
    if mode & (0o037 if is_credential else 0o077):
        raise CorrosionError(f"{path}: mode {mode:04o} lets others read the private key; chmod 600 {path}")
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CorrosionError(f"{path}: wanted a private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CorrosionError(f"{path}: wanted an Ed25519 key; make one with `keygen`")
    return key


def _key_id(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()


def _write_new(path: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(content)
    except FileExistsError:
        raise CorrosionError(f"{path}: is there already; name another file, or move it away") from None
    except OSError as err:
        raise CorrosionError(f"{path}: {err.strerror or err}") from err

"""Store installed bundles in slots; ``state.json`` names the one that decides.

New files are written beside the old ones and renamed; only the rename of ``state.json`` changes which bundle
decides. A power cut at any moment leaves a state whose slots are complete; other slots are deleted.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.durable_file import replace_file, sync_folder
from edge_node.errors import BundleError, ConfigError, UpdateError
from edge_node.inference.bundle import (
    DEFAULT_BUNDLE,
    MANIFEST_NAME,
    MAX_MODEL_BYTES,
    Bundle,
    check_bundle,
    load_bundle,
)
from edge_node.inference.manifest import decode_manifest
from edge_node.signing import check_signature, fingerprint
from edge_node.update.release import MAX_STATEMENT_BYTES, Release, decode_release
from edge_node.update.state import SlotId, State
from edge_node.update.transport_file import SIGNATURE_NAME, STATEMENT_NAME, UNSIGNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.signing import TrustedKey

_MAX_STATE_BYTES = 4 * 1024 * 1024
_STATE, _LOCK = "state.json", "lock"


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle in the store whose files match its signed statement."""

    statement: Release
    slot: SlotId
    bundle: Bundle


class BundleStore:
    """Manage the folder ``store`` in the node's state folder; methods may be called from any thread."""

    def __init__(self, path: Path, keys: Sequence[TrustedKey]) -> None:
        """Use ``path``, made with mode 0700 if it is missing.

        Raises:
            ConfigError: other users own it or can write to it, or it cannot be used.
        """
        self.path = path
        self.keys = tuple(keys)
        self.slots = path / "slots"
        try:
            for folder in (path, self.slots):
                with contextlib.suppress(FileExistsError):
                    folder.mkdir(mode=0o700)
                _check_owner(folder)
        except OSError as err:
            raise ConfigError(f"{path}: {err.strerror or err}; see [node] state_dir") from err

    @property
    def incoming(self) -> Path:
        """Folder of a bundle that is being fetched."""
        return self.path / "incoming"

    def state(self) -> State:
        """Return the saved state.

        Raises:
            UpdateError: the file is damaged; it is never repaired by guessing.
        """
        path = self.path / _STATE
        try:
            text = _read(path, _MAX_STATE_BYTES)
        except FileNotFoundError:
            return State()
        except OSError as err:
            raise UpdateError(f"{path}: {err.strerror or err}") from err
        try:
            state = msgspec.json.decode(text, type=State)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
            raise UpdateError(
                f"{path}: damaged ({err}); the bundle in the package decides until it is removed,"
                " and with it what is remembered of versions"
            ) from err
        if missing := {state.current, state.previous} - {None} - set(state.slots):
            raise UpdateError(
                f"{path}: names slot {min(filter(None, missing))[:12]}, of which it knows nothing"
            )
        return state

    def stamp(self) -> tuple[int, int]:
        """Return a value that changes with every new state, without reading the file."""
        try:
            found = (self.path / _STATE).stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    @contextlib.contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock that keeps other processes and threads from changing the store.

        Raises:
            UpdateError: another one holds it, and ``wait`` is False.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path / _LOCK, flags, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise UpdateError(f"{self.path}: another bundle is being installed just now") from None
            yield
        finally:
            os.close(descriptor)

    def change(self, step: Callable[[State], State]) -> State:
        """Save the state that ``step`` returns for the present one, and sweep; the lock must be held.

        Raises:
            UpdateError: by ``step``; nothing changed.
        """
        state = step(self.state())
        replace_file(self.path / _STATE, [msgspec.json.format(msgspec.json.encode(state), indent=1)])
        self.sweep(state)
        return state

    def staging(self) -> Path:
        """Make a folder for a bundle that is being unpacked, and return it."""
        return Path(tempfile.mkdtemp(prefix="staging-", dir=self.path))

    def adopt(self, staged: Path, slot: SlotId) -> None:
        """Move ``staged``, whose files are on disk, to ``slot``; no state names it yet."""
        target = self.slots / slot
        if target.exists():  # left by an installation that was interrupted
            shutil.rmtree(target)
        staged.rename(target)
        sync_folder(self.slots)

    def bundle(self, slot: SlotId | None) -> Bundle:
        """Load the bundle in ``slot`` and check it against its signed statement.

        Raises:
            BundleError: it differs from what was signed, or the key is not trusted.
        """
        if slot is None:
            return load_bundle(DEFAULT_BUNDLE)
        checked = self.bundle_at(self.slots / slot)
        if checked.slot != slot:
            raise UpdateError(f"{self.slots / slot}: holds another bundle than it is named for")
        return checked.bundle

    def bundle_at(self, path: Path) -> CheckedBundle:
        """Load the bundle in a folder of the store; the bytes that are hashed are those that run.

        Raises:
            BundleError: it differs from what was signed, or the key is not trusted.
        """
        _check_folder(path)
        text = _read_entry(path, STATEMENT_NAME, MAX_STATEMENT_BYTES)
        check_signature(text, _read_entry(path, SIGNATURE_NAME, len(UNSIGNED)), self.keys, str(path))
        statement = decode_release(text, str(path))
        signed = {entry.name: entry for entry in statement.files}

        def read(name: str, limit: int) -> bytes:
            entry = signed.get(name)
            if entry is None:
                raise UpdateError(f"{path / name}: is not among the files that were signed")
            content = _read_entry(path, name, min(limit, entry.size_bytes))
            if len(content) != entry.size_bytes or hashlib.sha256(content).hexdigest() != entry.sha256:
                raise UpdateError(f"{path / name}: is not what was signed; install the bundle again")
            return content

        return CheckedBundle(statement, slot_of(text), check_bundle(path, read))

    def signer(self, slot: SlotId) -> str:
        """Return the fingerprint of the key that signed ``slot``, unchecked; "unknown" if it is gone."""
        try:
            signed = _read(self.slots / slot / SIGNATURE_NAME, len(UNSIGNED))
        except (OSError, BundleError):
            return "unknown"
        return fingerprint(signed)

    def sweep(self, state: State) -> None:
        """Delete slots and leftovers that ``state`` does not name; the lock must be held."""
        for folder in self.path.glob("staging-*"):
            shutil.rmtree(folder, ignore_errors=True)
        for partial in self.path.glob(f".{_STATE}.*"):
            partial.unlink(missing_ok=True)
        for folder in self.slots.iterdir():
            if folder.name not in state.slots:
                shutil.rmtree(folder, ignore_errors=True)


def slot_of(text: bytes) -> SlotId:
    """Return the slot of the bundle with this statement: the statement's hash."""
    return hashlib.sha256(text).hexdigest()


def packaged_version() -> tuple[str, str]:
    """Return name and version of the bundle in the package."""
    path = DEFAULT_BUNDLE / MANIFEST_NAME
    manifest = decode_manifest(path.read_bytes(), str(path))
    return manifest.name, manifest.version


def now() -> datetime:
    """Return the wall-clock time, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _check_owner(folder: Path) -> None:
    """Raise ConfigError if other users could change files in ``folder``."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{folder}: wanted a folder, found something else, perhaps a link; remove it")
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"{folder}: belongs to user {found.st_uid}, this is user {os.geteuid()};"
            " whoever owns it could change what was checked"
        )
    if found.st_mode & 0o022:
        raise ConfigError(f"{folder}: others can write to it; chmod 700 {folder}")


def _check_folder(path: Path) -> None:
    try:
        _check_owner(path)
    except FileNotFoundError:
        raise UpdateError(f"{path}: is gone; install the bundle again") from None
    except (OSError, ConfigError) as err:
        raise UpdateError(str(err)) from err


def _read_entry(path: Path, name: str, limit: int) -> bytes:
    """Return a file of a slot; of a longer one, ``limit`` bytes and one more."""
    try:
        return _read(path / name, min(limit, MAX_MODEL_BYTES) + 1)
    except OSError as err:
        raise UpdateError(f"{path / name}: {err.strerror or err}; install the bundle again") from err


def _read(path: Path, most: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BundleError(f"{path}: is no plain file")
        return file.read(most)

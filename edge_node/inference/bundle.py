"""Load a bundle and check every file against its manifest.

A bundle is a folder with ``bundle.json`` (the manifest), the ``.tflite`` files, ``golden.npz`` and
``report.html``. Each file is opened once: the bytes that were hashed are the bytes that run.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_node.errors import BundleError
from edge_node.inference.manifest import (
    Manifest,
    ModelFile,
    decode_manifest,
    encode_manifest,
)
from edge_node.messages.verdict import BundleReference
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST_NAME = "bundle.json"
GOLDEN_NAME = "golden.npz"
REPORT_NAME = "report.html"
DEFAULT_BUNDLE = Path(__file__).parents[1] / "default_bundle"
MAX_MANIFEST_BYTES = 4 * 1024 * 1024  # the largest seen is 60 kB
MAX_MODEL_BYTES = 512 * 1024 * 1024  # Inception v3 float32 is 87 MB
MAX_GOLDEN_BYTES = 64 * 1024 * 1024  # unpacked; the default bundle's has 1 MB
_NPY_HEADER_BYTES = 16 * 1024  # numpy itself refuses headers beyond 10,000 bytes
STORE_NAME = "store"  # [bundle] path: the bundle that was installed last


class Golden(PlainStruct, frozen=True):
    """Pictures with the model outputs that they gave when the bundle was made.

    Attributes:
        pictures: uint8 ``(pictures, height, width, 3)``, channels blue, green, red.
        outputs: per model file and tensor name the real values, float32 ``(pictures, *shape[1:])``.
    """

    pictures: np.ndarray
    outputs: dict[str, dict[str, np.ndarray]]


class Bundle(PlainStruct, frozen=True):
    """A bundle whose files match its manifest."""

    _unshown = frozenset({"golden", "models"})

    path: Path
    manifest: Manifest
    manifest_sha256: str
    golden: Golden
    models: dict[str, bytes]

    @property
    def reference(self) -> BundleReference:
        """Name, version and hash, as verdicts carry them."""
        return BundleReference(
            name=self.manifest.name, version=self.manifest.version, sha256=self.manifest_sha256
        )


def load_bundle(path: Path) -> Bundle:
    """Read and check the bundle in the folder ``path``.

    Raises:
        BundleError: a file is missing, unreadable or differs from the manifest.
    """
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise BundleError(f"{path}: wanted a bundle folder with {MANIFEST_NAME}, found {found}")
    return check_bundle(path, lambda name, limit: _read(path / name, limit))


def check_bundle(path: Path, read: Callable[[str, int], bytes]) -> Bundle:
    """Check the files of a bundle against its manifest and return the bundle.

    Args:
        path: its name in messages.
        read: returns a file by name, of at most so many bytes; called once a file. It may check more than
            the manifest says.

    Raises:
        BundleError: a file is missing, unreadable or differs from the manifest.
    """
    text = read(MANIFEST_NAME, MAX_MANIFEST_BYTES)
    manifest = decode_manifest(text, str(path / MANIFEST_NAME))
    models = {model.file: _check_model(path, model, read) for model in manifest.models}
    golden = read(GOLDEN_NAME, MAX_MODEL_BYTES)
    if hashlib.sha256(golden).hexdigest() != manifest.golden_sha256:
        raise BundleError(
            f"{path / GOLDEN_NAME}: its sha256 is not the one in {MANIFEST_NAME}; copy the bundle again"
        )
    return Bundle(path, manifest, hashlib.sha256(text).hexdigest(), decode_golden(golden, path), models)


def resolve_bundle_path(name: str) -> Path:
    """Return the folder that ``name`` stands for: a path, or ``default`` for the bundle in the package.

    Raises:
        BundleError: it is an address, which is not shown because it may hold a password.
    """
    if "://" in name:
        raise BundleError("an address, wanted the folder of a bundle on this computer")
    return DEFAULT_BUNDLE if name == "default" else Path(name)


def encode_golden(golden: Golden) -> bytes:
    """Return ``golden`` as a compressed ``.npz`` without pickles."""
    arrays = {"pictures": golden.pictures}
    for file, outputs in golden.outputs.items():
        arrays.update({f"output:{file}:{name}": value for name, value in outputs.items()})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # names are keys here
    return buffer.getvalue()


def decode_golden(content: bytes, where: Path) -> Golden:
    """Return the golden probe in ``content``.

    Raises:
        BundleError: it is no archive of pictures and outputs.
    """
    outputs: dict[str, dict[str, np.ndarray]] = {}
    try:
        _check_unpacked_size(content)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            pictures = archive["pictures"]
            for key in archive.files:
                if key.startswith("output:"):
                    _, file, name = key.split(":", 2)
                    outputs.setdefault(file, {})[name] = archive[key]
    except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as err:
        raise BundleError(f"{where / GOLDEN_NAME}: no golden probe ({err}); convert again") from err
    return Golden(pictures, outputs)


def _check_unpacked_size(content: bytes) -> None:
    """Raise ValueError if the archive declares too much content; Python reads no more than is declared."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_GOLDEN_BYTES:
            raise ValueError(f"unpacks to {unpacked} bytes, at most {MAX_GOLDEN_BYTES} are taken")
        for entry in archive.infolist():
            with archive.open(entry) as member:
                _check_array_size(member.read(_NPY_HEADER_BYTES), entry.file_size)


def _check_array_size(header: bytes, size_bytes: int) -> None:
    """Raise ValueError if a ``.npy`` declares more numbers than it has: numpy allocates them first."""
    stream = io.BytesIO(header)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.itemsize * math.prod(shape) > size_bytes:
        raise ValueError(f"declares an array of shape {shape}, and has {size_bytes} bytes")


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as err:
        raise BundleError(f"{path}: {err.strerror or err}; the bundle is not whole") from err
    if len(content) > limit:
        raise BundleError(f"{path}: more than {limit} bytes, which no bundle has")
    return content


def _check_model(path: Path, model: ModelFile, read: Callable[[str, int], bytes]) -> bytes:
    content = read(model.file, MAX_MODEL_BYTES)
    if len(content) != model.size_bytes:
        raise BundleError(
            f"{path / model.file}: {len(content)} bytes, {MANIFEST_NAME} says {model.size_bytes};"
            " copy the bundle again"
        )
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise BundleError(
            f"{path / model.file}: its sha256 is not the one in {MANIFEST_NAME}; copy the bundle again"
        )
    return content


def with_manifest(bundle: Bundle, manifest: Manifest, golden: Golden | None = None) -> Bundle:
    """Return ``bundle`` with another manifest, and another golden probe where one is given."""
    golden = golden or bundle.golden
    sealed = msgspec.structs.replace(
        manifest, golden_sha256=hashlib.sha256(encode_golden(golden)).hexdigest()
    )
    text = encode_manifest(sealed)
    return Bundle(
        bundle.path,
        decode_manifest(text, MANIFEST_NAME),
        hashlib.sha256(text).hexdigest(),
        golden,
        bundle.models,
    )

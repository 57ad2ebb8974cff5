"""Read the tensors of a PyTorch checkpoint without PyTorch and without running code from the file.

A checkpoint is a pickle, and a pickle may call any function. This reader allows ordered dictionaries, float
and integer storages and the function that joins a storage with a shape; every other name is refused.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from edge_node.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

# First number of a checkpoint from before PyTorch 1.6 (torch/serialization.py, MAGIC_NUMBER).
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Read the tensors of a checkpoint by name.

    Both layouts are read: the single stream of PyTorch before 1.6 and the zip archive since.

    Raises:
        GraphError: the file is missing, damaged, no checkpoint, or names anything but parts of tensors.
    """
    try:
        if zipfile.is_zipfile(path):
            found = _read_archive(path)
        else:
            with path.open("rb") as file:
                found = _read_stream(file)
    except OSError as err:
        raise GraphError(f"{path}: {err.strerror or err}") from err
    except GraphError as err:
        raise GraphError(f"{path}: {err}") from err
    # A damaged pickle can raise almost any exception.
    except Exception as err:
        raise GraphError(f"{path}: no PyTorch checkpoint, or a damaged one ({err}); fetch it again") from err
    if not isinstance(found, dict) or not all(isinstance(value, np.ndarray) for value in found.values()):
        raise GraphError(f"{path}: wanted a state dictionary of tensors; save model.state_dict()")
    return {str(name): value for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class _Storage:
    """A storage of numbers that the pickle refers to: its key and NumPy dtype."""

    key: str
    dtype: str


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor that the pickle describes as a view of a storage; its numbers are read later."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the tensor, copied out of its storage ``values``, ``(numbers,)``.

        Raises:
            GraphError: it would reach outside the storage.
        """
        reach = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        last = self.offset + reach
        negative = min((self.offset, *self.shape, *self.strides)) < 0
        if negative or (0 not in self.shape and last >= values.size):
            raise GraphError(f"a tensor of shape {self.shape} reaches outside its storage")
        strides = tuple(stride * values.itemsize for stride in self.strides)
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides, writeable=False)
        return np.array(view)


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that allows only the names that tensors need."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise GraphError(f"the checkpoint names {module}.{name}, which is no tensor; it was not run")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key = pid[:3]
        if kind != "storage" or dtype not in _DTYPES.values():
            raise GraphError(f"the checkpoint refers to {kind!r}, which is no storage of numbers")
        return _Storage(str(key), dtype)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: object
) -> _View:
    return _View(storage, offset, tuple(shape), tuple(strides))


def _read_stream(file: BinaryIO) -> Any:
    """Read the layout before PyTorch 1.6: magic, protocol, machine, objects, storage keys, storages."""
    if _TensorUnpickler(file).load() != _LEGACY_MAGIC:
        raise GraphError("no PyTorch checkpoint")
    _TensorUnpickler(file).load()  # protocol version: there is only one
    if not _TensorUnpickler(file).load().get("little_endian", False):
        raise GraphError("written on a big-endian machine, which is not read")
    objects = _TensorUnpickler(file).load()
    keys = _TensorUnpickler(file).load()
    dtypes = {view.storage.key: view.storage.dtype for view in _find_views(objects)}
    values = {}
    for key in keys:
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        dtype = np.dtype(dtypes[key])
        values[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    return _fill_tensors(objects, lambda storage: values[storage.key])


def _read_archive(path: Path) -> Any:
    """Read the zip archive of PyTorch 1.6 and later: ``NAME/data.pkl`` and ``NAME/data/KEY``."""
    with zipfile.ZipFile(path) as archive:
        pickled = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
        if pickled is None:
            raise GraphError("a zip archive without data.pkl is no PyTorch checkpoint")
        objects = _TensorUnpickler(io.BytesIO(archive.read(pickled))).load()
        folder = pickled.removesuffix("data.pkl") + "data/"
        return _fill_tensors(
            objects, lambda storage: np.frombuffer(archive.read(folder + storage.key), storage.dtype)
        )


def _find_views(objects: Any) -> list[_View]:
    if not isinstance(objects, dict):
        raise GraphError("wanted a state dictionary of tensors; save model.state_dict()")
    return [value for value in objects.values() if isinstance(value, _View)]


def _fill_tensors(objects: Any, values_of: Callable[[_Storage], NDArray[Any]]) -> dict[str, Any]:
    _find_views(objects)
    return {
        name: value.array(values_of(value.storage)) if isinstance(value, _View) else value
        for name, value in objects.items()
    }

"""Checkpoints in the layouts of PyTorch, written without PyTorch."""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections import OrderedDict

import numpy as np


class Storage:
    """Stands in a pickle for a storage, as PyTorch's persistent ids do."""

    def __init__(self, kind, key, count):
        self.persistent_id = ("storage", kind, key, "cpu", count)


class Tensor:
    """Pickles as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())


class Torch:
    """The modules that a checkpoint names, while one is written."""

    def __enter__(self):
        module, functions = type(sys)("torch"), type(sys)("torch._utils")

        def _rebuild_tensor_v2(*arguments):
            return arguments

        _rebuild_tensor_v2.__module__ = "torch._utils"
        _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
        functions._rebuild_tensor_v2 = _rebuild_tensor_v2
        for name in ("FloatStorage", "LongStorage"):
            setattr(module, name, type(name, (), {"__module__": "torch"}))
        module._utils = functions
        self._before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
        sys.modules.update({"torch": module, "torch._utils": functions})
        return module

    def __exit__(self, *_exception):
        for name, module in self._before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def pickle_tensors(torch, tensors):
    """Return a pickle in which tensors and storages stand as PyTorch writes them."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return thing.persistent_id if isinstance(thing, Storage) else None

        def reducer_override(self, thing):
            if isinstance(thing, Tensor):
                return torch._utils._rebuild_tensor_v2, thing.arguments
            return NotImplemented

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(tensors)
    return buffer.getvalue()


def write_archive(path, shape=(2, 3), strides=(3, 1), count=6):
    """Write a checkpoint in the layout of PyTorch 1.6 with one tensor, 0, 1, 2, ..."""
    with Torch() as torch:
        tensor = Tensor(Storage(torch.FloatStorage, "0", count), 0, shape, strides)
        pickled = pickle_tensors(torch, OrderedDict(weight=tensor))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        archive.writestr("net/data/0", np.arange(count, dtype="<f4").tobytes())
    return path

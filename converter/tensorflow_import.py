"""Import TensorFlow late and quietly, with a clear error if it is missing."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge_node.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


def tensorflow() -> Any:
    """Return the TensorFlow module, without its start-up messages.

    Raises:
        RuntimeUnavailableError: it is not installed, or does not import here.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 3: fatal messages only
    os.environ.setdefault(
        "TF_ENABLE_ONEDNN_OPTS", "0"
    )  # it rounds otherwise, and prints a notice at every start
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # no GPU is needed, and looking for one takes time
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's other programs take
    try:
        if "tensorflow" in sys.modules:
            return sys.modules["tensorflow"]
        with _silence_standard_error(), _leave_out_keras(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside TensorFlow's own imports
            import tensorflow as tf
    except ImportError as err:
        raise RuntimeUnavailableError(
            f"TensorFlow does not import ({err}); pip install 'corrosion-edge-node[convert]'"
        ) from err
    tf.get_logger().setLevel("ERROR")
    return tf


@contextmanager
def _leave_out_keras() -> Iterator[None]:
    """Keep TensorFlow from importing Keras at its own import, which takes 40 % of that time.

    ``tf.keras`` loads it where it is first used.
    """
    absent = [name for name in ("keras", "tf_keras") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: an import of it fails
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def _silence_standard_error() -> Iterator[None]:
    """Drop messages of C++ while TensorFlow loads and has no log level yet, such as of absent GPUs."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device, not a path
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

"""Check which tensor types a converted model really has."""

from __future__ import annotations

from converter.quantize.request import Mode
from converter.quantize.tflite_file import weight_types
from edge_node.errors import ConversionError

# What the weights of convolutions and dense layers must be, by mode. DEQUANTIZE brings float16 back to
# FLOAT32 before the kernel, so its convolutions read no constant at all.
_WEIGHT_TYPES = {
    Mode.INT8: {"INT8"},
    Mode.INT8_FLOAT_IO: {"INT8"},
    Mode.INT16X8: {"INT8"},
    Mode.DYNAMIC: {"INT8", "FLOAT32"},  # small kernels gain nothing and stay float32
    Mode.FLOAT16: {"FLOAT16", "FLOAT32"},
    Mode.NONE: {"FLOAT32"},
}


def audit_types(name: str, content: bytes, mode: Mode, float_layers: int = 0) -> None:
    """Check that a file is what its mode promises.

    Args:
        name: of the file, for messages.
        content: the ``.tflite`` file.
        mode: what it was converted to.
        float_layers: how many layers were kept in float on purpose.

    Raises:
        ConversionError: weights of another type.
    """
    found = weight_types(content)
    unexpected = sum(count for kind, count in found.items() if kind not in _WEIGHT_TYPES[mode])
    if unexpected > float_layers:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))
        raise ConversionError(
            f"{name}: called {mode.value}, but its weights are {listed};"
            " an operator in it has no such kernel, choose another --quantize"
        )

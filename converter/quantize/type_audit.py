"""Check that the weights of a converted model have the types that its mode promises."""

from __future__ import annotations

from converter.quantize.request import Mode
from converter.tflite.tflite_file import count_weight_types
from edge_node.errors import ConversionError

# Allowed types of weights of convolutions and dense layers, by mode. DEQUANTIZE turns float16 into FLOAT32
# before the kernel, so such a convolution reads no constant at all.
_WEIGHT_TYPES = {
    Mode.INT8: {"INT8"},
    Mode.INT8_FLOAT_IO: {"INT8"},
    Mode.INT16X8: {"INT8"},
    Mode.DYNAMIC: {"INT8", "FLOAT32"},  # small kernels gain nothing and stay float32
    Mode.FLOAT16: {"FLOAT16", "FLOAT32"},
    Mode.NONE: {"FLOAT32"},
}


def audit_types(name: str, content: bytes, mode: Mode, float_layers: int = 0) -> None:
    """Check the types of a model's weights against its mode.

    Args:
        name: of the file, for messages.
        content: the ``.tflite`` file.
        mode: that it was converted to.
        float_layers: how many layers were kept in float on purpose.

    Raises:
        ConversionError: more weights than ``float_layers`` have another type.
    """
    found = count_weight_types(content)
    unexpected = sum(count for kind, count in found.items() if kind not in _WEIGHT_TYPES[mode])
    if unexpected > float_layers:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))
        raise ConversionError(
            f"{name}: called {mode.value}, but its weights are {listed};"
            " an operator in it has no such kernel, choose another --quantize"
        )

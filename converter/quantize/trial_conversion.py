"""Find out, before any work, whether TensorFlow's converter can convert a graph with unusual ops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.graphs.fuse import fuse
from converter.quantize.conversion_process import explain_failure
from converter.quantize.request import Mode, Target, make_request, write_request
from converter.quantize.tflite_converter import make_converter
from converter.work_folder import work_folder

if TYPE_CHECKING:
    from converter.graphs.trained_graph import TrainedGraph

# Ops of nearly all classifiers, each seen to convert; a graph of these alone needs no trial.
_USUAL = frozenset(
    {
        *("Const", "Identity", "Placeholder", "PlaceholderWithDefault", "StopGradient", "CheckNumerics"),
        *("Snapshot", "NoOp", "Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "BiasAdd", "Add"),
        *("AddV2", "AddN", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "Square", "Sqrt", "Rsqrt", "Neg"),
        *("Exp", "Mean", "Sum", "Max", "AvgPool", "MaxPool", "FusedBatchNorm", "FusedBatchNormV2"),
        *(
            "FusedBatchNormV3",
            "Relu",
            "Relu6",
            "Elu",
            "LeakyRelu",
            "Sigmoid",
            "Tanh",
            "Softmax",
            "LogSoftmax",
        ),
        *("Softplus", "Concat", "ConcatV2", "Pad", "PadV2", "MirrorPad", "Reshape", "Squeeze", "ExpandDims"),
        *("Transpose", "Shape", "StridedSlice", "Slice", "Pack", "Split", "SplitV", "Cast", "ReverseV2"),
        *("SpaceToBatchND", "BatchToSpaceND", "ResizeBilinear", "ResizeNearestNeighbor", "GatherV2", "LRN"),
        *("FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "SquaredDifference", "Erf"),
    }
)


def find_unconvertible(graph: TrainedGraph) -> str | None:
    """Return in a sentence why a graph does not convert; None if it does.

    Only a graph with ops that are not usual is converted for it, to float, which takes seconds.
    """
    needed = graph.index.upstream([graph.logits], stop=[graph.input])
    if {graph.index.op(name) for name in needed} <= _USUAL:
        return None
    with work_folder() as work:
        fused = fuse({"graph": graph})[0]
        request = make_request(fused, Mode.NONE, Target.LITERT)
        write_request(work, fused, request, None)
        try:
            make_converter(work, request).convert()  # in this process: it ends before the leak matters
        except Exception as err:  # noqa: BLE001 - TensorFlow's converter has several
            return explain_failure(1, str(err))
    return None

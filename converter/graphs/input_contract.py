"""Derive what a graph wants of a picture, each fact with where it comes from; ask for what nothing tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from converter.graphs.scaling import (
    ColourOrder,
    Preprocessing,
    find_resize,
    look_up_mean,
    recognise_architecture,
)
from converter.nodes.entry_scaling import find_base, find_mean_of_whole_numbers, recognise_caffe
from converter.nodes.graph_entry import (
    CHANNELS,
    describe_misfit,
    feeds_first_layer,
    find_first_kernel_channels,
    find_layout,
    read_declared_input,
    read_entry,
    write_shape,
)
from edge_node.errors import GraphError
from edge_node.inference.manifest import Resize, Triple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from converter.architectures.backbones import InputRule
    from converter.graphs.graph_file import GraphFile
    from converter.graphs.scaling import GraphFlags
    from converter.nodes.graph_entry import DeclaredInput, GraphEntry, Layout
    from converter.nodes.graph_index import GraphIndex

    Numbers = NDArray[np.float64]

_INCEPTION_SIZE_PX = 299
_FROM_GRAPH, _FROM_FLAG, _FROM_RECORD = "the graph's own ops", "flag", "the record of retrain"


@dataclass(frozen=True, slots=True)
class InputContract:
    """What a graph wants of a picture.

    Attributes:
        tensor: the graph's input.
        layout: of the input: channels last or first.
        channels: 1, 3 or 4.
        colour_order: of the channels that the first layer reads.
        dtype: of the input.
        height: pixels.
        width: pixels.
        resize: the rule by which pictures were resized in training.
        mean: taken from each pixel (0 to 255), in the order of ``colour_order``.
        std: divides what is left.
        sources: fact -> where it comes from.
        not_known: sentences about facts that nothing tells, with the flag that does.
    """

    tensor: str
    layout: Layout
    channels: int
    colour_order: ColourOrder
    dtype: str
    height: int
    width: int
    resize: Resize
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sources: dict[str, str] = field(default_factory=dict)
    not_known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DerivedInput:
    """The contract, the node's preprocessing that keeps it, and how the graph is entered.

    Attributes:
        contract: for people.
        preprocessing: what the node does to a picture.
        entry: the graph's beginning; what stands in it before ``entry.last`` the node does.
    """

    contract: InputContract
    preprocessing: Preprocessing
    entry: GraphEntry


def derive_input(
    file: GraphFile,
    graph: GraphIndex,
    name: str,
    flags: GraphFlags,
    rule: InputRule | None = None,
) -> DerivedInput:
    """Derive the contract of a graph's input.

    Args:
        file: of the graph.
        graph: as read.
        name: its input.
        flags: of the user; they come before anything else.
        rule: of the record that retraining wrote beside the graph.

    Raises:
        GraphError: something is not to be found, or is nothing that a picture can be made into; the text
            names the flag that tells it.
    """
    return _Derivation(file, graph, name, flags, rule).derive()


def describe_input(contract: InputContract) -> Iterator[tuple[str, str]]:
    """Yield each fact's name and a line about it: its value, and in brackets where it comes from."""
    sources = contract.sources
    mean, std = ("/".join(f"{value:g}" for value in dict.fromkeys(v)) for v in (contract.mean, contract.std))
    yield "input", f"{contract.tensor}: {contract.height} x {contract.width} px [{sources['size']}]"
    yield "layout", f"{contract.layout} [{sources['layout']}], {contract.dtype}"
    order = sources["colour_order"]
    yield "channels", f"{contract.channels} [{sources['channels']}], {contract.colour_order} [{order}]"
    yield "scaling", f"(pixel - {mean}) / {std} [{sources['scaling']}]"
    yield "resize", f"{contract.resize.value} [{sources['resize']}]"
    for text in contract.not_known:
        yield "not known", text


class _Derivation:
    """Steps of one derivation; each notes where its fact comes from."""

    def __init__(
        self,
        file: GraphFile,
        graph: GraphIndex,
        name: str,
        flags: GraphFlags,
        rule: InputRule | None,
    ) -> None:
        self._file, self._graph, self._name, self._flags, self._rule = file, graph, name, flags, rule
        self._stated = file.stated
        self._declared: DeclaredInput = read_declared_input(graph, name)
        self._architecture = recognise_architecture(graph)
        self._sources: dict[str, str] = {}
        self._not_known: list[str] = []

    def derive(self) -> DerivedInput:
        layout = self._find_layout()
        channels = self._find_channels(layout)
        height, width = self._find_size(layout)
        resize = self._find_resize()
        entry = read_entry(self._graph, self._name, layout, self._declared)
        self._sources["dtype"] = "the input's node"
        mean, std = self._find_scaling(entry)
        order = self._find_colour_order(channels, entry, mean)
        self._refuse_uneven(channels, mean, std)
        if self._stated is not None:
            mean, std = mean + entry.offset * std, std * entry.factor  # at the input itself
            if entry.reverses:
                mean, std, order = mean[::-1], std[::-1], _turn_round(order)
        contract = InputContract(
            self._name,
            layout,
            channels,
            order,
            self._stated.dtype if self._stated else self._declared.dtype,
            height,
            width,
            resize,
            _tuple(mean),
            _tuple(std),
            dict(self._sources),
            tuple(self._not_known),
        )
        fed: Literal["RGB", "BGR"] = "BGR" if order.startswith("BGR") else "RGB"
        preprocessing = Preprocessing(height, width, _triple(mean), _triple(std), resize, fed)
        return DerivedInput(contract, preprocessing, entry)

    def _error(self, text: str) -> GraphError:
        return GraphError(f"{self._file.path}: {text}")

    def _find_layout(self) -> Layout:
        shape, dtype = self._declared.shape, self._declared.dtype
        if dtype == "string":
            raise self._error(
                f"input {self._name!r} takes encoded pictures; name the node of their pixels with"
                " --input-layer"
            )
        if misfit := describe_misfit(self._graph, self._name, self._declared):
            raise self._error(f"input {self._name!r} is of shape {write_shape(shape or ())}{misfit}")
        if shape is not None and shape[0] not in {None, 1} and len(shape) == 4:
            self._sources["batch"] = f"the graph's {shape[0]}; the node gives one picture at a time"
        layout, source = find_layout(self._graph, self._name, self._declared)
        if layout is None:
            raise self._error(
                f"input {self._name!r} is of shape {write_shape(shape or ())}, in which no dimension alone"
                " can be the channels (1, 3 or 4); name the node that takes a picture with --input-layer"
            )
        self._sources["layout"] = source
        return layout

    def _find_channels(self, layout: Layout) -> int:
        shape = self._declared.shape
        declared = None if shape is None else shape[-1 if layout == "NHWC" else -3]
        self._sources["channels"] = "the input's shape"
        if declared is None:
            declared = find_first_kernel_channels(self._graph, self._name)
            self._sources["channels"] = "the first layer's weights"
        if declared is None:
            declared = 3
            self._sources["channels"] = "not stated: three are taken"
        if declared not in CHANNELS:
            raise self._error(
                f"input {self._name!r} has {declared} channels, wanted a picture's: 1 (grey), 3, or 4"
                " (opacity)"
            )
        return declared

    def _find_size(self, layout: Layout) -> tuple[int, int]:
        shape, flags, rule = self._declared.shape, self._flags, self._rule
        height, width = (shape[-3:-1] if layout == "NHWC" else shape[-2:]) if shape else (None, None)
        default = (
            rule.size_px if rule else _INCEPTION_SIZE_PX if self._graph.op(self._name) == "Mul" else None
        )
        for side, given, found in (
            ("height", flags.input_height, height),
            ("width", flags.input_width, width),
        ):
            if given and found and given != found:
                raise self._error(
                    f"input {self._name!r} is {found} px in {side}, but --input-{side} says {given};"
                    " leave it out"
                )
        self._sources["size"] = (
            _FROM_FLAG
            if flags.input_height or flags.input_width
            else "the input's shape"
            if height and width
            else _FROM_RECORD
            if rule
            else self._architecture
        )
        height, width = flags.input_height or height or default, flags.input_width or width or default
        if not height or not width:
            raise self._error(
                f"input {self._name!r} has no fixed size; give --input-height and --input-width"
            )
        if min(height, width) <= max(CHANNELS):
            raise self._error(
                f"input {self._name!r} would be a picture of {height} x {width} px; name the node that takes"
                " a picture with --input-layer"
            )
        return height, width

    def _find_resize(self) -> Resize:
        if self._rule:
            self._sources["resize"] = _FROM_RECORD
            return self._rule.resize
        if self._file.kind == "Keras model":
            self._sources["resize"] = "a Keras file"
            return Resize.BILINEAR
        self._sources["resize"] = "the age of the graph's ops" if self._stated is None else "a TFLite file"
        return find_resize(self._graph, self._architecture, is_traced=self._stated is not None)

    def _find_scaling(self, entry: GraphEntry) -> tuple[Numbers, Numbers]:
        """Return mean and std at ``entry.last``, for the pixels 0 to 255 that the node has."""
        given = self._read_flags()
        if given is not None:
            mean, std = given
            self._sources["scaling"] = (
                f"{_FROM_FLAG}, then {_FROM_GRAPH}" if entry.is_arithmetic else _FROM_FLAG
            )
        elif self._rule:
            mean, std = np.array(self._rule.mean), np.array(self._rule.std)
            self._sources["scaling"] = _FROM_RECORD
        elif self._stated is not None and self._stated.mean:
            mean, std = np.array(self._stated.mean), np.array(self._stated.std)
            self._sources["scaling"] = self._stated.source
        elif self._declared.is_integer:
            if (taken := find_mean_of_whole_numbers(self._declared.dtype, entry)) is None:
                raise self._error(
                    f"input {self._name!r} takes {self._declared.dtype}, of which bytes are but the darkest;"
                    " export the graph with an input of bytes (uint8) or of scaled pixels (float32)"
                )
            mean, std = np.full(1, taken), np.ones(1)
            self._sources["scaling"] = f"an input of whole numbers takes bytes, then {_FROM_GRAPH}"
        elif (base := find_base(entry)) is not None:
            mean, std = np.zeros(1), np.full(1, base)
            self._sources["scaling"] = _FROM_GRAPH
        elif (known := self._look_up_known(entry)) is None:
            raise self._error(
                f"{self._architecture}: how its pixels were scaled is not to be seen; give --input-mean and"
                " --input-std as in training: one number each, or three like 123.68,116.78,103.94"
            )
        else:
            mean, std = np.full(1, known), np.full(1, known)
            self._sources["scaling"] = f"{self._architecture}, whose scaling is known"
        if entry.reverses:
            mean, std = mean[::-1], std[::-1]
        return np.asarray(mean - entry.offset * std / entry.factor), np.asarray(std / entry.factor)

    def _look_up_known(self, entry: GraphEntry) -> float | None:
        """Return the architecture's own scaling, unless the graph may do some of it itself."""
        if self._stated is not None or self._file.kind == "SavedModel":
            return None  # people train these with another scaling than the architecture's
        is_bare = not entry.is_arithmetic and feeds_first_layer(self._graph, entry.last)
        return look_up_mean(self._architecture) if is_bare else None

    def _read_flags(self) -> tuple[Numbers, Numbers] | None:
        mean, std = self._flags.input_mean, self._flags.input_std
        if mean is None and std is None:
            return None
        if mean is None or std is None:
            raise self._error("--input-mean and --input-std go together; give both, or neither")
        means, stds = np.atleast_1d(np.asarray(mean, float)), np.atleast_1d(np.asarray(std, float))
        if not stds.all() or not np.isfinite([*means, *stds]).all():
            raise self._error(
                f"--input-std is {_write_numbers(stds)}, --input-mean {_write_numbers(means)}: wanted what"
                " training took from each pixel and the divisor that it used (127.5 or so)"
            )
        pairs = np.broadcast_arrays(means, stds)
        if self._stated is not None and self._stated.refuses(*(pair.tolist() for pair in pairs)):
            low, high = self._stated.span or (0.0, 0.0)
            raise self._error(
                f"input {self._name!r} takes {low:.3g} to {high:.3g}, which pixels with --input-mean"
                f" {_write_numbers(means)} and --input-std {_write_numbers(stds)} are not; give those of"
                " training"
            )
        if self._declared.is_integer and (means.any() or (stds != 1).any()):
            raise self._error(
                f"input {self._name!r} takes whole numbers ({self._declared.dtype}), which scaled pixels are"
                " not; leave --input-mean and --input-std out"
            )
        if self._declared.dtype == "int8" and self._stated is None:
            return None  # 0 and 1 say bytes, which enter less 128
        return means, stds

    def _find_colour_order(self, channels: int, entry: GraphEntry, mean: Numbers) -> ColourOrder:
        given = self._flags.input_colour_order
        wanted = {1: ("GREY",), 3: ("RGB", "BGR"), 4: ("RGBA", "BGRA")}[channels]
        if given is not None and given not in wanted:
            raise self._error(
                f"input {self._name!r} has {channels} channel{'s' * (channels > 1)}, but --input-colour-order"
                f" says {given}; wanted {' or '.join(wanted)}"
            )
        if channels == 1:
            self._sources["colour_order"] = "one channel: grey, as TensorFlow's rgb_to_grayscale makes it"
            return "GREY"
        turned = f", turned round by {_FROM_GRAPH}" if entry.reverses else ""
        if given is not None:
            self._sources["colour_order"] = f"{_FROM_FLAG}{turned}"
            return _turn_round(given) if entry.reverses else given
        if channels == 4:
            raise self._error(
                f"input {self._name!r} has 4 channels, and nothing says what the fourth is;"
                " give --input-colour-order RGBA or BGRA if it is opacity, which is then 255 everywhere"
            )
        if self._stated is not None and self._stated.colours == "RGB":
            self._sources["colour_order"] = "its metadata"
            return "BGR" if entry.reverses else "RGB"
        if (found := "RGB" if self._rule else recognise_caffe(mean)) is not None:
            self._sources["colour_order"] = _FROM_RECORD if self._rule else "the order of Caffe's means"
            return found
        self._sources["colour_order"] = f"not stated: TensorFlow decodes red first{turned}"
        self._not_known.append(
            "colour order: red first is taken, as TensorFlow decodes; if pictures were read by OpenCV in"
            " training, give --input-colour-order BGR, else RGB (in a cascade file: input_colour_order)"
        )
        return "BGR" if entry.reverses else "RGB"

    def _refuse_uneven(self, channels: int, mean: Numbers, std: Numbers) -> None:
        """Refuse numbers per channel that are not one per channel of this graph."""
        if {mean.size, std.size} <= {1, channels}:
            return
        raise self._error(
            f"input {self._name!r} has {channels} channel{'s' * (channels > 1)}, but its means are"
            f" {mean.size} and its divisors {std.size}; give one --input-mean and one --input-std"
        )


def _turn_round(order: ColourOrder) -> ColourOrder:
    """Return the order of colours after a graph turned it round."""
    return "BGR" if order == "RGB" else "RGB"


def _triple(values: Numbers) -> Triple:
    first, second, third = (float(value) for value in np.broadcast_to(values[:3], (3,)))
    return first, second, third


def _tuple(values: Numbers) -> tuple[float, ...]:
    return tuple(float(value) + 0.0 for value in values)  # + 0.0: no minus zero


def _write_numbers(values: Numbers) -> str:
    return ",".join(f"{value:g}" for value in values)

"""Run a float model on the calibration pictures once, and keep of its tensors what quantizing asks for.

The ranges of all tensors, and the means and covariances of what each convolution reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tflite.tflite_file import encode_model, list_activations, parse_model
from edge_node.inference.interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from converter.quantize.convolutions import Reading

    Floats = NDArray[np.float32]

_POSITIONS = 64  # most per picture for covariances; neighbouring positions are much alike
_SAMPLES_PER_INPUT, _FEWEST_SAMPLES = 4, 2048  # of all pictures together, for a covariance that is no chance
_WIDEST = 2048  # inputs of one output; a wider convolution gets no covariance, which would be too large
_BATCH_BYTES = 2e6  # of one reading's inputs: matrices of many pictures are multiplied faster


@dataclass(frozen=True, slots=True)
class InputStatistics:
    """What a convolution reads, over the calibration pictures.

    Attributes:
        mean: ``(groups, inputs)``, over all positions.
        covariance: ``(groups, inputs, inputs)``, over some positions; None where it would be too large.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Activations:
    """What the calibration pictures showed of a model's tensors.

    Attributes:
        ranges: the least and the largest value of each float tensor, by its number.
        readings: per reading of an input what was read.
    """

    ranges: dict[int, tuple[float, float]]
    readings: dict[Reading, InputStatistics] = field(repr=False)


def measure_activations(
    content: bytes,
    tensors: Sequence[NDArray[np.float32]],
    readings: Iterable[Reading],
    report: Callable[[float], None] = lambda _share: None,
) -> Activations:
    """Run a float model on pictures.

    Args:
        content: the ``.tflite`` file.
        tensors: its inputs, one after another; at least one.
        readings: of which means and covariances are wanted.
        report: called with the share of the pictures that is done, 0 to 1.
    """
    model = parse_model(content)
    numbers = list_activations(model)
    graph = model.subgraphs[0]
    entry = int(graph.inputs[0])
    graph.outputs = [number for number in numbers if number != entry]
    for number in numbers:
        graph.tensors[number].name = str(number)  # their own names need not differ
    interpreter = Interpreter(encode_model(model), where="float model")
    lowest = dict.fromkeys(numbers, np.inf)
    highest = dict.fromkeys(numbers, -np.inf)
    moments = {reading: _Moments(reading, len(tensors)) for reading in readings}
    for at, tensor in enumerate(tensors, 1):
        values = {int(name): value for name, value in interpreter.run(tensor).items()} | {entry: tensor}
        for number in numbers:
            lowest[number] = min(lowest[number], float(values[number].min()))
            highest[number] = max(highest[number], float(values[number].max()))
        for reading, moment in moments.items():
            moment.add(np.asarray(values[reading.tensor], np.float32))
        report(at / len(tensors))
    return Activations(
        {number: (lowest[number], highest[number]) for number in numbers},
        {reading: moment.finish() for reading, moment in moments.items()},
    )


class _Moments:
    """Sums over what one reading found in each picture."""

    def __init__(self, reading: Reading, pictures: int) -> None:
        self._reading = reading
        self._expected = pictures
        self._total: Floats | None = None
        self._pictures = 0
        self._waiting: list[Floats] = []
        self._waiting_bytes = 0
        self._centre: Floats | None = None
        self._positions = 0
        self._few: Any = 0.0
        self._squares: Any = 0.0

    def add(self, values: Floats) -> None:
        """Add the values ``(batch, rows, columns, channels)`` of a picture."""
        if self._total is None:
            self._total = np.zeros_like(values[0])
        for part in values:
            self._total += part
        self._pictures += len(values)
        rows, columns = self._reading.kernel
        inputs = rows * columns * values.shape[-1] // self._reading.groups
        if inputs > _WIDEST:
            return
        # Covariances are the same about any point; about 0, inputs that hardly vary would drown in rounding.
        if self._centre is None:
            self._centre = values.mean(axis=(0, 1, 2))
        samples = max(_SAMPLES_PER_INPUT * inputs, _FEWEST_SAMPLES)
        positions = min(-(-samples // self._expected), _POSITIONS)
        self._waiting.append(_read_positions(self._reading, values, positions) - self._centre)
        self._waiting_bytes += self._waiting[-1].nbytes
        if self._waiting_bytes > _BATCH_BYTES:
            self._multiply()

    def finish(self) -> InputStatistics:
        """Return the statistics of all pictures."""
        if self._total is None:
            raise AssertionError("no picture")  # the caller has at least one
        mean = _average_reads(self._reading, np.asarray(self._total, np.float64) / self._pictures)
        if self._waiting:
            self._multiply()
        if self._positions == 0:
            return InputStatistics(mean, None)
        few, squares = (
            np.asarray(total, np.float64) / self._positions for total in (self._few, self._squares)
        )
        return InputStatistics(mean, squares - few[:, :, np.newaxis] * few[:, np.newaxis])

    def _multiply(self) -> None:
        """Add the positions that wait to the sums."""
        found = np.concatenate(self._waiting)  # (positions, kernel, channels)
        self._waiting, self._waiting_bytes = [], 0
        groups = self._reading.groups
        self._positions += len(found)
        if groups == 1:
            flat = found.reshape(len(found), -1)
            squares, few = (flat.T @ flat)[np.newaxis], flat.sum(axis=0)[np.newaxis]
        else:
            parted = found.reshape(*found.shape[:2], groups, -1).transpose(2, 1, 3, 0)
            apart = np.ascontiguousarray(parted).reshape(groups, -1, len(found))
            squares, few = apart @ apart.transpose(0, 2, 1), apart.sum(axis=2)
        self._squares, self._few = self._squares + squares, self._few + few


def _read_positions(reading: Reading, values: Floats, positions: int) -> Floats:
    """Return what is read at evenly spaced positions, ``(positions, kernel, channels)``."""
    batch, height, width, channels = values.shape
    rows, columns = reading.find_places(0, height), reading.find_places(1, width)
    count = batch * len(rows) * len(columns)
    chosen = np.arange(count)
    if count > positions:
        chosen = np.linspace(0, count - 1, positions).astype(np.int64)
    picture, row, column = np.unravel_index(chosen, (batch, len(rows), len(columns)))
    row, column = rows[row][:, :, np.newaxis], columns[column][:, np.newaxis]  # (positions, kernel)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    places = (picture[:, np.newaxis, np.newaxis] * height + row.clip(0, height - 1)) * width
    places = (places + column.clip(0, width - 1)).reshape(len(chosen), -1)
    found: Floats = values.reshape(-1, channels)[places]
    if not inside.all():
        found[~inside.reshape(len(chosen), -1)] = 0.0
    return found


def _average_reads(reading: Reading, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over all positions of each value that is read, ``(groups, inputs)``."""
    shares = []
    for axis, size in enumerate(values.shape[:2]):
        places = reading.find_places(axis, size)
        shares.append((places[..., np.newaxis] == np.arange(size)).mean(axis=0))  # (kernel, size)
    found = np.einsum("rh,hwc,kw->rkc", shares[0], values, shares[1], optimize=True)
    groups = reading.groups
    parted = found.reshape(-1, groups, values.shape[-1] // groups)
    return np.asarray(parted.transpose(1, 0, 2).reshape(groups, -1), np.float64)

"""Define what a source model offers once it is loaded, and the error where nothing tells how it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


class ReadingError(Exception):
    """Neither the model's own ops nor a flag tells how it is run; the text is a clause without the file."""


class Scaling(NamedTuple):
    """Mean and divisor of pixels, one number or one per channel, and what says them."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str


class Session(Protocol):
    """A source model, loaded once."""

    @property
    def input(self) -> str:
        """The tensor that pictures are fed to."""

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """Of the input, None for each open size; None where even the rank is open."""

    @property
    def dtype(self) -> str:
        """TensorFlow's name of the input's numbers."""

    @property
    def stated(self) -> Scaling | None:
        """How pixels are scaled by what the file says beside its ops; None if it says nothing."""

    @property
    def takes_files(self) -> bool:
        """Whether the model decodes pictures itself; then decoded pixels are fed as they are."""

    @property
    def takes_bytes(self) -> bool:
        """Whether the numbers that are fed are kept in 8 bits, so that pixels come as whole ones."""

    @property
    def output(self) -> str:
        """The tensor of the answer."""

    @property
    def output_op(self) -> str:
        """The op that makes the answer's numbers, by its name in TensorFlow."""

    @property
    def names(self) -> Iterable[str]:
        """The names of all nodes."""

    @property
    def first_layer_layout(self) -> str | None:
        """The layout that the first convolution after the input is made for; None if there is none."""

    def run(self, batch: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the output for one picture, ``(labels,)``."""

    def run_to_first_layer(self, batch: NDArray[np.generic]) -> NDArray[np.float64] | None:
        """Return what the first layer reads of a batch; None if there is no first layer."""

    def try_sides(self, batch: NDArray[np.generic]) -> str:
        """Set further inputs so that the model classifies, and say what was set."""

    def close(self) -> None:
        """Free the model."""

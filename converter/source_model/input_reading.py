"""Find how a source model takes pictures: by trying its own ops, by the user's flags, by what is published.

No op is read for what it means: constant pictures are fed, and what arrives at the first layer tells scaling
and order of the channels.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from converter.source_model.feed import Feed, ResizeRule
from converter.source_model.published import look_up, recognise_caffe
from converter.source_model.session import ReadingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.source_model.model_file import ModelFile
    from converter.source_model.request import SourceFlags
    from converter.source_model.session import Session

    Layout = Literal["NHWC", "NCHW"]

_CHANNELS = (1, 3, 4)
_STEP = 64.0  # of a channel in trials; exact in any float format
# A network computes with numbers of order 1: so wide a range do its pixels get at its first layer.
_RANGE = (0.5, 16.0)
_DARK = 0.05  # of these numbers
_LEAST_SHARE, _STEEP = 0.2, 2.5  # a mean of shares of 255, and 1 by their largest standard deviation
_RULES: dict[str, ResizeRule] = {
    "bilinear_tf1": "bilinear of TensorFlow 1",
    "bilinear": "bilinear",
    "area": "area",
}


class Entry(NamedTuple):
    """What arrives at the first layer of channel ``c``: ``pixel * factor[c] + offset[c]``."""

    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def is_untouched(self) -> bool:
        """Whether numbers arrive as they were fed."""
        return bool(np.allclose(self.factor, 1, atol=1e-4) and np.allclose(self.offset, 0, atol=1e-3))


def read_feed(
    path: Path, model: ModelFile | None, session: Session, flags: SourceFlags
) -> tuple[Feed, dict[str, str]]:
    """Return how pictures are fed to a model, and where each fact comes from.

    Raises:
        ReadingError: something is told by nothing.
    """
    if session.takes_files:
        facts = {"input": f"{session.input}: the model decodes, resizes and scales pictures itself"}
        return Feed(0, 0, "bilinear", "NHWC", "RGB", (0.0,), (1.0,), "uint8", raw=True), facts
    record = _read_record(path)
    layout, count = _find_layout(session, flags)
    height, width = _find_size(session, flags, layout, record)
    shape = session.shape or (None, None, None, None)
    blank = Feed(
        height,
        width,
        _find_resize(model, session, record),
        layout,
        {1: "GREY", 3: "RGB", 4: "RGBA"}[count],
        (0.0,),
        (1.0,),
        session.dtype,
        shape[0] or 1 if len(shape) == 4 else 1,
        len(shape),
    )
    entry = _try_entry(session, blank, count)
    mean, std, source = _find_scaling(session, flags, record, entry, blank)
    channels, told = _find_order(flags, count, entry, mean, std)
    facts = {
        "input": f"{session.input}: {height} x {width} px, {layout}, {session.dtype}",
        "channels": f"{channels} ({told})",
        "scaling": f"(pixel - {_join(mean)}) / {_join(std)} ({source})",
        "resize": blank.resize,
    }
    return (
        Feed(
            height,
            width,
            blank.resize,
            layout,
            channels,
            mean,
            std,
            session.dtype,
            blank.batch,
            blank.rank,
            takes_bytes=session.takes_bytes,
        ),
        facts,
    )


def _find_layout(session: Session, flags: SourceFlags) -> tuple[Layout, int]:
    """Return where the channels stand, and how many they are: as declared, else what the graph runs with."""
    shape = session.shape
    if shape is not None and len(shape) in {3, 4}:
        first, last = shape[-3], shape[-1]
        if last in _CHANNELS and first not in _CHANNELS:
            return "NHWC", int(last or 0)
        if first in _CHANNELS and last not in _CHANNELS:
            return "NCHW", int(first or 0)
    height, width = flags.height or 64, flags.width or 64
    for layout, count in ((layout, count) for layout in ("NHWC", "NCHW") for count in (3, 1, 4)):
        picture = (height, width, count) if layout == "NHWC" else (count, height, width)
        batch = np.zeros((1, *picture), session.dtype)
        try:
            read = session.run_to_first_layer(batch)
            session.run(batch)
        except Exception:  # noqa: BLE001, S112 - whatever TensorFlow says of a shape that does not fit
            continue
        if read is not None:
            return layout, count  # type: ignore[return-value]  # one of the two above
    raise ReadingError(f"input {session.input} is of shape {shape}, in which no dimension is the channels")


def _find_size(
    session: Session, flags: SourceFlags, layout: Layout, record: dict[str, Any] | None
) -> tuple[int, int]:
    shape = session.shape or (None, None, None, None)
    height, width = shape[-3:-1] if layout == "NHWC" else shape[-2:]
    side = record["size_px"] if record else None
    height, width = height or flags.height or side, width or flags.width or side
    if not height or not width:
        raise ReadingError("its size is open; give --input-height and --input-width")
    return int(height), int(width)


def _find_resize(model: ModelFile | None, session: Session, record: dict[str, Any] | None) -> ResizeRule:
    if record:
        return _RULES[record["resize"]]
    known = look_up(session.names)
    if known is not None and known.is_of_tensorflow_1:
        return "bilinear of TensorFlow 1"
    return "bilinear" if model is None or model.is_traced else "bilinear of TensorFlow 1"


def _try_entry(session: Session, blank: Feed, count: int) -> Entry | None:
    """Feed pictures of one colour; return what the first layer reads of them, None if that is not affine."""
    black = _try_colour(session, blank, [0.0] * count)
    if black is None or black.size != count:
        return None
    factor, offset = np.zeros(count), np.zeros(count)
    for channel in range(count):
        colour = [0.0] * count
        colour[channel] = _STEP
        once = _try_colour(session, blank, colour)
        colour[channel] = 2 * _STEP
        twice = _try_colour(session, blank, colour)
        if once is None or twice is None:
            return None
        rises = (once - black) / _STEP
        reached = np.flatnonzero(rises)
        if len(reached) != 1 or not np.allclose(twice - once, once - black, rtol=1e-3, atol=1e-6):
            return None
        factor[channel], offset[channel] = rises[reached[0]], black[reached[0]]
    return Entry(factor, offset)


def _try_colour(session: Session, blank: Feed, colour: list[float]) -> NDArray[np.float64] | None:
    """Return the colour that the first layer reads in the middle of a picture of one colour."""
    picture = np.broadcast_to(np.array(colour), (blank.height, blank.width, len(colour)))
    if blank.layout == "NCHW":
        picture = picture.transpose(2, 0, 1)
    batch = picture if blank.rank == 3 else np.broadcast_to(picture, (blank.batch, *picture.shape))
    try:
        read = session.run_to_first_layer(np.ascontiguousarray(batch, session.dtype))
    except Exception:  # noqa: BLE001 - what lies before the first layer does not run for itself
        return None
    if read is not None and read.ndim == 2:  # a product of matrices, with a pixel in each row
        return np.asarray(read[len(read) // 2])
    if read is None or read.ndim != 4:
        return None
    if session.first_layer_layout == "NCHW":
        read = read.transpose(0, 2, 3, 1)
    return np.asarray(read[0, read.shape[1] // 2, read.shape[2] // 2])


def _find_scaling(
    session: Session, flags: SourceFlags, record: dict[str, Any] | None, entry: Entry | None, blank: Feed
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    if flags.mean is not None and flags.std is not None:
        return flags.mean, flags.std, "flags"
    if record:
        return tuple(record["mean"]), tuple(record["std"]), "the record that training wrote"
    if session.stated is not None:
        return session.stated
    if "int" in session.dtype:
        if entry is not None and "8" not in session.dtype and (255 * abs(entry.factor) < _DARK).all():
            raise ReadingError(f"bytes would be all but black in its input of {session.dtype}")
        return (0.0,), (1.0,), "an input of whole numbers takes bytes"
    if entry is not None and entry.is_untouched:
        if (known := look_up(session.names)) is not None:
            return known.mean, known.std, known.source
    elif (base := _find_base(entry) if entry is not None else _try_bases(session, blank)) is not None:
        return (0.0,), (base,), "tried: its own ops do the rest"
    raise ReadingError(
        "how its pixels were scaled is told neither by its own ops nor by what is published of a network;"
        " give --input-mean and --input-std as in training"
    )


def _find_base(entry: Entry) -> float | None:
    """Return what bytes are divided by before they enter: 1 or 255; None if the graph does not show it."""
    if not entry.factor.all():
        return None
    zero = -entry.offset / entry.factor  # the pixel that the network sees as 0 lies within a picture's range
    if (zero > 1.5).all():
        return 1.0
    if (entry.factor < 0).any():  # turned round: white is 0
        return 255.0 if np.allclose(zero, 1) and (entry.factor < 0).all() else None
    if ((zero >= _LEAST_SHARE) & (zero <= 1 - _LEAST_SHARE)).all():
        # a batch normalisation of numbers from -1 to 1 may have such means too, but wider divisors
        alike = np.ptp(entry.factor) <= 1e-3 * entry.factor.max()
        return 255.0 if alike or (entry.factor >= _STEEP).all() else None
    if zero.any():  # below black, or so near to it that it may be the mean of numbers from -1 to 1
        return None
    becomes_bytes = np.allclose(entry.factor, 255, rtol=1e-3)
    spans = {base: 255 * entry.factor / base for base in (1.0, 255.0)}
    fits = [base for base, span in spans.items() if ((span >= _RANGE[0]) & (span <= _RANGE[1])).all()]
    return 255.0 if becomes_bytes else next(iter(fits), None)


def _try_bases(session: Session, blank: Feed) -> float | None:
    """Return the base by how far black and white are apart at the first layer, where colours are mixed."""
    count = {"GREY": 1, "RGB": 3, "RGBA": 4}[blank.channels]
    black, share, white = (_try_colour(session, blank, [level] * count) for level in (0.0, 1.0, 255.0))
    if black is None or share is None or white is None:
        return None
    apart = {1.0: float(abs(white - black).max()), 255.0: float(abs(share - black).max())}
    if abs(apart[1.0] - 255.0) < 1.0:  # as they were fed
        return None
    fits = [base for base, span in apart.items() if _RANGE[0] <= span <= _RANGE[1]]
    if not fits or (fits[0] == 255.0 and not np.isclose(255 * apart[255.0], apart[1.0], rtol=1e-3)):
        return None  # or bent, so that shares fit by chance
    return fits[0]


def _find_order(
    flags: SourceFlags,
    count: int,
    entry: Entry | None,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> tuple[str, str]:
    if count == 1:
        return "GREY", "one channel"
    if flags.colour_order:
        return flags.colour_order, "flag"
    if count == 4:
        raise ReadingError("its fourth channel is told by nothing; give --input-colour-order")
    means = np.asarray(mean, np.float64)
    if entry is not None:
        means = means - np.asarray(std) * entry.offset / entry.factor
    if (found := recognise_caffe(tuple(float(value) for value in np.atleast_1d(means)))) is not None:
        return found, "the order of Caffe's means"
    return "RGB", "as TensorFlow decodes"


def _read_record(path: Path) -> dict[str, Any] | None:
    """Return what ``retrain`` wrote beside its graph about the pictures that it trained on, if it did."""
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        found = record["input"]
        return found if {"size_px", "resize", "mean", "std"} <= found.keys() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _join(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:g}" for value in dict.fromkeys(values))

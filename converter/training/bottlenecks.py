"""Compute bottlenecks, a frozen network's activations for each picture, and cache them on disk.

An entry's name is a hash over the picture's bytes, the network's weights, the preprocessing and the
augmentation, so an entry can be missing but never stale. It is written under another name and renamed, so
that a kill leaves no incomplete entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.data.mask_values import find_unknown
from converter.tensorflow_import import tensorflow
from converter.training.augment import INSPECTION, Augmentation, augment, augment_mask
from edge_node.errors import DatasetError
from edge_node.inference.resize import resize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.architectures.backbones import Backbone, InputRule
    from converter.data.dataset import Sample

BATCH = 32  # pictures; 64 are no faster on two cores, 16 are 5 % slower
_LEAST_KNOWN = 0.5  # share of a position that somebody labelled, to be trained on
_READERS = 2  # threads that decode and augment while the network computes


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of every picture: unchanged, or one draw of the augmentation.

    Attributes:
        copy: 0 is the unchanged picture; other numbers are different draws of the augmentation.
        augmentation: the limits of draws; not used for copy 0.
        seed: of the draws.
    """

    copy: int = 0
    augmentation: Augmentation = INSPECTION
    seed: int = 0

    @property
    def key(self) -> str:
        """A text that is different for every variant; part of an entry's name."""
        return "as it is" if self.copy == 0 else repr(self)


@dataclass(frozen=True)
class Extractor:
    """The frozen part of a network.

    Attributes:
        model: Keras model from the preprocessed input to the activations that are kept.
        input: its preprocessing.
        key: a text that is different for every network, layer and pooling; part of an entry's name.
        pooled: the mean over positions is kept instead of the map.
    """

    model: Any
    input: InputRule
    key: str
    pooled: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one picture's activations."""
        shape = tuple(int(size) for size in self.model.output_shape[1:])
        return shape[-1:] if self.pooled else shape

    @cached_property
    def run(self) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
        """Function from RGB pictures, uint8 ``(n, size, size, 3)``, to activations; traced once."""
        tf = tensorflow()

        mean, std = tf.constant(self.input.mean, tf.float32), tf.constant(self.input.std, tf.float32)

        def activations(pictures: Any) -> Any:
            real = (tf.cast(pictures, tf.float32) - mean) / std
            maps = self.model(real, training=False)
            return tf.reduce_mean(maps, (1, 2)) if self.pooled else maps

        size = self.input.size_px
        graph = tf.function(activations, input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)])
        return lambda pictures: np.asarray(graph(pictures))


def make_extractor(backbone: Backbone, *, layer: str | None = None, pooled: bool = False) -> Extractor:
    """Return the extractor of a backbone's activations at ``layer``, or at its end."""
    tf = tensorflow()

    model = backbone.model
    if layer is not None:
        model = tf.keras.Model(model.input, model.get_layer(layer).output)
    key = f"{backbone.weights_sha256} {backbone.input} {layer} {pooled}"
    return Extractor(model, backbone.input, key, pooled)


def compute(  # noqa: PLR0913 - the pictures, and where they are kept
    samples: Sequence[Sample],
    by: Extractor,
    variants: Sequence[Variant],
    *,
    cache: Path | None = None,
    progress: Callable[[int], None] = lambda _done: None,
    into: Path | None = None,
) -> NDArray[np.float16]:
    """Compute or read the activations of every variant of every picture.

    Args:
        samples: the pictures.
        by: the frozen part of the network.
        variants: of each picture.
        cache: folder of the entries; None caches nothing.
        progress: called after each batch with the number of further activations that are done.
        into: file that the result is written to and mapped from; None keeps it in memory.

    Returns:
        float16 ``(variants, samples, *by.shape)``: the rounding error, 2**-11, is far below an int8 step.

    Raises:
        DatasetError: a picture cannot be read, or the cache cannot be written.
    """
    found = _make_array(into, (len(variants), len(samples), *by.shape))
    hashes = [sample.sha256 for sample in samples]
    todo = []
    for number, variant in enumerate(variants):
        for index, content in enumerate(hashes):
            entry = None if cache is None else _entry_path(cache, by, content, variant)
            kept = None if entry is None else _read_entry(entry, by.shape)
            if kept is None:
                todo.append((number, index, entry))
            else:
                found[number, index] = kept
    progress(len(variants) * len(samples) - len(todo))

    def prepare(task: tuple[int, int, Path | None]) -> NDArray[np.uint8]:
        pixels = read_variant(samples[task[1]], hashes[task[1]], variants[task[0]], by.input)
        # Reversed here, in a reader thread: in TensorFlow it takes a tenth of the network's own time.
        return np.ascontiguousarray(pixels[..., ::-1])

    with ThreadPoolExecutor(_READERS) as readers, ThreadPoolExecutor(1) as writer:
        writes: list[Future[None]] = []
        for tasks, pictures in _prefetch(readers, prepare, todo):
            for (number, index, _), values in zip(tasks, by.run(np.stack(pictures)), strict=True):
                found[number, index] = values
            for written in writes:  # of the previous batch; raises its errors
                written.result()
            writes = [
                writer.submit(_write_entry, entry, found[number, index])
                for number, index, entry in tasks
                if entry is not None
            ]
            progress(len(tasks))
        for written in writes:
            written.result()
    return found


def read_variant(sample: Sample, content: str, variant: Variant, rule: InputRule) -> NDArray[np.uint8]:
    """Return one variant of a picture at the network's size, uint8, blue, green, red.

    Args:
        sample: the picture.
        content: the hash of its bytes.
        variant: which one.
        rule: the size of the network's input and how pictures are resized.
    """
    pixels = sample.read()
    if variant.copy == 0:
        return np.asarray(resize(pixels, rule.size_px, rule.size_px, rule.resize), np.uint8)
    return augment(pixels, rule.size_px, variant.augmentation, _make_rng(content, variant))


def read_mask_variant(sample: Sample, variant: Variant, side: int) -> NDArray[np.float32] | None:
    """Return the corroded share of each position of a map for one variant of a picture.

    Args:
        sample: with or without a mask.
        variant: the mask gets the geometry that ``read_variant`` gives the picture.
        side: rows and columns of the map.

    Returns:
        float32 ``(side, side)``, 0 to 1, negative where less than half of a position's pixels are known; or
        None where the sample has no mask.
    """
    pixels = sample.read()
    mask = sample.read_mask(pixels.shape)
    if mask is None:
        return None
    unknown = find_unknown(mask)
    if not unknown.any():
        return _shrink_mask(mask, sample, variant, side)
    known = _shrink_mask((~unknown).astype(np.uint8) * np.uint8(255), sample, variant, side)
    corroded = _shrink_mask(np.where(unknown, 0, mask).astype(np.uint8), sample, variant, side)
    share = np.clip(corroded / np.maximum(known, _LEAST_KNOWN), 0.0, 1.0)
    return np.where(known >= _LEAST_KNOWN, share, -1.0).astype(np.float32)


def _shrink_mask(mask: NDArray[np.uint8], sample: Sample, variant: Variant, side: int) -> NDArray[np.float32]:
    """Return the mean of each position of a mask, 0 to 1, in the geometry of a variant."""
    import cv2

    if variant.copy != 0:
        size_px = side * 32
        mask = augment_mask(mask, size_px, variant.augmentation, _make_rng(sample.sha256, variant))
    share = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(share / np.float32(255), np.float32)


def _make_rng(content: str, variant: Variant) -> np.random.Generator:
    """Return the random generator of one draw, seeded by the picture's content, not its order or path."""
    return np.random.default_rng([int(content[:16], 16), variant.copy, variant.seed])


def _prefetch(
    readers: ThreadPoolExecutor, prepare: Callable[[Any], NDArray[np.uint8]], tasks: Iterable[Any]
) -> Iterator[tuple[list[Any], list[NDArray[np.uint8]]]]:
    """Yield batches of prepared pictures while the reader threads prepare the next batch."""
    remaining = iter(tasks)

    def start() -> tuple[list[Any], list[Any]]:
        batch = list(islice(remaining, BATCH))
        return batch, [readers.submit(prepare, task) for task in batch]

    batch, futures = start()
    while batch:
        following = start()
        yield batch, [future.result() for future in futures]
        batch, futures = following


def _entry_path(cache: Path, by: Extractor, content: str, variant: Variant) -> Path:
    digest = hashlib.sha256(f"{content} {by.key} {variant.key}".encode()).hexdigest()
    return cache / digest[:2] / f"{digest}.npy"


def _make_array(into: Path | None, shape: tuple[int, ...]) -> NDArray[np.float16]:
    """Return an array of any values, in memory or mapped from a new file."""
    if into is None:
        return np.empty(shape, np.float16)
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        return np.lib.format.open_memmap(into, "w+", np.float16, shape)
    except OSError as err:
        raise DatasetError(f"{into}: cannot be written ({err.strerror or err})") from err


def _read_entry(entry: Path, shape: tuple[int, ...]) -> NDArray[np.float16] | None:
    """Read an entry; None if it is missing or damaged."""
    try:
        values = np.load(io.BytesIO(entry.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values if values.shape == shape and values.dtype == np.float16 else None


def _write_entry(entry: Path, values: NDArray[np.float16]) -> None:
    temporary = entry.with_suffix(f".{os.getpid()}.part")
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)
        temporary.replace(entry)
    except OSError as err:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise DatasetError(f"{entry.parent.parent}: cannot keep bottlenecks ({err.strerror or err})") from err

"""``python -m converter.source_model.worker FOLDER PARENT``: answer the request that lies in a folder.

``converter.proof.source_process`` starts it. It takes nothing from the converter but this package.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.child_process import end_with_parent, peak_memory_mb
from converter.source_model.answers import find_probabilities
from converter.source_model.decoding import Pictures
from converter.source_model.feed import make_batch, resize_pixels
from converter.source_model.graph_session import GraphSession
from converter.source_model.input_reading import read_feed
from converter.source_model.lite_session import LiteSession
from converter.source_model.model_file import is_lite, load_model_file, without_rounding
from converter.source_model.request import (
    PROGRESS,
    REQUEST_NAME,
    RESULT_NAME,
    SourceAnswers,
    SourceRequest,
    SourceResult,
    SourceStage,
)
from converter.source_model.scalings import list_variants, score_scalings
from converter.source_model.session import ReadingError
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from converter.source_model.feed import Feed
    from converter.source_model.model_file import ModelFile
    from converter.source_model.session import Session

_LOADED, _DECODED = 0.1, 0.2  # of the whole, roughly
_MEASURED, _VARIANTS_ASKED = 4, 6  # pictures
_SAME_AS_ORIGINAL = 1e-4  # a probability may differ so much once functions are inlined


def main() -> int:
    """Answer the folder's request; return the exit code."""
    end_with_parent(int(sys.argv[2]))
    work = Path(sys.argv[1])
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=SourceRequest)
    started = time.perf_counter()
    tensorflow()
    _report(_LOADED)
    result = answer_request(request, work, _report)
    seconds = time.perf_counter() - started
    modules = tuple(sorted(name for name in sys.modules if name.startswith("converter.")))
    result = msgspec.structs.replace(
        result, seconds=seconds, peak_memory_mb=peak_memory_mb(), modules=modules
    )
    (work / RESULT_NAME).write_bytes(msgspec.json.encode(result))
    return 0


def answer_request(
    request: SourceRequest, work: Path, report: Callable[[float], None] = lambda _share: None
) -> SourceResult:
    """Return what every source model says of the pictures; ``work`` is a folder for their pixels."""
    pictures = Pictures(request.pictures, work)
    decoded = pictures.compare_decoders(request.compared)
    asked = [at for at, found in enumerate(decoded) if not found.unread]
    report(_DECODED)
    answers = {}
    for done, stage in enumerate(request.stages, 1):
        try:
            answers[stage.name] = _StageRun(stage, pictures, asked, request, work).answer()
        except ReadingError as err:
            answers[stage.name] = SourceAnswers(refusal=str(err))
        report(_DECODED + (1 - _DECODED) * done / len(request.stages))
    return SourceResult(stages=answers, pictures=decoded)


class _StageRun:
    """One source model, loaded and asked."""

    def __init__(
        self, stage: SourceStage, pictures: Pictures, asked: list[int], request: SourceRequest, work: Path
    ) -> None:
        self._stage, self._pictures, self._asked, self._request = stage, pictures, asked, request
        self._work = work
        path = Path(stage.graph)
        self._model: ModelFile | None = None if is_lite(path) else load_model_file(path)
        self._session: Session = (
            LiteSession(path, stage.flags) if self._model is None else GraphSession(self._model, stage.flags)
        )
        self._feed, self._facts = read_feed(path, self._model, self._session, stage.flags)
        self._rows: dict[tuple[int, Feed], NDArray[np.float64]] = {}

    def answer(self) -> SourceAnswers:
        """Ask the model about every picture.

        Raises:
            ReadingError: something about it is told by nothing.
        """
        if not self._asked:
            raise ReadingError("TensorFlow decodes none of the pictures")
        feed = self._feed
        if sides := self._session.try_sides(self._batch(self._asked[0], feed)):
            self._facts["further inputs"] = sides
        rows = np.stack([self._run(at, feed) for at in self._asked])
        probabilities, form, source = find_probabilities(rows, self._session.output_op, self._stage.labels)
        self._facts["answer"] = f"{self._session.output}: {source}"
        self._compare_with_original()
        found = SourceAnswers(
            facts=self._facts,
            height=feed.height,
            width=feed.width,
            form=form,
            probabilities=_tuples(probabilities),
            scores=score_scalings(feed, self._stage.truth, self._stage.labels, self._choose),
            fast_decoding=self._measure(probabilities, self._decode_fast),
            resized=self._keep_resized(),
            rounding=self._measure(probabilities, self._keep_fractions),
            unrounded=self._ask_unrounded(),
            variants=self._ask_variants() if self._request.variants else {},
        )
        self._session.close()
        return found

    def _batch(self, at: int, feed: Feed) -> NDArray[np.generic]:
        if feed.raw:
            return self._pictures.decoded(at)
        return make_batch(self._pictures.resized(at, feed), feed)

    def _run(self, at: int, feed: Feed) -> NDArray[np.float64]:
        if (at, feed) not in self._rows:
            self._rows[at, feed] = self._session.run(self._batch(at, feed))
        return self._rows[at, feed]

    def _choose(self, at: int, feed: Feed) -> int:
        return int(self._say(self._run(at, feed)[np.newaxis])[0].argmax())

    def _say(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return find_probabilities(rows, self._session.output_op, self._stage.labels)[0]

    def _compare_with_original(self) -> None:
        """Hold the inlined graph against the model as its framework runs it, on one picture."""
        original = self._model.original if self._model else None
        if original is None or self._stage.flags.output_layer or self._stage.flags.input_layer:
            return
        at = self._asked[0]
        said = np.asarray(original(self._batch(at, self._feed)), np.float64)
        off = np.abs(said.reshape(-1, said.shape[-1])[0] - self._run(at, self._feed)).max()
        if off > _SAME_AS_ORIGINAL * max(1.0, np.abs(said).max()):
            raise ReadingError(f"TensorFlow's own inlining changes its answer by {off:.2g}")

    def _measure(
        self, probabilities: NDArray[np.float64], prepare: Callable[[int], NDArray[np.float32]]
    ) -> float | None:
        """Return the most that other pixels move a probability; None if the model prepares them itself."""
        if self._feed.raw:
            return None
        moved = []
        for place, at in enumerate(self._asked[:_MEASURED]):
            row = self._session.run(make_batch(prepare(at), self._feed))
            moved.append(np.abs(self._say(row[np.newaxis])[0] - probabilities[place]).max())
        return float(max(moved))

    def _keep_resized(self) -> str:
        feed = self._feed
        if feed.raw or not feed.is_resized_to_bytes:
            return ""
        name = f"resized-{feed.height}-{feed.width}-{feed.resize}.npy"
        pictures = [self._pictures.resized(at, feed) for at in self._asked]
        np.save(self._work / name, np.stack(pictures).clip(0, 255).astype(np.uint8))
        return name

    def _decode_fast(self, at: int) -> NDArray[np.float32]:
        return resize_pixels(self._pictures.decoded(at, fast=True), self._feed)

    def _keep_fractions(self, at: int) -> NDArray[np.float32]:
        return resize_pixels(self._pictures.decoded(at), self._feed, fractions=True)

    def _ask_unrounded(self) -> tuple[tuple[float, ...], ...]:
        """Return what a graph trained for 8 bits says where it does not round, as no float model does."""
        model = without_rounding(self._model) if self._model else None
        if model is None:
            return ()
        self._facts["rounding"] = "its activations, by its own ops; float is held to it without that, too"
        session = GraphSession(model, self._stage.flags)
        session.try_sides(self._batch(self._asked[0], self._feed))
        rows = np.stack([session.run(self._batch(at, self._feed)) for at in self._asked])
        session.close()
        return _tuples(self._say(rows))

    def _ask_variants(self) -> dict[str, tuple[tuple[float, ...], ...]]:
        found = {}
        for name, feed in list_variants(self._feed):
            rows = np.stack([self._run(at, feed) for at in self._asked[:_VARIANTS_ASKED]])
            found[name] = _tuples(self._say(rows))
        return found


def _tuples(rows: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in rows)


def _report(share: float) -> None:
    print(f"{PROGRESS}{share:.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

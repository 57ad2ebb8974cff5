"""Prove a bundle at its source: ask TensorFlow about the original graphs, hold the node's answers to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.evaluation.float_agreement import run_model
from converter.evaluation.metrics import wilson_interval
from converter.proof.better_scaling import describe_better, find_better
from converter.proof.comparison import Comparison
from converter.proof.label_words import find_opposites
from converter.proof.likely_cause import compare_input, name_misread_output, name_variant
from converter.proof.picture_choice import choose_pictures, list_truth
from converter.proof.source_process import ask_sources
from converter.proof.source_proof import SourceProof, StageProof
from converter.source_model.decoding import hash_pixels
from converter.source_model.request import SourceFlags, SourcePicture, SourceRequest, SourceStage
from edge_node.errors import ConversionError
from edge_node.inference.engine import Engine
from edge_node.inference.probabilities import label_probabilities
from edge_node.inference.resize import resize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.evaluation.float_agreement import StageLogits
    from converter.graphs.cascade_file import CascadePlan
    from converter.graphs.scaling import GraphFlags
    from converter.proof.picture_choice import PictureSet
    from converter.proof.source_proof import Agreement
    from converter.source_model.request import DecodedPicture, SourceAnswers, SourceResult
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import Stage

_THREADS = 2
_MOST_BY_ROUNDING = 1.0  # of 255 levels: OpenCV resizes in 8 bits, TensorFlow in float
_LEAVE_OUT = "--no-source-proof converts without the proof, and the bundle then says so"
_USUAL_AGREEMENT = 0.97  # of quantized models with their source, where no budget says how much is wanted


@dataclass(frozen=True, slots=True)
class SourceSaid:
    """What the source models say, and of which pictures.

    Attributes:
        request: what they were asked.
        result: their answers.
        pictures: the set that the pictures are of.
        asked: indices in it of the compared pictures that TensorFlow decodes.
        work: folder with pixels that are not the node's.
    """

    request: SourceRequest
    result: SourceResult
    pictures: PictureSet
    asked: tuple[int, ...]
    work: Path = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The compared pictures, as they are called in messages."""
        return tuple(self.pictures.name(at) for at in self.asked)

    @property
    def decoded(self) -> Iterator[tuple[int, DecodedPicture]]:
        """Yield each compared picture's index with how it was decoded."""
        readable = (picture for picture in self.result.pictures if not picture.unread)
        return zip(self.asked, readable, strict=True)

    def pixels(self) -> Iterator[NDArray[np.uint8]]:
        """Yield what TensorFlow decoded of each compared picture: blue, green, red, as the node has it."""
        for at, picture in self.decoded:
            if picture.pixels:
                yield np.ascontiguousarray(np.load(self.work / picture.pixels)[..., ::-1])
            else:
                yield self.pictures.read(at)


def ask_about(  # noqa: PLR0913, PLR0917 - the plan, its pictures, its float models, and where it runs
    plan: CascadePlan,
    pictures: PictureSet,
    bundle: Bundle,
    logits: StageLogits,
    work: Path,
    report: Callable[[float], None] = lambda _share: None,
) -> SourceSaid:
    """Ask the source models of a plan about a choice of the pictures.

    Args:
        plan: with graphs, labels and the user's flags.
        pictures: to choose from.
        bundle: in float.
        logits: of its stages for all pictures, by which near ties are found.
        work: an empty folder that outlives the proof.
        report: takes the share that is done.
    """
    chosen, compared = choose_pictures(pictures, bundle.manifest.cascade, logits)
    request = SourceRequest(
        stages=tuple(
            SourceStage(
                name=planned.stage.name,
                graph=str(planned.graph),
                flags=_copy_flags(planned.flags),
                labels=len(planned.stage.labels),
                truth=list_truth(pictures, planned.stage.name, chosen),
            )
            for planned in plan.stages
        ),
        pictures=tuple(
            SourcePicture(
                path=str(pictures.file(at, work)),
                sha256=hash_pixels(pictures.read(at)[..., ::-1]) if place < compared else "",
            )
            for place, at in enumerate(chosen)
        ),
        compared=compared,
    )
    result = ask_sources(request, work, report)
    asked = [at for at, found in zip(chosen, result.pictures, strict=False) if not found.unread]
    return SourceSaid(request, result, pictures, tuple(asked), work)


def prove_float(said: SourceSaid, bundle: Bundle, logits: StageLogits) -> SourceProof:
    """Hold the float models to their source.

    Args:
        said: by the source.
        bundle: in float.
        logits: of its stages for all pictures; used where the node decodes the same pixels.

    Raises:
        ConversionError: something about a source is told by nothing, another scaling is clearly better, or
            both say something else of a picture.
    """
    stages, answers = [], {}
    own = _answer_in_float(said, bundle, logits)
    for stage in bundle.manifest.cascade.stages:
        found = said.result.stages[stage.name]
        if found.refusal:
            raise ConversionError(
                f"stage {stage.name}: the proof at the source: {found.refusal}; {_LEAVE_OUT}"
            )
        if opposite := find_opposites(stage.labels, stage.meanings):
            raise ConversionError(
                f"stage {stage.name}: {opposite[0]!r} and {opposite[1]!r} say opposite things, but both mean"
                " the same in the bundle; say which one is corroded with --meaning, or with meanings in the"
                " cascade file"
            )
        comparison = _compare(said, stage, own[stage.name])
        fault = comparison.find_fault()
        if fault is not None and not (
            _is_rounding(found, comparison) or _is_resizing(said, bundle, stage, comparison)
        ):
            raise ConversionError(_describe_fault(said, bundle, stage, comparison, fault))
        if (better := find_better(found.scores)) is not None:
            raise ConversionError(
                f"stage {stage.name}: {describe_better(better, found.scores)}; {_LEAVE_OUT}"
            )
        stages.append(StageProof(stage.name, comparison.summarise(), None, found.facts, found.scores))
        answers[stage.name] = comparison.source
    return SourceProof(
        proved=True,
        stages=tuple(stages),
        decoders=_describe_decoders(said.result),
        pictures=said.names,
        indices=said.asked,
        answers=answers,
        seconds=said.result.seconds,
        peak_memory_mb=said.result.peak_memory_mb,
    )


def prove_quantized(
    proof: SourceProof, said: SourceSaid, bundle: Bundle, min_agreement: float | None
) -> SourceProof:
    """Hold the finished, quantized models to their source, and return the proof of both.

    Args:
        proof: of the float models.
        said: by the source.
        bundle: finished.
        min_agreement: share of pictures, 0 to 1, that must keep their label; None: nothing was asked for.

    Raises:
        ConversionError: clearly fewer pictures than asked for keep their label.
    """
    own = _probabilities(bundle, run_model(Engine(bundle, threads=_THREADS), said.pixels()))
    stages, reasons = [], []
    for stage, proved in zip(bundle.manifest.cascade.stages, proof.stages, strict=True):
        comparison = _compare(said, stage, own[stage.name])
        agreement = comparison.summarise()
        stages.append(replace(proved, quantized=agreement))
        wanted = _USUAL_AGREEMENT if min_agreement is None else min_agreement
        if _is_clearly_below(agreement, wanted):
            worst = int(np.where(comparison.same, -1, comparison.differences).argmax())
            text = (
                f"stage {stage.name}: quantized it keeps TensorFlow's label on {agreement.clear_same} of"
                f" {agreement.clear} pictures that are no near ties, wanted {wanted:.0%};"
                f" {comparison.describe(worst)}; in float both agree: rounding to 8 bits is the cause"
            )
            if min_agreement is not None:
                raise ConversionError(f"{text}; no bundle was written")
            reasons.append(text)
    return replace(proof, proved=not reasons, reason="; ".join(reasons), stages=tuple(stages))


def _copy_flags(flags: GraphFlags) -> SourceFlags:
    return SourceFlags(
        input_layer=flags.input_layer,
        output_layer=flags.output_layer,
        height=flags.input_height,
        width=flags.input_width,
        mean=_as_tuple(flags.input_mean),
        std=_as_tuple(flags.input_std),
        colour_order=flags.input_colour_order,
    )


def _as_tuple(value: float | Sequence[float] | None) -> tuple[float, ...] | None:
    if value is None:
        return None
    return (float(value),) if isinstance(value, (int, float)) else tuple(float(part) for part in value)


def _answer_in_float(said: SourceSaid, bundle: Bundle, logits: StageLogits) -> dict[str, NDArray[np.float64]]:
    """Return probabilities of the float models for TensorFlow's pixels; those of the node's are known."""
    found = {name: rows[list(said.asked)].copy() for name, rows in logits.logits.items()}
    others = [place for place, (_, picture) in enumerate(said.decoded) if picture.pixels]
    if others:
        pixels = (
            np.load(said.work / picture.pixels)[..., ::-1] for _, picture in said.decoded if picture.pixels
        )
        again = run_model(Engine(bundle, threads=_THREADS), map(np.ascontiguousarray, pixels))
        for name, rows in again.logits.items():
            found[name][others] = rows
    stages = bundle.manifest.cascade.stages
    return {stage.name: label_probabilities(stage, found[stage.name], 1.0) for stage in stages}


def _probabilities(bundle: Bundle, logits: StageLogits) -> dict[str, NDArray[np.float64]]:
    stages = bundle.manifest.cascade.stages
    return {stage.name: label_probabilities(stage, logits.logits[stage.name], 1.0) for stage in stages}


def _compare(said: SourceSaid, stage: Stage, own: NDArray[np.float64]) -> Comparison:
    found = said.result.stages[stage.name]
    source = np.asarray(found.probabilities, np.float64)
    return Comparison(stage.labels, found.form == "independent", said.names, source, own)


def _is_clearly_below(agreement: Agreement, wanted: float) -> bool:
    if agreement.clear == 0:
        return False
    return wilson_interval(agreement.clear_same, agreement.clear).high < wanted


def _is_rounding(found: SourceAnswers, comparison: Comparison) -> bool:
    """Return whether both agree where the source's own rounding to 8 bits is left out."""
    if not found.unrounded:
        return False
    return replace(comparison, source=np.asarray(found.unrounded, np.float64)).find_fault() is None


def _is_resizing(said: SourceSaid, bundle: Bundle, stage: Stage, comparison: Comparison) -> bool:
    """Return whether the rounding of resized pixels is all that differs.

    Then both agree on the pictures that TensorFlow resized, and the node's own are at most a level away.
    """
    found, given = said.result.stages[stage.name], bundle.manifest.model(stage.model).input
    _, height, width, _ = given.shape
    if not found.resized or (height, width) != (found.height, found.width):
        return False
    pictures = np.load(said.work / found.resized)[..., ::-1]
    for pixels, wanted in zip(said.pixels(), pictures, strict=True):
        own = resize(pixels, height, width, given.resize, real=given.dtype == "float32")
        if np.abs(own.astype(np.float32) - wanted).max() > _MOST_BY_ROUNDING:
            return False
    again = run_model(Engine(bundle, threads=_THREADS), map(np.ascontiguousarray, pictures))
    own = label_probabilities(stage, again.logits[stage.name], 1.0)
    return replace(comparison, bundle=own).find_fault() is None


def _describe_fault(
    said: SourceSaid, bundle: Bundle, stage: Stage, comparison: Comparison, fault: int
) -> str:
    cause = _find_cause(said, bundle, stage, comparison)
    return (
        f"stage {stage.name}: the bundle does not say what its source says: {comparison.describe(fault)};"
        f" {cause}; no bundle was written"
    )


def _find_cause(said: SourceSaid, bundle: Bundle, stage: Stage, comparison: Comparison) -> str:
    found = said.result.stages[stage.name]
    given = bundle.manifest.model(stage.model).input
    facts = "; ".join(f"{name}: {text}" for name, text in found.facts.items())
    if (text := compare_input(found, given)) is not None:
        return f"likely cause: {text} (the source by its own ops: {facts})"
    if (text := name_misread_output(comparison.source, comparison.bundle)) is not None:
        return f"likely cause: {text}"
    stages = tuple(each for each in said.request.stages if each.name == stage.name)
    asked = SourceRequest(
        stages=stages, pictures=said.request.pictures, compared=said.request.compared, variants=True
    )
    folder = said.work / "variants"
    folder.mkdir(exist_ok=True)
    variants = found.variants or ask_sources(asked, folder).stages[stage.name].variants
    if (text := name_variant(variants, comparison.bundle)) is not None:
        return f"likely cause: the bundle takes {text}, the source does not ({facts})"
    return (
        f"no other reading of its input or output makes them agree (the source by its own ops: {facts};"
        f" the bundle: {given.shape[1]} x {given.shape[2]} px, {given.colour_order},"
        f" (pixel - {given.mean}) / {given.std}, {given.resize.value})"
    )


def _describe_decoders(result: SourceResult) -> str:
    read = [picture for picture in result.pictures if not picture.unread]
    other = sum(bool(picture.pixels) for picture in read)
    text = f"TensorFlow decodes {len(read) - other} of {len(read)} pictures to the node's pixels"
    measured = [picture for picture in read if picture.worst_levels is not None]
    if measured:
        worst = max(picture.worst_levels or 0.0 for picture in measured)
        mean = float(np.mean([picture.mean_levels or 0.0 for picture in measured]))
        text += f"; its faster default for JPEG is off by {mean:.1f} levels on average, {worst:.0f} at most"
    stages = result.stages.values()
    for what, moved in (
        ("that decoder", [found.fast_decoding for found in stages] if measured else []),
        ("rounding of resized pixels to bytes", [found.rounding for found in stages]),
    ):
        if most := max((value for value in moved if value is not None), default=0.0):
            text += f"; {what} moves a probability by {most:.4f} at most"
    if unread := [picture for picture in result.pictures if picture.unread]:
        text += f"; {len(unread)} pictures that it does not decode were left out ({unread[0].unread})"
    return text

"""Write a bundle's MODEL_CARD.md, tables and plots, from its manifest and from evaluations of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from converter.charts import draw_risk_coverage, draw_shares
from converter.data.attribution import ATTRIBUTION_NAME
from converter.data.dataset import CORRODED
from converter.evaluation.evaluation import Evaluation
from converter.evaluation.metrics import decimal, percent
from converter.evaluation.stress import tabulate_stress
from converter.runs.left_out_tables import describe_left_out
from converter.text_table import format_markdown
from edge_node.errors import DatasetError
from edge_node.inference.stated_risk import describe_risk, read_risk
from edge_node.messages.plain_text import counted
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from converter.evaluation.evaluation import Figures, SourceFigures
    from converter.evaluation.stress import StressFigures, StressTable
    from converter.risk.record import LeftOutRecord
    from converter.runs.run_record import RunRecord
    from edge_node.inference.manifest import Manifest, Stage
    from edge_node.inference.stated_risk import StatedRisk

CARD_NAME = "MODEL_CARD.md"
STRESS_NAME = "worse-pictures.svg"
RISK_NAME = "risk-and-coverage.svg"
_MAX_BYTES = 16 * 1024 * 1024
# Keys whose null means that there is none, not that there is no number.
_MAY_BE_ABSENT = {"detection", "between_materials", "stress", "grey", "positive"}
_COPIED = ("## Licences", "## Sources")  # parts of the attribution that the card repeats


@dataclass(frozen=True, slots=True)
class CardParts:
    """What a card is made of.

    Attributes:
        manifest: of the bundle.
        attribution: text of its ATTRIBUTION.md; empty without one.
        evaluations: each with the name that the card calls its pictures by; the first says how answers fall
            and where it is surest and wrong.
        runs: records of its training.
        words: what a person says of the bundle, in Markdown; empty for nothing.
        left_out: what was measured on whole sources that members of the training had not seen, or None.
    """

    manifest: Manifest
    attribution: str
    evaluations: tuple[tuple[str, Evaluation], ...]
    runs: tuple[RunRecord, ...] = ()
    words: str = ""
    left_out: LeftOutRecord | None = None


def read_evaluation(path: Path) -> Evaluation:
    """Read what ``converter evaluate --json`` wrote.

    Raises:
        DatasetError: it cannot be read, or is something else.
    """
    try:
        content = msgspec.json.decode(read_bounded(path, _MAX_BYTES))
        return msgspec.convert(_restore_nan(content), Evaluation)
    except (TextFileError, msgspec.DecodeError) as err:
        raise DatasetError(f"{path}: not what `converter evaluate --json` writes ({err})") from err


def make_card(parts: CardParts) -> dict[str, bytes]:
    """Return the card and its pictures, by file name; equal parts give equal bytes."""
    stressed = next((one.stress for _, one in parts.evaluations if one.stress is not None), None)
    curves = list(_list_curves(parts))
    risk = read_risk(parts.manifest) or (parts.left_out.risk if parts.left_out is not None else None)
    lines = [
        *_introduce(parts.manifest),
        *([parts.words.strip(), ""] if parts.words.strip() else []),
        *_describe_stages(parts.manifest),
        *_describe_training(parts),
        *_describe_measurements(parts.evaluations),
        *(_describe_risk(risk, has_plot=bool(curves)) if curves or risk is not None else []),
        *(describe_left_out(parts.left_out) if parts.left_out is not None else []),
        *(_describe_stress(stressed) if stressed is not None else []),
        *_describe_mistakes(parts.evaluations),
        *_describe_conversion(parts.manifest),
    ]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    files = {CARD_NAME: (text.rstrip() + "\n").encode()}
    if curves:
        files[RISK_NAME] = draw_risk_coverage(curves).encode()
    if stressed is not None:
        files[STRESS_NAME] = draw_shares(_choose_table(stressed).bars).encode()
    return files


def _restore_nan(content: Any, key: str = "") -> Any:
    """Return decoded JSON with NaN where it was written as null: JSON has no NaN."""
    if isinstance(content, dict):
        return {name: _restore_nan(value, name) for name, value in content.items()}
    if isinstance(content, list):
        return [_restore_nan(value, key) for value in content]
    return math.nan if content is None and key not in _MAY_BE_ABSENT else content


def _introduce(manifest: Manifest) -> Iterator[str]:
    size = sum(model.size_bytes for model in manifest.models)
    yield from (f"# {manifest.name} {manifest.version}", "")
    models = counted(len(manifest.models), "model")
    yield f"{models} of {size / 1e6:.1f} MB ({manifest.models[0].quantization}) for"
    yield f"{counted(len(manifest.cascade.stages), 'stage')}, made on {manifest.created[:10]}."
    yield from ("", f"- **Intended use:** {manifest.intended_use}", f"- **Licence:** {manifest.licence}")
    yield f"- **Backbone:** {manifest.backbone or 'not stated'}"
    grey = "judged" if manifest.colourless == "measured" else "refused: the models miss corrosion in them"
    yield from (f"- **Pictures without colour:** {grey}", "")


def _describe_stages(manifest: Manifest) -> Iterator[str]:
    yield from ("## Stages", "", f"The first is `{manifest.cascade.root}`.", "")
    heads = ("stage", "labels", "leads to", "no answer below", "a map")
    yield from format_markdown(heads, [_stage_cells(stage) for stage in manifest.cascade.stages])
    yield ""


def _stage_cells(stage: Stage) -> list[str]:
    leads = [f"{label} -> {target}" for label, target in stage.routes.items()]
    leads += [f"no answer -> {stage.otherwise}"] if stage.otherwise else []
    labels = ", ".join(stage.labels)
    if len(stage.labels) == 2 and stage.decision_threshold != 0.5:
        labels += f" ({stage.labels[0]} from {stage.decision_threshold:.2f} on)"
    below = f"{stage.abstain_below:.2f}" if stage.abstain_below else "always answers"
    return [stage.name, labels, ", ".join(leads), below, "yes" if stage.map else "no"]


def _describe_training(parts: CardParts) -> Iterator[str]:
    yield from ("## Training", "")
    for run in parts.runs:
        words = (Path(word).name if word.startswith("/") else word for word in run.command)
        yield f"`converter {' '.join(words)}` trained on {run.pictures} pictures"
        yield from (f"in {run.seconds / 60:.0f} minutes, at most {run.steps} steps a training.", "")
    if not parts.attribution:
        yield from ("The bundle does not say what it was trained on.", "")
        return
    yield from (f"All pictures with their authors: [{ATTRIBUTION_NAME}]({ATTRIBUTION_NAME}).", "")
    for heading in _COPIED:
        yield from _copy_part(parts.attribution, heading)


def _copy_part(text: str, heading: str) -> Iterator[str]:
    """Yield a part of the attribution one level lower, up to its next heading."""
    inside = False
    for line in text.splitlines():
        if line.startswith(("# ", "## ")):
            inside = line == heading
            line = f"#{line}"  # noqa: PLW2901  # one level lower
        if inside:
            yield line
    yield ""


def _describe_measurements(evaluations: Sequence[tuple[str, Evaluation]]) -> Iterator[str]:
    if not evaluations:
        return
    yield from ("## Measured", "")
    yield "The node's own engine judged each picture, without the node's checks of light and sharpness, which"
    yield "worse pictures below went through. A picture without an answer counts as not right;"
    yield from ('"right of decided" leaves it out. Intervals are of 95 %, over groups of one specimen.', "")
    for name, found in evaluations:
        yield from (f"### {name}", "", f"{found.pictures} pictures.", "")
        heads = ("question", "pictures", "groups", "right", "95 %", "no answer", "right of decided", "found")
        yield from format_markdown(heads, [_figure_cells(one) for one in found.figures])
        yield ""
        whole = [one for one in found.figures if one.detection is not None][:1] or list(found.figures[:1])
        for one in whole:
            yield from _describe_parts(f"By source, {one.question}", "source", one.sources)
            yield from _describe_parts(f"By licence, {one.question}", "licence", one.licences)
        if found.maps:
            yield from format_markdown(
                ("maps against masks", "pictures", "pixel AUROC", "IoU", "mean error of the area"),
                [
                    [m.source, str(m.pictures), decimal(m.pixel_auroc), decimal(m.iou), percent(m.area_error)]
                    for m in found.maps
                ],
            )
            yield ""


def _describe_parts(title: str, head: str, parts: Sequence[SourceFigures]) -> Iterator[str]:
    if not parts:
        return
    yield from (title, "")
    yield from format_markdown(
        (head, "pictures", "right", "no answer", "right of decided"),
        [
            [
                p.source,
                str(p.pictures),
                percent(p.accuracy),
                percent(p.abstained),
                percent(p.accuracy_decided),
            ]
            for p in parts
        ],
    )
    yield ""


def _figure_cells(one: Figures) -> list[str]:
    found = "" if one.detection is None else f"{one.detection.positive} {percent(one.detection.recall)}"
    return [
        *(one.question, str(one.pictures), str(one.groups), percent(one.accuracy.value)),
        f"{100 * one.accuracy.low:.1f} to {100 * one.accuracy.high:.1f}",
        *(percent(one.abstained), percent(one.accuracy_decided), found),
    ]


def _list_curves(parts: CardParts) -> Iterator[tuple[str, list[float], list[float]]]:
    """Yield the curve of the left-out sources, and of each evaluation: of corrosion if it asks that."""
    if parts.left_out is not None and parts.left_out.curve:
        risk, coverage = zip(*parts.left_out.curve, strict=True)
        yield "sources left out in training: any outcome", list(coverage), list(risk)
    for name, found in parts.evaluations:
        asked = [one for one in found.figures if one.risk_coverage]
        chosen = next((one for one in asked if _is_corrosion(one)), asked[0] if asked else None)
        if chosen is not None:
            coverage, risk = zip(*chosen.risk_coverage, strict=True)
            yield f"{name}: {chosen.question}", list(coverage), list(risk)


def _is_corrosion(one: Figures) -> bool:
    return one.detection is not None and one.detection.positive == CORRODED


def _describe_risk(risk: StatedRisk | None, *, has_plot: bool) -> Iterator[str]:
    yield from ("## Risk and coverage", "")
    if has_plot:
        yield from (f"![Share of wrong answers over the share of answers]({RISK_NAME})", "")
    if risk is not None:
        yield from (f"- {sentence}" for sentence in describe_risk(risk))
        yield ""


def _choose_table(found: StressFigures) -> StressTable:
    return next((table for table in found.tables if table.positive == CORRODED), found.tables[0])


def _describe_stress(found: StressFigures) -> Iterator[str]:
    table = _choose_table(found)
    yield from ("## Worse pictures", "", f"![Answers under worse conditions]({STRESS_NAME})", "")
    yield f"{table.question} {table.pictures} pictures, drawn from {found.of} with seed {found.seed}, each"
    yield "source by its share, judged as the node does. Refused: the node does not judge the picture."
    yield from ("", *format_markdown(*tabulate_stress(table)), "")
    if found.grey is not None:
        yield from (f"Without colour: {found.grey.sentence}.", "")


def _describe_mistakes(evaluations: Sequence[tuple[str, Evaluation]]) -> Iterator[str]:
    for name, found in evaluations[:1]:
        if not found.mistakes:
            return
        yield from ("## Worst mistakes", "", f"The surest wrong answers on: {name}.", "")
        rows = [
            [one.file, one.source, one.question, one.truth, one.predicted, percent(one.confidence)]
            for one in found.mistakes
        ]
        yield from format_markdown(("picture", "source", "question", "is", "said", "sure by"), rows)
        yield ""


def _describe_conversion(manifest: Manifest) -> Iterator[str]:
    measured = manifest.measured
    if measured is None:
        return
    yield from ("## Quantized against float", "", f"On {measured.pictures} pictures: {measured.set}.", "")
    rows = [
        [stage.stage, percent(stage.agreement), f"{stage.worst_probability_difference:.3f}"]
        for stage in measured.stages
    ]
    yield from format_markdown(("stage", "same label", "largest difference of a probability"), rows)

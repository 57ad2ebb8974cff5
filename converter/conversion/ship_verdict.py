"""Judge from a conversion's figures whether its bundle may go onto robots, with every reason against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.data.licences import is_non_commercial, is_unstated
from converter.evaluation.ship_verdict import LEAST_PICTURES, ShipVerdict
from converter.graphs.graph_file import TFLITE_KIND
from converter.quantize.request import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from converter.conversion.report import Report, ScoreFigures, StageReport

_LEAST_AGREEMENT = 0.97
_MOST_LOST_POINTS = 2.0
_LEAST_LABELLED = 20  # pictures of a stage, below which its accuracy says nothing
_LEAST_DECIDED = 0.5


def judge_shipping(report: Report) -> ShipVerdict:
    """Return whether a bundle may be shipped, by the figures in its report."""
    against = (
        *_judge_proof(report),
        *_merge(_judge_contracts(report)),
        *report.doubts,
        *_judge_calibration(report),
        *_judge_agreement(report),
        *_merge((stage.name, text) for stage in report.stages for text in _judge_accuracy(report, stage)),
        *_merge(_judge_licences(report)),
    )
    return ShipVerdict(
        ship=not against, shown=tuple(_show(report)), against=against, mind=tuple(_mind(report))
    )


def _merge(told: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield each text once, behind the names of all stages that it is said of."""
    stages: dict[str, list[str]] = {}
    for stage, text in told:
        stages.setdefault(text, []).append(stage)
    for text, names in stages.items():
        yield f"{', '.join(dict.fromkeys(names))}: {text}"


def _judge_proof(report: Report) -> Iterator[str]:
    if report.draft:
        yield "it is a draft, not proved at the source; convert again without --draft"
    elif report.proof is None:
        yield "not proved at the source: the original graph was not run on the same pictures"
    elif not report.proof.proved:
        yield report.proof.sentence


def _judge_contracts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what no graph and no flag tells, unless other readings were tried and were no better."""
    for source in report.sources:
        if not _is_tried(report, source.stage):
            for text in source.not_known:
                yield source.stage, f"not known: {text}"


def _is_tried(report: Report, stage: str) -> bool:
    """Return whether several readings of a graph's input were compared on labelled pictures."""
    proof = report.proof
    return proof is not None and proof.proved and sum(one.stage == stage for one in proof.readings) > 1


def _judge_calibration(report: Report) -> Iterator[str]:
    needed = any(mode.heading == report.mode and mode.needs_calibration for mode in Mode)
    if not needed or all(source.kind == TFLITE_KIND for source in report.sources):
        return
    if report.calibration_pictures < LEAST_PICTURES:
        yield (
            f"calibrated on {_count(report.calibration_pictures, 'picture')}, wanted {LEAST_PICTURES} or"
            " more; give --calibration a larger folder"
        )
    if report.calibration_misses:
        yield (
            f"no calibration picture shows {_list(report.calibration_misses)}; add such pictures to"
            " --calibration"
        )


def _judge_agreement(report: Report) -> Iterator[str]:
    if not report.judged_pictures or not report.is_judged_on_photographs:
        yield "compared on rendered pictures alone; give --evaluate LABELLED, or --calibration PICTURES"
        return
    if report.judged_pictures < LEAST_PICTURES:
        more = "give --evaluate LABELLED, or a larger --calibration"
        if not report.is_judged_on_calibration:  # then these pictures are those of --evaluate
            more = "give --evaluate more labelled pictures"
        found = _count(report.judged_pictures, "picture")
        yield f"compared on {found}, wanted {LEAST_PICTURES} or more; {more}"
    for stage in report.stages:
        if stage.agreement is None or stage.agreement >= _LEAST_AGREEMENT:
            continue
        if report.min_agreement is None:
            yield (
                f"{stage.name}: {report.mode} gives another label than float on {1 - stage.agreement:.1%} of"
                f" pictures; convert again with --min-agreement {100 * _LEAST_AGREEMENT:.0f}"
            )


def _judge_accuracy(report: Report, stage: StageReport) -> Iterator[str]:
    found, before = stage.quantized_accuracy, stage.float_accuracy
    if found is None or before is None:
        return
    lost = 100 * (before.accuracy - found.accuracy)
    if report.max_drop_points is None and lost > _MOST_LOST_POINTS:
        yield f"{report.mode} loses {lost:.1f} points of accuracy; convert again with --max-accuracy-drop 1"
    shown = [sum(row) for row in stage.confusion]
    if found.pictures >= _LEAST_LABELLED and sum(map(bool, shown)) > 1 and found.right <= max(shown):
        most = stage.labels[shown.index(max(shown))]
        yield (
            f"right on {found.accuracy:.1%}, no better than {most!r} for every picture"
            f" ({max(shown) / found.pictures:.1%})"
        )
    if stage.held_out_coverage is not None and stage.held_out_coverage < _LEAST_DECIDED:
        yield f"abstains on {1 - stage.held_out_coverage:.0%} of pictures; a larger --max-risk allows more"


def _judge_licences(report: Report) -> Iterator[tuple[str, str]]:
    for source in report.sources:
        if bound := list(filter(is_non_commercial, source.licences)):
            yield source.stage, f"trained on pictures that may not be used commercially ({_list(bound)})"
        if any(map(is_unstated, source.licences)):
            yield source.stage, "trained on pictures of no stated licence"


def _show(report: Report) -> Iterator[str]:
    if report.proof is not None and report.proof.proved:
        yield report.proof.sentence
    agreements = [stage.agreement for stage in report.stages if stage.agreement is not None]
    if agreements and report.mode != "float32":
        least = min(agreements)
        yield f"{report.mode} keeps float's label on {least:.1%} of {report.judged_pictures} pictures" + (
            " or more" if len(agreements) > 1 and max(agreements) > least else ""
        )
    if found := report.cascade_quantized or _only_accuracy(report):
        yield f"right on {found.accuracy:.1%} of {found.pictures} labelled pictures"


def _only_accuracy(report: Report) -> ScoreFigures | None:
    return report.stages[0].quantized_accuracy if len(report.stages) == 1 else None


def _mind(report: Report) -> Iterator[str]:
    if not any(stage.quantized_accuracy for stage in report.stages):
        yield "the accuracy was not measured; give --evaluate LABELLED"
    elif not any(stage.abstain_below for stage in report.stages):
        yield "no stage abstains; with --max-risk SHARE stages abstain where they are not sure"
    yield from _merge(
        (source.stage, f"not known: {text}; on labelled pictures no other reading is better")
        for source in report.sources
        for text in source.not_known
        if _is_tried(report, source.stage)
    )
    yield from _merge(
        (source.stage, "it was a .tflite file already, so it is not compared with float")
        for source in report.sources
        if source.kind == TFLITE_KIND
    )
    if report.is_judged_on_specimens:
        yield "compared on rendered specimens alone, which says nothing of photographs"
    if report.is_judged_on_calibration:
        yield "compared on the pictures that it was calibrated on; on others the agreement is lower"
    yield from _merge(
        (source.stage, "the licences of its training pictures are not known")
        for source in report.sources
        if not source.licences
    )
    if is_unstated(report.licence):
        yield (
            'the bundle states no licence; write licence = "..." into a cascade file'
            " (`converter example cascade`)"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _list(names: Iterable[str]) -> str:
    listed = list(names)
    return f"{', '.join(listed[:4])}{f' and {len(listed) - 4} more' if len(listed) > 4 else ''}"

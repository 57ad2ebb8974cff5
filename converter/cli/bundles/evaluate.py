"""``converter evaluate``: measure the accuracy of a bundle or a graph on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.data.dataset import add_choice_arguments, choose_samples, load_dataset
from converter.data.stage_truth import with_meanings
from converter.evaluation.evaluated_verdict import add_evaluation
from converter.evaluation.evaluation import Evaluation, evaluate
from converter.evaluation.judge import judge_samples, load_judge
from converter.evaluation.metrics import decimal, percent
from converter.evaluation.questions import choose_questions
from converter.evaluation.ship_verdict import read_verdict
from converter.output_paths import refuse_unwritable_file, write_file
from converter.progress import show_steps
from converter.text_table import format_crossover

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("model", type=Path, help="folder of a bundle, or a graph")
    parser.add_argument(
        "data", type=Path, help="labels.csv, the folder around one, or a folder with a folder for each label"
    )
    parser.add_argument("--labels", type=Path, help="label file of a graph (default: the one beside it)")
    add_choice_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write the figures as a page, with the wrong pictures"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print and write; return the exit code."""
    for path in (args.json, args.html):
        refuse_unwritable_file(path)
    samples = choose_samples(with_meanings(load_dataset(args.data)), args.sets, args.sources)
    judge = load_judge(args.model, args.labels)
    with show_steps() as begin:
        answers = judge_samples(judge, samples, begin("judging pictures", len(samples)))
    asked = choose_questions({sample.set_name for sample in samples}, judge.cascade)
    found = evaluate(str(args.model), str(args.data), answers, asked)
    found = msgspec.structs.replace(found, verdict=add_evaluation(read_verdict(args.model), found))
    print("\n".join([*format_lines(found), "", found.verdict.line]))
    if args.json is not None:
        write_file(args.json, msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    if args.html is not None:
        from converter.evaluation.evaluation_page import render_evaluation

        write_file(args.html, render_evaluation(found, answers, asked))
    return 0


def format_lines(found: Evaluation) -> list[str]:
    """Return the evaluation as lines of text for a terminal."""
    text = [
        f"{found.model} on {found.pictures} pictures of {found.data}",
        f"time of a decision: mean {found.mean_ms:.1f} ms, 95th percentile {found.p95_ms:.1f} ms",
    ]
    for one in found.figures:
        low, high = one.accuracy.low, one.accuracy.high
        text += [
            "",
            f"{one.question}  {one.pictures} pictures in {one.groups} groups",
            f"  accuracy    {percent(one.accuracy.value)}  ({percent(low)} to {percent(high)} by group)",
            f"  abstained   {percent(one.abstained)}; accuracy where decided {percent(one.accuracy_decided)}",
            f"  calibration error {percent(one.calibration_error)}",
        ]
        if one.detection is not None:
            text.append(
                f"  {one.detection.positive}: precision {percent(one.detection.precision)},"
                f" recall {percent(one.detection.recall)}, F-measure {percent(one.detection.f_measure)}"
            )
        if one.between_materials is not None:
            text.append(f"  errors between materials: {percent(one.between_materials)}")
        text += [f"    {row}" for row in format_crossover(one.crossover)]
        text += [f"    {part.source}: {percent(part.accuracy)} of {part.pictures}" for part in one.sources]
    if found.maps:
        text += ["", "maps against masks"]
    for maps in found.maps:
        text.append(
            f"  {maps.source}: {maps.pictures} pictures, pixel AUROC {decimal(maps.pixel_auroc)},"
            f" IoU {decimal(maps.iou)}, mean error of the area {percent(maps.area_error)}"
        )
    return text

"""``converter evaluate``: measure the accuracy of a bundle or a graph on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.argument_types import at_least
from converter.camera_conditions import CONDITIONS
from converter.data.dataset import CORRODED, add_choice_arguments, choose_samples, load_dataset
from converter.data.stage_truth import with_meanings
from converter.evaluation.colourless import claim_colourless
from converter.evaluation.evaluated_verdict import add_evaluation
from converter.evaluation.evaluation import Evaluation, evaluate
from converter.evaluation.judge import judge_samples, load_judge
from converter.evaluation.metrics import decimal, percent
from converter.evaluation.questions import choose_questions
from converter.evaluation.ship_verdict import read_verdict
from converter.evaluation.stress import (
    DEFAULT_PICTURES,
    StressFigures,
    draw_stress_sample,
    stress,
    tabulate_stress,
)
from converter.output_paths import refuse_unwritable_file, write_file
from converter.progress import show_steps
from converter.text_table import format_crossover, format_table
from edge_node.errors import DatasetError, GraphError
from edge_node.inference.bundle import MANIFEST_NAME, load_bundle

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
    group = parser.add_argument_group("worse pictures")
    group.add_argument(
        "--stress",
        action="store_true",
        help="also judge pictures that are made worse (grey, tinted, blurred, dark, compressed, ...), with"
        " the checks of the node, and print how accuracy falls",
    )
    group.add_argument(
        "--stress-pictures",
        type=at_least(1),
        default=DEFAULT_PICTURES,
        metavar="N",
        help="number of pictures for --stress, from each source by its share (default: %(default)s; each is"
        f" judged {len(CONDITIONS)} times)",
    )
    group.add_argument(
        "--claim-colourless",
        action="store_true",
        help="write into the manifest of the bundle whether robots may judge grey pictures: yes if grey costs"
        " at most 3 points. Give pictures that training did not see, and pack the bundle afterwards",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print and write; return the exit code."""
    refuse_contradictions(args)
    samples = choose_samples(with_meanings(load_dataset(args.data)), args.sets, args.sources)
    judge = load_judge(args.model, args.labels)
    asked = choose_questions({sample.set_name for sample in samples}, judge.cascade)
    with show_steps() as begin:
        answers = judge_samples(judge, samples, begin("judging pictures", len(samples)))
        found = evaluate(str(args.model), str(args.data), answers, asked)
        if args.stress:
            drawn = draw_stress_sample(samples, asked, args.stress_pictures)
            advance = begin("judging worse pictures", drawn.judgements)
            figures = stress(load_bundle(args.model), drawn, asked, advance)
            found = msgspec.structs.replace(found, stress=figures)
    found = msgspec.structs.replace(found, verdict=add_evaluation(read_verdict(args.model), found))
    print("\n".join([*format_lines(found), *format_stress(found.stress), "", found.verdict.line]))
    if args.json is not None:
        write_file(args.json, msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    if args.html is not None:
        from converter.evaluation.evaluation_page import render_evaluation

        write_file(args.html, render_evaluation(found, answers, asked))
    if args.claim_colourless:
        _claim(args.model, found)
    return 0


def refuse_contradictions(args: argparse.Namespace) -> None:
    """Refuse what cannot work, before anything is judged.

    Raises:
        GraphError: worse pictures are asked of a graph, on which the node's checks do not run.
        DatasetError: a claim is asked for, and nothing that measures it.
        DestinationError: a file cannot be written.
    """
    for path in (args.json, args.html):
        refuse_unwritable_file(path)
    if args.claim_colourless and not args.stress:
        raise DatasetError("--claim-colourless: wanted --stress too, which measures what grey costs")
    if args.stress and args.model.is_file():
        raise GraphError(
            f"{args.model}: --stress wants a bundle, which the node runs; convert makes one of a graph"
        )


def _claim(folder: Path, found: Evaluation) -> None:
    """Write into the manifest what the stress says of grey pictures, and print it."""
    cost = found.stress.grey if found.stress is not None else None
    if cost is None:
        raise DatasetError(f"{folder}: tells no corrosion, so grey costs it nothing that can be measured")
    claim_colourless(folder, cost)
    told = "colourless: measured" if cost.may_be_judged else "no colourless: robots refuse grey pictures"
    print(f"wrote into {folder / MANIFEST_NAME}: {told}")


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


def format_stress(found: StressFigures | None) -> list[str]:
    """Return the stress evaluation as lines of text: the question of corrosion, or the first one."""
    if found is None or not found.tables:
        return []
    shown = next((table for table in found.tables if table.positive == CORRODED), found.tables[0])
    others = [table.question for table in found.tables if table is not shown]
    drawn = f"a sample of {found.pictures} of {found.of}, each source by its share, seed {found.seed}"
    text = [
        "",
        f"worse pictures: {shown.question}  {shown.pictures} pictures in {drawn}",
        *(f"  {line}" for line in format_table(*tabulate_stress(shown))),
    ]
    if found.grey is not None:
        text.append(f"  without colour: {found.grey.sentence}")
    if others:
        text.append(f"  --json and --html have {', '.join(others)} too")
    return text

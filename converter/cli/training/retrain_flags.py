"""Declare and check the flags of ``converter retrain``: TensorFlow for Poets' as they were, and new ones."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from converter.architectures.backbones import DEFAULT_ARCHITECTURE, list_architectures
from converter.argument_types import above_zero, at_least, seed, up_to
from converter.output_paths import refuse_unwritable_file, refuse_unwritable_folder
from edge_node.errors import DatasetError, DestinationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.training.recipe import CascadeRecipe
    from converter.training.retrained_graph import OutputFiles

CASCADE_NAME = "CASCADE.toml"
_STEPS = 1000
# Flags for one graph: a recipe has its own stages and training, and --output_dir holds a cascade's graphs.
_ONE_STAGE_FLAGS = (
    *("column", "architecture", "weights", "size_px", "fine_tune", "how_many_training_steps"),
    *("learning_rate", "train_batch_size", "eval_step_interval", "seed", "copies", "augment"),
    *("flip_left_right", "random_crop", "random_scale", "random_brightness"),
    *("output_graph", "output_labels"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; each old one is known with underscores and with hyphens."""
    _add_pictures(parser.add_argument_group("pictures"))
    _add_network(parser.add_argument_group("network"))
    _add_training(parser.add_argument_group("training"))
    _add_distortions(parser.add_argument_group("augmentation"))
    _add_output(parser.add_argument_group("output"))


def refuse_contradictions(args: argparse.Namespace) -> None:
    """Refuse unwritable places and flags that would do nothing, before any work is done.

    Raises:
        CorrosionError: there is one.
    """
    if args.cascade and args.output_dir is None:
        raise DatasetError("--cascade writes several graphs: name their folder with --output_dir")
    if args.output_dir is not None and not args.cascade:
        raise DatasetError("--output_dir is for --cascade; one graph is written where --output_graph says")
    if args.cascade and (given := _list_given(args, _ONE_STAGE_FLAGS)):
        raise DatasetError(f"--{given[0]} is for one graph; with --cascade the recipe says it: leave it out")
    folders = (
        args.bottleneck_dir,
        args.summaries_dir,
        args.runs_dir,
        args.output_dir if args.cascade else None,
    )
    for folder in folders:
        refuse_unwritable_folder(folder)
    for file in (args.output_labels, None if args.cascade else args.output_graph):
        refuse_unwritable_file(file)
    if not args.cascade:
        _refuse_one_name_for_two(args.output_graph, args.output_labels)


def refuse_overwriting(args: argparse.Namespace, recipe: CascadeRecipe) -> None:
    """Refuse without ``--force`` to write what exists already, which may be another training's.

    Raises:
        DestinationError: something exists.
    """
    paths = [path for files in name_outputs(args, recipe) for path in files.all]
    if args.cascade:
        paths.append(args.output_dir / CASCADE_NAME)
    found = [path for path in paths if path.exists()]
    if found and not args.force:
        more = f" (and {len(found) - 1} more of its files)" if len(found) > 1 else ""
        raise DestinationError(
            f"{found[0]}: exists already{more}; name another graph or folder, or replace all with --force"
        )


def name_outputs(args: argparse.Namespace, recipe: CascadeRecipe) -> list[OutputFiles]:
    """Return the files of each stage's graph."""
    from converter.training.retrained_graph import GRAPH_NAME, OutputFiles

    if not args.cascade:
        return [OutputFiles.of(args.output_graph, args.output_labels)]
    return [OutputFiles.of(args.output_dir / stage.name / GRAPH_NAME) for stage in recipe.stage]


def _refuse_one_name_for_two(graph: Path, labels: Path | None) -> None:
    from converter.training.retrained_graph import OutputFiles

    files = OutputFiles.of(graph, labels)
    for path in (files.graph, files.labels):
        if files.all.count(path) > 1:
            raise DatasetError(
                f"{path}: two outputs have this name; the graph, its labels, its record"
                f" ({files.records[0].name}) and {files.keras.name} need one each: choose another"
            )


def _add_pictures(data: argparse._ArgumentGroup) -> None:
    _add_flag(
        data,
        "image_dir",
        type=Path,
        action="append",
        required=True,
        help="folder with labels.csv, or with a folder for each label; may be given several times",
    )
    _add_flag(data, "column", help="column of labels.csv whose values are the labels (default: corroded)")
    _add_flag(
        data,
        "testing_percentage",
        type=up_to(100.0),
        default=10,
        help="percentage of the groups to test on (default: 10)",
    )
    _add_flag(
        data,
        "validation_percentage",
        type=up_to(100.0),
        default=10,
        help="percentage of the groups that decides when training stops (default: 10)",
    )
    _add_flag(
        data,
        "leave_out",
        action="append",
        default=[],
        metavar="SOURCE",
        help="test on this whole source or set, and train on none of it",
    )
    _add_flag(
        data,
        "bottleneck_dir",
        type=Path,
        help="folder that keeps the bottlenecks, so that the next training on these pictures is faster",
    )
    _add_flag(
        data,
        "cross_validate",
        type=at_least(2),
        default=0,
        metavar="K",
        help="measure by K trainings, each without a Kth of the groups, and one without each --leave_out;"
        " then train on everything; the percentages do not apply",
    )


def _add_network(network: argparse._ArgumentGroup) -> None:
    _add_flag(
        network,
        "architecture",
        default=DEFAULT_ARCHITECTURE,
        help=f"backbone: one of {', '.join(list_architectures())} (default: {DEFAULT_ARCHITECTURE})",
    )
    _add_flag(
        network, "weights", help="file with the weights of the backbone, or random (default: ImageNet's)"
    )
    _add_flag(network, "model_dir", type=Path, help="folder for the weights that Keras downloads")
    _add_flag(
        network,
        "size_px",
        type=at_least(1),
        help="width and height of the input in px (default: the architecture's own)",
    )
    _add_flag(
        network,
        "fine_tune",
        type=at_least(0),
        default=0,
        metavar="N",
        help="also train the last N convolutions; such a graph cannot be fused with graphs of other runs,"
        " because its backbone differs (default: 0)",
    )


def _add_training(training: argparse._ArgumentGroup) -> None:
    _add_flag(
        training,
        "cascade",
        type=Path,
        metavar="RECIPE",
        help="TOML file with the stages of a cascade and their training; see `converter example`",
    )
    _add_flag(
        training,
        "how_many_training_steps",
        type=at_least(1),
        default=_STEPS,
        metavar="N",
        help=f"number of batches at most (default: {_STEPS})",
    )
    _add_flag(
        training,
        "learning_rate",
        type=above_zero,
        default=1e-3,
        help="peak of the learning rate of AdamW (default: 0.001)",
    )
    _add_flag(
        training, "train_batch_size", type=at_least(1), default=32, help="pictures in a batch (default: 32)"
    )
    _add_flag(
        training,
        "eval_step_interval",
        type=at_least(1),
        help="steps between two validations (default: a twentieth of all steps)",
    )
    _add_flag(
        training,
        "seed",
        type=seed,
        default=0,
        help="seed of splits, weights and draws; the same seed gives the same graph (default: 0)",
    )


def _add_distortions(group: argparse._ArgumentGroup) -> None:
    _add_flag(
        group,
        "copies",
        type=at_least(0),
        help="augmented copies of each picture (default: 4 with any augmentation, else 0)",
    )
    _add_flag(
        group,
        "augment",
        action="store_true",
        help="every change that inspection cameras cause: light, blur, noise, JPEG, position",
    )
    _add_flag(group, "flip_left_right", action="store_true", help="mirror half of the copies")
    _add_flag(
        group,
        "random_crop",
        type=up_to(99.0),
        default=0,
        metavar="PERCENT",
        help="cut at most so much off each side",
    )
    _add_flag(
        group,
        "random_scale",
        type=up_to(100.0),
        default=0,
        metavar="PERCENT",
        help="enlarge at most by so much",
    )
    _add_flag(
        group,
        "random_brightness",
        type=up_to(100.0),
        default=0,
        metavar="PERCENT",
        help="make at most so much lighter or darker",
    )


def _add_output(output: argparse._ArgumentGroup) -> None:
    _add_flag(
        output,
        "output_graph",
        type=Path,
        default=Path("retrained_graph.pb"),
        help="file for the graph; its other files are named after it (default: retrained_graph.pb)",
    )
    _add_flag(output, "output_labels", type=Path, help="file for the labels (default: beside the graph)")
    _add_flag(output, "output_dir", type=Path, help="with --cascade: folder for the graphs and CASCADE.toml")
    _add_flag(
        output,
        "runs_dir",
        type=Path,
        default=Path("runs"),
        help="folder that gets a folder for each training, with recipe, records, figures, curves and mistakes"
        " (default: runs)",
    )
    _add_flag(output, "force", action="store_true", help="replace files that exist")
    _add_flag(output, "summaries_dir", type=Path, help="folder for TensorBoard summaries")
    _add_flag(
        output,
        "final_tensor_name",
        type=_parse_node_name,
        default="final_result",
        help="name of the output in the graph (default: final_result)",
    )
    _add_flag(
        output,
        "print_misclassified_test_images",
        action="store_true",
        help="print the misclassified test pictures",
    )


def _list_given(args: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Return those of the flags that have another value than their default."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return [name for name in names if getattr(args, name) != parser.get_default(name)]


def _parse_node_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a node's name: letters, digits, _ . / -")
    return text


def _add_flag(group: argparse._ArgumentGroup, name: str, **options: object) -> None:
    """Declare a flag under its old name with underscores, and with hyphens."""
    names = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))
    group.add_argument(*names, dest=name, **options)  # type: ignore[arg-type]  # argparse types each option

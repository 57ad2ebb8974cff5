"""Choose recipe, pictures and augmentation of a training by the flags of ``converter retrain``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from converter.cli.training.retrain_flags import refuse_overwriting
from converter.data.dataset import FOLDER_COLUMN, choose_samples, load_dataset
from converter.data.splits import with_groups
from converter.training.allowed_rows import AllowedRows, LicenceRow, format_licences
from converter.training.augment import AUGMENTATIONS, INSPECTION, Augmentation
from converter.training.recipe import CascadeRecipe, StageRecipe, TrainingRecipe, read_recipe
from edge_node.errors import DatasetError
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from converter.data.dataset import Sample


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is trained: recipe, pictures that may be read, how they are changed; the table of licences."""

    recipe: CascadeRecipe
    samples: tuple[Sample, ...]
    augmentations: tuple[Augmentation, ...]
    licences: tuple[LicenceRow, ...] = ()


def plan_training(args: argparse.Namespace) -> TrainingPlan:
    """Read the recipe and the tables of the pictures, or make the recipe from flags.

    With a recipe it prints the table of licences. No picture of a row is opened that the recipe's licences do
    not allow.

    Raises:
        CorrosionError: the recipe or a table cannot be used, or graphs would be overwritten.
    """
    if not args.cascade:
        samples = with_groups(_load_samples(args.image_dir, load_dataset))
        augmentation = _read_augmentation(args)
        recipe = _make_recipe(args, samples, augmentation)
        refuse_overwriting(args, recipe)
        return TrainingPlan(recipe, samples, (augmentation,))
    recipe = read_recipe(args.cascade)
    refuse_overwriting(args, recipe)
    allowed = AllowedRows.read(args.image_dir, recipe)
    chosen = choose_samples(_load_samples(args.image_dir, allowed.load), tuple(recipe.training.sets), ())
    for line in format_licences(allowed, chosen):
        print(line)
    augmentations = AUGMENTATIONS[recipe.training.augmentation]
    return TrainingPlan(recipe, with_groups(chosen), augmentations, allowed.count(chosen))


def _load_samples(folders: Sequence[Path], load: Callable[[Path], Sequence[Sample]]) -> list[Sample]:
    """Load the samples of all folders.

    Raises:
        DatasetError: two folders have a picture in common, which would count twice, or there is none.
    """
    samples: list[Sample] = []
    seen: set[Path] = set()
    for folder in folders:
        more = load(folder)
        places = {sample.path.resolve() for sample in more}
        if twice := seen & places:
            raise DatasetError(f"{min(twice)}: comes with two --image_dir; name what holds it once")
        samples += more
        seen |= places
    if not samples:
        raise DatasetError(f"{folders[0]}: no row is under a licence that the recipe's licences name")
    return samples


def _make_recipe(
    args: argparse.Namespace, samples: Sequence[Sample], augmentation: Augmentation
) -> CascadeRecipe:
    """Make the recipe of one stage from the flags."""
    column = args.column or (FOLDER_COLUMN if FOLDER_COLUMN in samples[0].labels else "corroded")
    labels = sorted({sample.labels[column] for sample in samples if column in sample.labels})
    if len(labels) < 2:
        found = ", ".join(labels) or "no labels"
        filled = sorted({name for sample in samples for name in sample.labels})
        raise DatasetError(
            f"{args.image_dir[0]}: column {column}: {found}; wanted two or more labels;"
            f" columns with labels are {', '.join(filled) or 'none'}"
        )
    copies = args.copies if args.copies is not None else (0 if augmentation.changes_nothing else 4)
    try:
        training = msgspec.convert(
            {
                "architecture": args.architecture,
                "weights": args.weights,
                "size_px": args.size_px,
                "fine_tune": args.fine_tune,
                "copies": copies,
                "steps": args.how_many_training_steps,
                "evaluate_every": args.eval_step_interval,
                "learning_rate": args.learning_rate,
                "batch": args.train_batch_size,
                "seed": args.seed,
                "patience": 0 if args.fine_tune else 4,
            },
            TrainingRecipe,
        )
    except msgspec.ValidationError as err:
        raise DatasetError(f"flags: {describe_invalid(err)}") from err
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", args.output_graph.stem).strip("-_")[:64] or "graph"
    stage = StageRecipe(name=name, column=column, labels=tuple(labels))
    return CascadeRecipe(stage=(stage,), training=training, name=name)


def _read_augmentation(args: argparse.Namespace) -> Augmentation:
    if args.augment:
        return INSPECTION
    return Augmentation(
        flip_left_right=args.flip_left_right,
        crop_share=args.random_crop / 100,
        zoom_share=args.random_scale / 100,
        brightness_share=args.random_brightness / 100,
    )

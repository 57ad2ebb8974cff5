"""Read and check a training recipe: the stages of a cascade on one backbone, and how they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from converter.architectures.backbones import DEFAULT_ARCHITECTURE
from converter.argument_types import MAX_SEED
from converter.data.dataset import OTHER, UNCORRODED
from converter.graphs.stage_file import FileKeys, StageKeys, find_contradictions, read_stage_file
from edge_node.errors import DatasetError
from edge_node.inference.manifest import Between0And1, Positive, Probability, Version
from edge_node.messages.identifiers import Identifier  # noqa: TC001  # msgspec reads the annotation
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from converter.data.dataset import Sample
    from edge_node.inference.stated_risk import StatedRisk

Share = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
# Keys that no variation may change: activations are computed once for all, on one network.
_SHARED = frozenset(
    {
        *("architecture", "weights", "size_px", "fine_tune", "train_depthwise", "copies", "augmentation"),
        *("licences", "leave_out_licences"),
    }
)
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]


class StageRecipe(StageKeys, frozen=True, kw_only=True):
    """One stage: its labels, the rows that have them, and its place in the cascade.

    Attributes:
        column: column of ``labels.csv``; its values are the labels. ``metal`` is metal or other: a picture
            whose material or condition is known is metal.
        labels: values of the column, in the order of the outputs; rows with others are not used.
        where: for a column the values that rows must have; other rows are not used. An empty value admits
            unknown ones.
        learn: from whole ``pictures``, from ``positions`` of the map (column ``corroded`` only, whose masks
            show which are), or from both. A head trained on positions has an accurate map, but a low mean for
            pictures with little corrosion; one trained on pictures has not.
        drop_unless_coverage: the cascade goes without this stage if it answers a smaller share of left-out
            pictures at the risk that ``[risk]`` states.
    """

    column: str
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    where: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    learn: Literal["pictures", "positions", "both"] = "pictures"
    drop_unless_coverage: Probability | None = None

    def target(self, sample: Sample) -> int | None:
        """Return the index of a sample's label, or None where the row is not used.

        A picture of no metal has no condition, but its positions train a map as uncorroded.
        """
        if any(sample.labels.get(column, "") not in values for column, values in self.where.items()):
            return None
        value = sample.labels.get(self.column)
        if self.learn == "positions" and sample.labels.get("metal") == OTHER:
            value = UNCORRODED
        return self.labels.index(value) if value in self.labels else None


class RiskRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of wrong decisions for which thresholds are chosen, on pictures that variations leave out.

    Attributes:
        wrong_share: share of the decided pictures that may be wrong, such as 0.02.
        without_sets: names of sets whose pictures do not count, such as photographs that corrosion was
            painted on.
    """

    wrong_share: Between0And1
    without_sets: tuple[str, ...] = ()


class TrainingRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Network, pictures and hyperparameters.

    Attributes:
        architecture: name of the network; ``converter retrain --help`` lists them.
        weights: file of the network's weights, or ``random``; its ImageNet weights if not given.
        size_px: side of the pictures that the network takes; its own if not given.
        fine_tune: number of the last convolutions that are trained along; 0 leaves the backbone frozen.
        train_depthwise: whether depthwise kernels among these are trained too; their gradients take a quarter
            of a step's time.
        copies: number of augmented copies of every picture, beside the unchanged one.
        augmentation: what augmented copies differ in. ``inspection`` varies pictures as robots' cameras do,
            ``robust`` also as worse cameras and worse light do, ``mixed`` every second copy so.
        sets: for a set its relative weight in training; sets that are not named are left out. Empty: all
            sets, with equal weights.
        balance: what is drawn equally often within a set: its ``labels``, or the labels of each of its
            ``sources``, which generalises better to new sources. With ``groups`` a picture has the weight 1 /
            root of the number of its group's pictures, and corroded and uncorroded pictures weigh the same.
        sources: for a source a factor on the weight of its pictures, beside that of their set.
        licences: names of the licences whose rows may be used, as they are written in the table. A source
            that has rows under others too is left out whole. Empty: all licences.
        leave_out_licences: rows whose licence contains one of these texts are not used.
        leave_out_sources: names of sources. No picture of these, nor of a specimen that they show, is trained
            on. A variation leaves out its own beside those of ``[training]``.
        leave_out_groups: names of groups of which no picture is trained on. A variation adds its own.
        steps: number of batches.
        evaluate_every: number of steps between validations; a twentieth of all steps if not given.
        learning_rate: peak of the learning rate.
        backbone_learning_rate: peak of the learning rate of the fine-tuned layers; ``learning_rate`` if not
            given.
        batch: number of pictures in a step.
        weight_decay: share of each weight that is taken off per step, times the learning rate.
        dropout: share of the feature channels set to 0 at random.
        label_smoothing: share of the target probability that is spread over all labels.
        map_weight: weight of the positions' loss relative to the pictures' loss.
        patience: number of validations without improvement after which the training ends; with 0 it goes on.
        trainings: number of trainings from the same start with different seeds; their weights are averaged.
        style_mixing: share of the pictures whose features get the statistics of another picture's; it needs
            fine-tuned layers.
        seed: of the random numbers for splits, weights, draws and copies.
    """

    architecture: str = DEFAULT_ARCHITECTURE
    weights: str | None = None
    size_px: int | None = None
    fine_tune: Annotated[int, msgspec.Meta(ge=0)] = 0
    train_depthwise: bool = True
    copies: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    augmentation: Literal["inspection", "robust", "mixed"] = "inspection"
    sets: dict[str, Positive] = {}
    balance: Literal["labels", "sources", "groups"] = "labels"
    sources: dict[str, Positive] = {}
    licences: tuple[str, ...] = ()
    leave_out_licences: tuple[str, ...] = ()
    leave_out_sources: tuple[str, ...] = ()
    leave_out_groups: tuple[str, ...] = ()
    steps: Count = 1000
    evaluate_every: Count | None = None
    learning_rate: Positive = 1e-3
    backbone_learning_rate: Positive | None = None
    batch: Count = 32
    weight_decay: NotNegative = 1e-4
    dropout: Share = 0.2
    label_smoothing: Share = 0.05
    map_weight: NotNegative = 0.5
    patience: Annotated[int, msgspec.Meta(ge=0)] = 0
    trainings: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    style_mixing: Probability = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)] = 0

    def admits(self, sample: Sample) -> bool:
        """Return whether a sample may be trained on."""
        return self.allows(sample.licence) and (not self.sets or sample.set_name in self.sets)

    def allows(self, licence: str) -> bool:
        """Return whether rows under a licence may be trained on."""
        if self.licences and licence not in self.licences:
            return False
        return not any(part in licence for part in self.leave_out_licences)


class CascadeRecipe(FileKeys, frozen=True, kw_only=True):
    """What the stages have in common: the bundle that they become.

    Attributes:
        stage: the stages.
        training: how they are trained.
        variation: a list of tables, each ``[training]`` with some keys changed. All are trained from the same
            start, and their weights are averaged. Without one there is ``[training]`` alone.
        risk: for which share of wrong decisions thresholds are chosen. Without it they stay as the stages
            say.
        name: name of the bundle.
        version: version of the bundle.
    """

    stage: Annotated[tuple[StageRecipe, ...], msgspec.Meta(min_length=1)]
    training: TrainingRecipe = TrainingRecipe()
    variation: tuple[dict[str, Any], ...] = ()
    risk: RiskRecipe | None = None
    name: Identifier = "cascade"
    version: Version = "1"

    def trainings(self) -> tuple[TrainingRecipe, ...]:
        """Return the training of each variation.

        Raises:
            DatasetError: a variation changes a key that all must share, or sets a value out of range.
        """
        return tuple(
            self._apply_variation(number, changes) for number, changes in enumerate(self.variation, 1)
        ) or (self.training,)

    def _apply_variation(self, number: int, changes: dict[str, Any]) -> TrainingRecipe:
        where = f"variation {number}"
        if shared := sorted(_SHARED & changes.keys()):
            raise DatasetError(f"{where}: {shared[0]} belongs into [training]: all variations share it")
        try:
            varied = msgspec.convert({**msgspec.to_builtins(self.training), **changes}, TrainingRecipe)
        except msgspec.ValidationError as err:
            raise DatasetError(f"{where}: {describe_invalid(err, changes, TrainingRecipe)}") from err
        sources = dict.fromkeys((*self.training.leave_out_sources, *varied.leave_out_sources))
        groups = dict.fromkeys((*self.training.leave_out_groups, *varied.leave_out_groups))
        return msgspec.structs.replace(
            varied, leave_out_sources=tuple(sources), leave_out_groups=tuple(groups)
        )


def read_recipe(path: Path) -> CascadeRecipe:
    """Read and check a recipe.

    Raises:
        DatasetError: it cannot be read, has unknown keys or values out of range, or contradicts itself.
    """
    parts: dict[str, type[msgspec.Struct]] = {
        "training": TrainingRecipe,
        "variation": TrainingRecipe,
        "risk": RiskRecipe,
        "stage": StageRecipe,
    }
    recipe = read_stage_file(path, CascadeRecipe, parts, DatasetError, "a recipe in TOML")
    try:
        trainings = recipe.trainings()
    except DatasetError as err:
        raise DatasetError(f"{path}: {err}") from err
    if problems := list(_find_contradictions(recipe, trainings)):
        raise DatasetError(f"{path}: {'; '.join(problems)}")
    return recipe


def format_recipe(recipe: CascadeRecipe) -> str:
    """Format a recipe without variations, so that ``read_recipe`` gives it again."""
    tables = msgspec.to_builtins(recipe)
    stages, training = tables.pop("stage"), tables.pop("training")
    del tables["variation"], tables["risk"]
    lines = ["# Written by `converter retrain`, from its flags.", *_format_toml(tables)]
    for heading, table in [("[training]", training), *(("[[stage]]", stage) for stage in stages)]:
        lines += ["", heading, *_format_toml(table)]
    return "\n".join(lines) + "\n"


def format_cascade(
    recipe: CascadeRecipe,
    graph_name: str,
    temperatures: Mapping[str, float] | None = None,
    risk: StatedRisk | None = None,
) -> str:
    """Format the cascade file that ``convert`` reads: the stages with their graphs, without the training.

    Args:
        recipe: of the trained cascade.
        graph_name: name of the graph's file in each stage's folder.
        temperatures: of stages.
        risk: what was measured of the thresholds.
    """
    head = {
        "name": recipe.name,
        "version": recipe.version,
        "root": recipe.root or recipe.stage[0].name,
        "licence": recipe.licence,
        "intended_use": recipe.intended_use,
        "colourless": recipe.colourless,
        "licences": recipe.training.licences or None,
    }
    lines = ["# Written by `converter retrain`.", *_format_toml(head)]
    for stage in recipe.stage:
        table = {
            "name": stage.name,
            "graph": f"{stage.name}/{graph_name}",
            "routes": stage.routes or None,
            "otherwise": stage.otherwise,
            "decision_threshold": stage.decision_threshold,
            "abstain_below": stage.abstain_below,
            "temperature": (temperatures or {}).get(stage.name),
            "map_from": stage.map_from,
        }
        lines += ["", "[[stage]]", *_format_toml(table)]
    if risk:
        tables = msgspec.to_builtins(risk)
        stages = tables.pop("stages")
        lines += ["", "[risk]", *_format_toml(tables)]
        for one in stages:
            lines += ["", "[[risk.stages]]", *_format_toml(one)]
    return "\n".join(lines) + "\n"


def _find_contradictions(recipe: CascadeRecipe, trainings: tuple[TrainingRecipe, ...]) -> Iterator[str]:
    stages = [stage.stage(stage.labels, {}) for stage in recipe.stage]
    yield from find_contradictions(
        recipe.root, stages, {stage.name: stage.map_from for stage in recipe.stage}
    )
    if not recipe.training.fine_tune and any(training.style_mixing for training in trainings):
        yield "style_mixing changes layers that are trained along, and fine_tune is 0"
    if recipe.training.sets and (
        more := {s for t in trainings for s in t.sets} - recipe.training.sets.keys()
    ):
        yield f"a variation has the set {min(more)!r}, which [training.sets] has not"
    yield from _find_risk_contradictions(recipe, trainings)
    for stage in recipe.stage:
        if stage.learn != "pictures" and stage.column != "corroded":
            yield (
                f"stage {stage.name}: learns from {stage.learn}, but masks show corroded, not {stage.column}"
            )


def _find_risk_contradictions(recipe: CascadeRecipe, trainings: tuple[TrainingRecipe, ...]) -> Iterator[str]:
    def count(training: TrainingRecipe) -> int:
        return len(training.leave_out_sources) + len(training.leave_out_groups)

    if recipe.risk and max(map(count, trainings)) == count(recipe.training):
        yield (
            "[risk] is judged on what a [[variation]] leaves out, and none has leave_out_sources or"
            " leave_out_groups"
        )
    used = {recipe.root or recipe.stage[0].name}
    used |= {name for stage in recipe.stage for name in (stage.otherwise, stage.map_from) if name}
    for stage in recipe.stage:
        if stage.drop_unless_coverage is None:
            continue
        if recipe.risk is None:
            yield f"stage {stage.name}: drop_unless_coverage needs the risk at which it is measured: [risk]"
        if stage.name in used:
            yield f"stage {stage.name}: cannot be dropped, the root, an otherwise or a map_from names it"


def _format_toml(table: Mapping[str, object]) -> list[str]:
    """Return the lines of a TOML table; its strings and numbers are written as in JSON."""
    lines = []
    for key, value in table.items():
        text = msgspec.json.encode(value).decode()
        if isinstance(value, dict):
            pairs = (
                f"{msgspec.json.encode(name).decode()} = {msgspec.json.encode(to).decode()}"
                for name, to in value.items()
            )
            text = f"{{ {', '.join(pairs)} }}"
        if value is not None:
            lines.append(f"{key} = {text}")
    return lines

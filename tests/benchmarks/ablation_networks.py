"""Build the networks of the ablation, each as the cascade that ``convert`` is given.

MobileNet v1 is the four graphs of TensorFlow for Poets. The others are heads trained here, with the stages of
the default bundle's recipe, on a frozen backbone: ImageNet weights for EfficientNet-Lite1 (the default
bundle's network) and Inception v3; the zoo trains MobileNet v2 from scratch, because there are no weights.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.architectures.backbones import GraphRecord
from converter.graphs.cascade_file import CascadePlan, read_cascade
from converter.training.recipe import CascadeRecipe, TrainingRecipe, format_cascade, read_recipe
from converter.training.retrained_graph import (
    GRAPH_NAME,
    OutputFiles,
    Retrained,
    freeze_backbone,
    write_retrained,
)
from converter.training.retraining import fit, prepare
from tests.benchmarks.zoo_models import MODELS
from tests.benchmarks.zoo_pictures import MATERIAL, ZooPictures
from tests.benchmarks.zoo_workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from converter.data.dataset import Sample

# Name -> architecture of ``converter.architectures``; None: read from the shared graphs.
NETWORKS = {
    "MobileNet v1": None,
    "EfficientNet-Lite1": "efficientnet_lite1",
    "Inception v3": "inception_v3",
    "MobileNet v2": "mobilenet_v2",
}


def build_network(name: str, training: Sequence[Sample], shared: Path, work: Path) -> CascadePlan:
    """Return a network's cascade; train its heads first, unless the work folder holds them already."""
    architecture = NETWORKS[name]
    path = work / (architecture or "mobilenet_v1") / "CASCADE.toml"
    path.parent.mkdir(exist_ok=True)
    if architecture is None:
        text = resources.files("converter").joinpath("examples/cascade.toml").read_text(encoding="utf-8")
        path.write_text(text.replace('graph = "', f'graph = "{shared.resolve()}/graphs/'), encoding="utf-8")
    elif not path.exists():
        recipe = _make_recipe(architecture, _find_weights(architecture, training, shared, work))
        _train(recipe, training, path.parent)
        path.write_text(format_cascade(recipe, GRAPH_NAME), encoding="utf-8")
    return read_cascade(path)


def _find_weights(architecture: str, training: Sequence[Sample], shared: Path, work: Path) -> str | None:
    """Return a file of weights; None for those of the architecture's package."""
    if architecture == "inception_v3":
        return str(shared / "backbones" / "inception_v3_notop.weights.h5")
    if architecture != "mobilenet_v2":
        return None
    steel = tuple(s for s in training if s.labels.get("material") == MATERIAL and s.labels.get("corroded"))
    workshop = Workshop(ZooPictures(shared / "data", steel, ()), shared, work)
    MODELS["MobileNet v2 1.0 224, .keras"].build(workshop, work / architecture)
    return str(next(work.glob("MobileNetV2_*.weights.h5")))


def _make_recipe(architecture: str, weights: str | None) -> CascadeRecipe:
    """Return the default bundle's recipe on a frozen backbone, without the stage that only draws maps."""
    with resources.as_file(resources.files("converter").joinpath("examples/default_cascade.toml")) as path:
        recipe = read_recipe(path)
    stages = tuple(
        msgspec.structs.replace(stage, map_from=None) for stage in recipe.stage if stage.learn == "pictures"
    )
    size = recipe.training.size_px if architecture == recipe.training.architecture else None
    training = TrainingRecipe(architecture=architecture, weights=weights, size_px=size, map_weight=0.0)
    return msgspec.structs.replace(recipe, stage=stages, training=training, variation=())


def _train(recipe: CascadeRecipe, samples: Sequence[Sample], folder: Path) -> None:
    """Train on all samples and write a graph for each stage, as ``converter retrain --cascade`` does."""
    everything = np.ones(len(samples), bool)
    fitted = fit(prepare(samples, recipe), everything, ~everything)
    backbone, definition = fitted.backbone, freeze_backbone(fitted.backbone)
    for head in fitted.heads:
        record = GraphRecord(
            architecture=backbone.architecture,
            weights_sha256=backbone.weights_sha256,
            input=backbone.input,
            labels=head.question.labels,
            final_tensor="final_result",
        )
        stage = folder / head.question.name
        write_retrained(OutputFiles.of(stage / GRAPH_NAME), Retrained(definition, head, 1.0, record))

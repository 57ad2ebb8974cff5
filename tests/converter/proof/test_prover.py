"""The proof at the source: a bundle of a misread graph is refused with the likely cause, a right one proved.

Each misreading is a real conversion: of the same weights entered or answered otherwise, or of wrong flags.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import msgspec
import numpy as np
import pytest
import tensorflow as tf

from converter.evaluation.float_agreement import run_model
from converter.graphs.scaling import GraphFlags
from converter.proof.picture_choice import PictureSet
from converter.proof.prover import SourceSaid, prove_float, prove_quantized
from converter.proof.source_process import ask_sources
from converter.source_model.decoding import hash_pixels
from converter.source_model.request import (
    ScalingScore,
    SourceFlags,
    SourcePicture,
    SourceRequest,
    SourceStage,
)
from edge_node.camera.picture import read_picture
from edge_node.errors import ConversionError
from edge_node.inference.bundle import with_manifest
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import Resize
from tests.support.entry_graphs import (
    SIZE_PX,
    body,
    channels_first,
    colours,
    draw_picture,
    float_bundle,
    placeholder,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.proof.source_proof import SourceProof
    from edge_node.inference.bundle import Bundle

PICTURES = 10


def transposed(x: Any) -> Any:
    """Return channels last of channels first."""
    return tf.transpose(x, [0, 2, 3, 1])


def first_as_last() -> None:
    """Build the channels-first network for a picture whose channels stand last and are not moved."""
    body(transposed(tf.reshape(colours(1), (1, 3, SIZE_PX, SIZE_PX))) / 255.0)


def keep_prob() -> None:
    """Build a network with a dropout whose share is fed, over an input of bytes."""
    keep = placeholder(name="keep_prob")
    x = tf.cast(colours(dtype=tf.uint8), tf.float32) / 255.0
    body(x, middle=lambda x: tf.compat.v1.nn.dropout(x, rate=1 - keep))


def sure(logits: Any, name: str) -> Any:
    """Return two sigmoids."""
    return tf.nn.sigmoid(logits, name=name)


def sharp(logits: Any, name: str) -> Any:
    """Return a softmax that a rounded pixel turns over."""
    return tf.nn.softmax(4.0 * tf.sin(300.0 * logits), name=name)


def sigmoids_as_logits(logits: Any, name: str) -> Any:
    """Return what becomes of sigmoids that are taken for logits."""
    return tf.nn.softmax(tf.nn.sigmoid(logits), name=name)


@dataclass(frozen=True)
class Misreading:
    """A source, and the same weights converted otherwise: another graph, or other flags."""

    source: Callable[[], Any]
    misread: Callable[[], Any] | None
    flags: GraphFlags
    said: str


MISREADINGS = {
    "channels": Misreading(
        lambda: body(transposed(channels_first(1)) / 255.0),
        first_as_last,
        GraphFlags(input_mean=0.0, input_std=1.0),
        "NCHW",
    ),
    "invented": Misreading(
        lambda: body(tf.identity(colours())),
        None,
        GraphFlags(input_mean=0.0, input_std=255.0),
        "told neither by its own ops nor .* give --input-mean and --input-std",
    ),
    "twice": Misreading(
        lambda: body(colours() / 255.0 * 4.0),
        None,
        GraphFlags(input_mean=0.0, input_std=255.0),
        "likely cause: the bundle takes pixels / 255, the source does not",
    ),
    "order": Misreading(
        lambda: body(colours() / 255.0),
        None,
        GraphFlags(input_mean=0.0, input_std=1.0, input_colour_order="BGR"),
        "likely cause: the bundle takes pixels BGR instead of RGB, the source does not",
    ),
    "sigmoid": Misreading(
        lambda: body(colours() / 255.0, sure, bias=2.0),
        lambda: body(colours() / 255.0, sigmoids_as_logits, bias=2.0),
        GraphFlags(),
        "likely cause: a softmax over what is probabilities already",
    ),
    "independent": Misreading(
        lambda: body(colours() / 255.0, sure, bias=2.0),
        lambda: body(colours() / 255.0, bias=2.0),
        GraphFlags(),
        r"likely cause: labels that are independent \(a sigmoid each\) read as logits",
    ),
    "grey": Misreading(
        lambda: body(colours(channels=1) / 255.0),
        lambda: body(colours()[..., :1] / 255.0),
        GraphFlags(input_mean=0.0, input_std=1.0),
        "channels: GREY",
    ),
}


def sensitive(x: Any) -> Any:
    """Build a network whose answers move by much where a pixel moves by one level; return its logits."""
    rng = np.random.default_rng(0)
    x = tf.sin(tf.nn.conv2d(x, rng.normal(0, 255.0, (1, 1, 3, 8)).astype(np.float32), 5, "SAME"))
    return tf.matmul(tf.reduce_mean(x, [1, 2]), rng.normal(0, 8.0, (8, 2)).astype(np.float32))


def rounds_to_8_bits() -> None:
    """Build a network trained for 8 bits, whose steps are large; its weights are rounded for good."""

    def rounded(x: Any) -> Any:
        return tf.quantization.fake_quant_with_min_max_args(x, min=-64.0, max=64.0, num_bits=8)

    weights = 0.9 * np.eye(8, dtype=np.float32)
    body(colours() / 255.0, middle=lambda x: tf.matmul(rounded(x), rounded(tf.constant(weights))))


RIGHT = {"right_first": lambda: body(transposed(channels_first(1)) / 255.0), "right_bytes": keep_prob}
ROUNDED = {
    "rounded_bytes": lambda: tf.nn.softmax(
        sensitive(tf.cast(colours(dtype=tf.uint8), tf.float32) / 255.0), name="final_result"
    ),
    "rounded_resizing": lambda: tf.nn.softmax(
        sensitive(colours() / 255.0) + np.zeros(2, np.float32), name="final_result"
    ),
    "rounded_numbers": rounds_to_8_bits,
}


@dataclass(frozen=True)
class Asked:
    """Sources that one process was asked about."""

    folder: Path
    pictures: PictureSet
    said: SourceSaid

    def prove(self, bundle: Bundle) -> SourceProof:
        """Hold a bundle to the source that its stage is called after."""
        logits = run_model(Engine(bundle), map(self.pictures.read, range(PICTURES)))
        return prove_float(self.said, bundle, logits)


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Asked:
    """All sources, asked about a few pictures by one real process."""
    folder = tmp_path_factory.mktemp("proof")
    paths = []
    for at in range(PICTURES):
        pixels = cv2.resize(draw_picture(at), (40, 32), interpolation=cv2.INTER_NEAREST)
        paths.append(folder / f"{at}.png")
        cv2.imwrite(str(paths[-1]), pixels)
    sources = {name: case.source for name, case in MISREADINGS.items()} | RIGHT | ROUNDED
    sources["sharp"] = lambda: body(colours() / 255.0, sharp)
    graphs = {name: written(folder / name, build) for name, build in sources.items()}
    pictures = PictureSet(tuple(paths), lambda at: read_picture(paths[at]), PICTURES)
    request = SourceRequest(
        stages=tuple(
            SourceStage(name=name, graph=str(path), flags=SourceFlags(), labels=2)
            for name, path in graphs.items()
        ),
        pictures=tuple(
            SourcePicture(path=str(path), sha256=hash_pixels(pictures.read(at)[..., ::-1]))
            for at, path in enumerate(paths)
        ),
        compared=PICTURES,
        variants=True,
    )
    work = folder / "work"
    work.mkdir()
    result = ask_sources(request, work)
    return Asked(folder, pictures, SourceSaid(request, result, pictures, tuple(range(PICTURES)), work))


def test_the_process_saw_nothing_of_the_converters_reading(asked):
    """The real process, in the end, had loaded its own package and what every process needs."""
    others = {name for name in asked.said.result.modules if not name.startswith("converter.source_model")}
    assert others <= {"converter.child_process", "converter.tensorflow_import"}
    assert "converter.source_model.graph_session" in asked.said.result.modules


@pytest.mark.parametrize("name", RIGHT)
def test_what_was_read_right_is_proved(asked, name):
    """Channels first, and bytes with a keep_prob behind them: same labels, probabilities within 0.01."""
    proof = asked.prove(float_bundle(asked.folder / name / "retrained_graph.pb", asked.folder / f"{name}-w"))
    (stage,) = proof.stages
    assert proof.proved
    assert (stage.in_float.same, stage.in_float.pictures) == (PICTURES, PICTURES)
    assert stage.in_float.worst < 0.01
    assert "10 of 10 times" in proof.sentence
    assert "TensorFlow decodes 10 of 10 pictures to the node's pixels" in proof.decoders


def test_rounding_of_resized_pixels_is_no_misreading(asked):
    """A network that a level turns over is proved; not if its bundle resizes by another rule."""
    bundle = float_bundle(asked.folder / "sharp" / "retrained_graph.pb", asked.folder / "sharp-w")
    assert asked.prove(bundle).stages[0].in_float.worst > 0.1
    (model,) = bundle.manifest.models
    other = msgspec.structs.replace(
        model, input=msgspec.structs.replace(model.input, resize=Resize.BILINEAR_TF1)
    )
    with pytest.raises(ConversionError, match="does not say what its source says"):
        asked.prove(with_manifest(bundle, msgspec.structs.replace(bundle.manifest, models=(other,))))


@pytest.mark.parametrize("name", ROUNDED)
def test_what_rounding_alone_moves_is_proved(asked, name):
    """Pixels that are resized to bytes, resized by other arithmetic, and 8 bits inside the source itself."""
    proof = asked.prove(float_bundle(asked.folder / name / "retrained_graph.pb", asked.folder / f"{name}-w"))
    assert proof.proved
    assert proof.stages[0].in_float.worst > 0.05


@pytest.mark.parametrize("name", MISREADINGS)
def test_a_misread_graph_is_refused_with_the_likely_cause(asked, name):
    """The bundle's answers differ from the source's: the picture, both answers, and what explains them."""
    case, stage = MISREADINGS[name], asked.folder / name
    graph = stage / "retrained_graph.pb"
    if case.misread is not None:
        graph = written(asked.folder / "misread" / name, case.misread)
    bundle = float_bundle(graph, asked.folder / f"{name}-work", case.flags)
    with pytest.raises(ConversionError, match=case.said) as caught:
        asked.prove(bundle)
    assert f"stage {name}: " in str(caught.value)
    if name != "invented":
        assert ".png: TensorFlow says " in str(caught.value)
        assert ", the bundle " in str(caught.value)


@pytest.fixture(scope="module")
def right(asked) -> tuple[Bundle, SourceProof]:
    """A float bundle of a source, and its proof."""
    name = "right_first"
    bundle = float_bundle(asked.folder / name / "retrained_graph.pb", asked.folder / f"{name}-again")
    return bundle, asked.prove(bundle)


def with_answers(said: SourceSaid, name: str, **changes: Any) -> SourceSaid:
    """Return what was said with other answers of one source."""
    found = msgspec.structs.replace(said.result.stages[name], **changes)
    stages = {**said.result.stages, name: found}
    return replace(said, result=msgspec.structs.replace(said.result, stages=stages))


def test_quantized_models_are_held_to_what_was_asked_for(asked, right):
    """Labels that flip: without a budget the bundle is not proved, with one it ends; kept ones are proved."""
    bundle, proof = right
    assert prove_quantized(proof, asked.said, bundle, 0.99).proved
    flipped = tuple(row[::-1] for row in asked.said.result.stages["right_first"].probabilities)
    said = with_answers(asked.said, "right_first", probabilities=flipped)
    found = prove_quantized(proof, said, bundle, None)
    assert not found.proved
    assert found.sentence.startswith("not proved at the source: stage right_first: quantized it keeps")
    assert "rounding to 8 bits is the cause" in found.reason
    with pytest.raises(
        ConversionError, match=r"wanted 99%; .*\.png: TensorFlow says .*no bundle was written"
    ):
        prove_quantized(proof, said, bundle, 0.99)


def test_a_clearly_better_scaling_ends_the_conversion_with_the_figures(asked, right):
    """Another scaling that is right on most labelled pictures: both figures, and the flags to give."""
    scores = (
        ScalingScore(name="as chosen", right=20, pictures=40),
        ScalingScore(name="-1 to 1", right=39, pictures=40, gained=20, lost=1),
    )
    bundle, _ = right
    logits = run_model(Engine(bundle), map(asked.pictures.read, range(PICTURES)))
    with pytest.raises(
        ConversionError, match=r"39 of 40 .* with -1 to 1, as chosen on 20 of them .*--input-mean"
    ):
        prove_float(with_answers(asked.said, "right_first", scores=scores), bundle, logits)


def test_labels_that_deny_each_other_may_not_mean_the_same(asked, right):
    """With rust and without rust, both corroded in the bundle: the labels, and where to say it."""
    bundle, _ = right
    (stage,) = bundle.manifest.cascade.stages
    labels = ("with rust", "without rust")
    rusty = dict.fromkeys(labels, stage.meanings["corroded"])
    stage = msgspec.structs.replace(stage, labels=labels, meanings=rusty)
    cascade = msgspec.structs.replace(bundle.manifest.cascade, stages=(stage,))
    misread = with_manifest(bundle, msgspec.structs.replace(bundle.manifest, cascade=cascade))
    logits = run_model(Engine(bundle), map(asked.pictures.read, range(PICTURES)))
    with pytest.raises(
        ConversionError, match=r"'with rust' and 'without rust' say opposite things.*--meaning"
    ):
        prove_float(asked.said, misread, logits)

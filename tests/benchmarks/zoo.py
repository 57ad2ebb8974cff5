"""A zoo of source models through the modes of ``convert``, as one table.

Weights are random where none come with a package, so agreement with float says whether a mode computes an
architecture rightly, and nothing of accuracy. What ought to be refused is in the table too.

    python -m tests.benchmarks.zoo PICTURES [--modes int8,float16,...] [--only NAME,...] [--target TARGET]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.bundle_writer import MadeModel, assemble
from converter.cascade_file import CascadePlan, plan_of_graph
from converter.checks import audit_types
from converter.compare import ask, compare
from converter.fuse import fuse
from converter.graph import load_graph
from converter.pictures import Calibration, load_calibration
from converter.quantize import Mode, Target, convert_graph
from converter.scaling import GraphFlags
from converter.target import probe_in_target
from converter.tensorflow_import import tensorflow
from edge_node.engine import Engine
from edge_node.errors import CorrosionError
from edge_node.manifest import Provenance
from tests.converter import small_graphs

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.bundle import Bundle

LABELS = ("corroded", "uncorroded")
SYMMETRIC = GraphFlags(input_mean=127.5, input_std=127.5)
RAW = GraphFlags(input_mean=0.0, input_std=1.0)


def main() -> int:
    """Print a line per model and mode."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--modes", default="int8,int8-float-io,float16,dynamic,none")
    parser.add_argument("--only", default="")
    parser.add_argument("--target", default=Target.LITERT.value)
    parser.add_argument("--calibrate-on", type=int, default=16, metavar="N")
    args = parser.parse_args()
    calibration = load_calibration(args.pictures, args.calibrate_on, 0)
    chosen = args.only.split(",") if args.only else list(ZOO)
    print(f"{'model':<28} {'mode':<14} {'MB':>7} {'same label':>10} {'worst':>7}  map")
    for name in chosen:
        build, flags = ZOO[name]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "retrained_labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
            path = build(Path(folder))
            try:
                one_model(
                    name, path, flags, [Mode(m) for m in args.modes.split(",")], calibration, args.target
                )
            except CorrosionError as err:
                print(f"{name:<28} refused: {str(err).removeprefix(str(path)).lstrip(': ')}", flush=True)
    return 0


def one_model(  # noqa: PLR0917 - what a line of the table depends on
    name: str, path: Path, flags: GraphFlags, modes: list[Mode], calibration: Calibration, target: str
) -> None:
    """Convert one model to every mode and print a line for each."""
    plan = plan_of_graph(path, path.parent / "retrained_labels.txt", flags)
    stage = replace(plan.stages[0])
    graph = load_graph(path, flags)
    (fused,) = fuse({stage.stage.name: graph})
    pictures = calibration.resized(fused.preprocessing)

    def made(mode: Mode) -> Bundle:
        converted = convert_graph(fused, mode, pictures, Target(target))
        audit_types(name, converted.content, mode)
        return in_memory(plan, MadeModel(fused, mode, converted.content))

    reference = made(Mode.NONE)
    answers = ask(Engine(reference, threads=2), calibration.pixels)
    for mode in modes:
        try:
            bundle = reference if mode is Mode.NONE else made(mode)
            (found,) = compare(
                bundle.manifest.cascade.stages, answers, ask(Engine(bundle, threads=2), calibration.pixels)
            )
            if Target(target) is not Target.LITERT:
                probe_in_target(bundle, Target(target))
            size = bundle.manifest.models[0].size_bytes / 1e6
            kind = "yes" if graph.head else "no"
            print(
                f"{name:<28} {mode.value:<14} {size:7.2f} {found.agreement:10.1%}"
                f" {found.worst_difference:7.3f}  {kind}",
                flush=True,
            )
        except CorrosionError as err:
            print(f"{name:<28} {mode.value:<14} {err}", flush=True)


def in_memory(plan: CascadePlan, made: MadeModel) -> Bundle:
    """Return a bundle that is not written."""
    return assemble(plan, [made], Provenance(graphs=(), tools={}))


def poets(**options: Any) -> Callable[[Path], Path]:
    """Return what writes a small TensorFlow-for-Poets MobileNet."""
    return lambda folder: small_graphs.write_graph(folder, small_graphs.poets_mobilenet(**options))


def inception(producer: int) -> Callable[[Path], Path]:
    """Return what writes the first layers of the Inception graph of 2015."""
    return lambda folder: small_graphs.write_graph(folder, small_graphs.inception_2015(producer))


def keras(name: str, size: int, *, saved_model: bool = False, **options: Any) -> Callable[[Path], Path]:
    """Return what writes a classifier over ``tf.keras.applications`` with random weights."""

    def build(folder: Path) -> Path:
        tf = tensorflow()
        tf.keras.utils.set_random_seed(1)
        application = getattr(tf.keras.applications, name)
        base = application(include_top=False, weights=None, input_shape=(size, size, 3), **options)
        pooled = tf.keras.layers.GlobalAveragePooling2D()(base.output)
        head = tf.keras.layers.Dense(2, activation="softmax")(pooled)
        model = tf.keras.Model(base.input, head)
        path = folder / ("saved" if saved_model else "model.keras")
        if saved_model:
            model.export(path, verbose=False)
        else:
            model.save(path)
        (path.parent / "retrained_labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
        return path

    return build


def two_inputs(folder: Path) -> Path:
    """Write a graph with two pictures in."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        left, right = (tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name=n) for n in ("left", "right"))
        tf.nn.softmax(tf.reduce_mean(left + right, (1, 2)), name="final_result")
    return small_graphs.write_graph(folder, graph.as_graph_def())


def detector(folder: Path) -> Path:
    """Write a graph with boxes and scores out."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name="image")
        tf.reshape(picture, (1, 64, 3), name="boxes")
        tf.reduce_max(picture, -1, name="scores")
    return small_graphs.write_graph(folder, graph.as_graph_def())


ZOO: dict[str, tuple[Callable[[Path], Path], GraphFlags]] = {
    "inception 2015, producer 8": (inception(8), GraphFlags()),
    "inception 2015, producer 21": (inception(21), GraphFlags()),
    "inception 2015, producer 27": (inception(27), GraphFlags()),
    "poets mobilenet": (poets(), GraphFlags()),
    "poets mobilenet _quantized": (poets(fake_quant=True), GraphFlags()),
    "mobilenet v1 0.25 128": (keras("MobileNet", 128, alpha=0.25), SYMMETRIC),
    "mobilenet v1 0.5 128": (keras("MobileNet", 128, alpha=0.5), SYMMETRIC),
    "mobilenet v1 1.0 224": (keras("MobileNet", 224, alpha=1.0), SYMMETRIC),
    "mobilenet v2 1.0 224": (keras("MobileNetV2", 224), SYMMETRIC),
    "efficientnet b0": (keras("EfficientNetB0", 224), GraphFlags()),
    "inception v3 keras": (keras("InceptionV3", 299), SYMMETRIC),
    "resnet 50 saved model": (keras("ResNet50", 128, saved_model=True), RAW),
    "two inputs": (two_inputs, GraphFlags()),
    "detector": (detector, GraphFlags()),
}


if __name__ == "__main__":
    raise SystemExit(main())

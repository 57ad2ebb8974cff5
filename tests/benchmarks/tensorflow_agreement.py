"""Hold a bundle against TensorFlow's own session on the graphs it was made from, picture by picture.

TensorFlow decodes, resizes and runs as the old ``label_image`` did; the bundle runs through the node's own
path. Every stage is asked about every picture, also those that the cascade would not have asked.

TensorFlow decodes JPEG with a fast, coarse inverse DCT unless told otherwise: its pixels are off by up to 7
grey levels and by 1 on average. Asked for the accurate one (the default here) it gives OpenCV's pixels
to the last bit; ``--fast-dct`` shows what its own default does to the probabilities.

    python -m tests.benchmarks.tensorflow_agreement CASCADE.toml BUNDLE PICTURES [--every N] [--fast-dct]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import msgspec
import numpy as np
import tensorflow as tf

from edge_node.inference.bundle import Bundle, load_bundle
from tests.benchmarks.bundle_agreement import pictures_below, probabilities_of_bundle

v1 = tf.compat.v1


def main() -> int:
    """Print per stage on how many pictures the labels differ, and the largest difference of a probability."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cascade", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth picture")
    parser.add_argument("--fast-dct", action="store_true", help="decode JPEG as TensorFlow does by default")
    args = parser.parse_args()
    dct = "INTEGER_FAST" if args.fast_dct else "INTEGER_ACCURATE"
    pictures = pictures_below(args.pictures)[:: args.every]
    bundle = load_bundle(args.bundle)
    ours = probabilities_of_bundle(bundle, pictures)
    stages = msgspec.toml.decode(args.cascade.read_bytes())["stage"]
    differing = 0
    print(f"{'stage':<16} {'pictures':>8} {'labels differ':>13} {'largest difference':>18}  {'its picture'}")
    for stage in stages:
        theirs = probabilities_of_graph(
            args.cascade.parent / stage["graph"], bundle, stage["name"], pictures, dct
        )
        difference = np.abs(theirs - ours[stage["name"]]).max(axis=1)
        flipped = np.flatnonzero(theirs.argmax(axis=1) != ours[stage["name"]].argmax(axis=1))
        differing += len(flipped)
        worst = int(difference.argmax())
        print(
            f"{stage['name']:<16} {len(pictures):>8} {len(flipped):>13} {difference[worst]:>18.6f}"
            f"  {pictures[worst].name}"
        )
        for index in flipped:
            print(
                f"    {pictures[index]}: TensorFlow {theirs[index].round(4)},"
                f" bundle {ours[stage['name']][index].round(4)}"
            )
    return 1 if differing else 0


def probabilities_of_graph(
    path: Path, bundle: Bundle, stage_name: str, pictures: list[Path], dct: str
) -> np.ndarray:
    """Return what a TensorFlow session says, ``(pictures, labels)``, decoding and resizing by itself."""
    definition = v1.GraphDef()
    definition.ParseFromString(path.read_bytes())
    spec = bundle.manifest.model(bundle.manifest.cascade.stage(stage_name).model).input
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(definition, name="")
        graph = v1.get_default_graph()
        content = v1.placeholder(tf.string)
        picture = tf.image.decode_jpeg(content, channels=3, dct_method=dct)
        batch = tf.expand_dims(tf.cast(picture, tf.float32), 0)
        resized = v1.image.resize_bilinear(batch, spec.shape[1:3])
        normalized = (resized - spec.mean[0]) / spec.std[0]
        entry = next(
            name for name in ("input:0", "Mul:0") if name.split(":")[0] in {n.name for n in definition.node}
        )
        output = graph.get_tensor_by_name("final_result:0")
        rows = []
        for file in pictures:
            tensor = session.run(normalized, {content: file.read_bytes()})
            rows.append(session.run(output, {entry: tensor})[0])
    return np.stack(rows)


if __name__ == "__main__":
    raise SystemExit(main())

"""On how many pictures two bundles of one cascade choose the same label: int8 against float, old against new.

Every stage is asked about every picture, also those that the cascade would not have asked.

    python -m tests.benchmarks.bundle_agreement BUNDLE REFERENCE PICTURES [--leave-out FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from edge_node.camera.picture import PICTURE_SUFFIXES, read_picture
from edge_node.inference.bundle import Bundle, load_bundle
from edge_node.inference.cascade import calibrate_probabilities
from edge_node.inference.engine import Engine
from edge_node.inference.preprocess import input_tensor


def main() -> int:
    """Print per stage the share of equal labels and the largest difference of a probability."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--leave-out", type=Path, help="a folder whose file names are not asked: calibration")
    args = parser.parse_args()
    left_out = {path.name for path in args.leave_out.iterdir()} if args.leave_out else set()
    pictures = [path for path in pictures_below(args.pictures) if path.name not in left_out]
    found, wanted = (
        probabilities_of_bundle(load_bundle(path), pictures) for path in (args.bundle, args.reference)
    )
    for stage, reference in wanted.items():
        same = (found[stage].argmax(axis=1) == reference.argmax(axis=1)).mean()
        worst = np.abs(found[stage] - reference).max()
        print(f"{stage:<16} {len(pictures)} pictures, same label {same:.2%}, largest difference {worst:.4f}")
    return 0


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures below ``folder`` in order of names, masks left out."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    return [path for path in found if not path.stem.endswith("_mask")]


def probabilities_of_bundle(bundle: Bundle, pictures: list[Path]) -> dict[str, np.ndarray]:
    """Return per stage what the node's own path says, ``(pictures, labels)``."""
    engine = Engine(bundle)
    rows: dict[str, list[np.ndarray]] = {stage.name: [] for stage in bundle.manifest.cascade.stages}
    for path in pictures:
        pixels = read_picture(path)
        outputs = {
            model.file: engine.outputs(model.file, input_tensor(pixels, model.input))
            for model in bundle.manifest.models
        }
        for stage in bundle.manifest.cascade.stages:
            kind = next(
                out.kind for out in bundle.manifest.model(stage.model).outputs if out.name == stage.output
            )
            rows[stage.name].append(
                calibrate_probabilities(outputs[stage.model][stage.output], kind, stage.temperature)
            )
    return {name: np.stack(found) for name, found in rows.items()}


if __name__ == "__main__":
    raise SystemExit(main())

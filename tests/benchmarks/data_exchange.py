"""Import a COCO, a YOLO and a Label Studio data set of rendered plates, train, convert, export, import again.

    python -m tests.benchmarks.data_exchange [--count 30] [--steps 40]

Each row is one tool: what each step took, the test accuracy, and whether what came back from exports to COCO
and to Label Studio is equal to what was imported: labels.csv, and every byte of pictures and masks.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from converter.data.dataset import CORRODED, Sample, load_dataset
from converter.data.foreign.brush_rle import encode_brush
from converter.specimens.sets.dataset import write_dataset
from tests.support.foreign_sets import coco, label_studio_task, runs_of, write_json

_SIZE_PX = (320, 240)
_MAP = """without_corrosion = "uncorroded"
[categories]
rust = { corroded = true }
clean = { corroded = false }
"""


def main() -> None:
    """Print a row for each tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=30, help="rendered pictures")
    parser.add_argument("--steps", type=int, default=40, help="of training")
    args = parser.parse_args()
    print(f"{'tool':14}{'import':>9}{'train':>9}{'convert':>9}{'export':>9}{'again':>9}  accuracy  equal")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder / "plates", args.count, 1, size=_SIZE_PX)
        (folder / "map.toml").write_text(_MAP, encoding="utf-8")
        samples = load_dataset(folder / "plates")
        for tool, write in (
            ("COCO", _write_coco),
            ("YOLO", _write_yolo),
            ("Label Studio", _write_label_studio),
        ):
            (folder / tool).mkdir()
            write(samples, folder / tool)
            print(_measure(tool, folder, args.steps), flush=True)


def _measure(tool: str, folder: Path, steps: int) -> str:
    ours, given = folder / f"{tool}-ours", ("--source", "rendered", "--licence", "Apache-2.0")
    took = [_run("data", "import", folder / tool, ours, "--map", folder / "map.toml", *given)]
    graph = folder / f"{tool}-graph" / "steel.pb"
    flags = ("--how_many_training_steps", steps, "--size-px", 128, "--copies", 1, "--column", "corroded")
    took.append(_run("retrain", "--image_dir", ours, "--output_graph", graph, *flags))
    accuracy = re.search(r"test accuracy (\S+)", took[-1][1])
    took.append(_run("convert", graph, "--out", folder / f"{tool}-bundle"))
    equal, export_s, again_s = [], 0.0, 0.0
    for target in ("coco", "label-studio"):
        out, again = folder / f"{tool}-{target}", folder / f"{tool}-{target}-again"
        export_s += _run("data", "export", ours, out, "--to", target)[0]
        again_s += _run("data", "import", out, again, "--map", out / "categories.toml")[0]
        equal.append(_content(ours) == _content(again))
    seconds = [*(one[0] for one in took), export_s, again_s]
    told = "".join(f"{one:7.1f} s" for one in seconds)
    return f"{tool:14}{told}  {accuracy[1] if accuracy else '?':>8}  {'yes' if all(equal) else 'NO'}"


def _run(*words: object) -> tuple[float, str]:
    """Run ``converter`` and return how long it took, and what it printed."""
    started = time.monotonic()
    command = [sys.executable, "-m", "converter.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return time.monotonic() - started, done.stdout


def _content(folder: Path) -> dict[str, bytes]:
    files = [folder / "labels.csv", *(folder / "pictures").rglob("*.*"), *(folder / "masks").rglob("*.*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _mask_of(sample: Sample) -> np.ndarray:
    mask = sample.read_mask((_SIZE_PX[1], _SIZE_PX[0]))
    return np.zeros((_SIZE_PX[1], _SIZE_PX[0]), bool) if mask is None else mask > 127


def _copy(sample: Sample, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sample.path.name).write_bytes(sample.path.read_bytes())
    return sample.path.name


def _write_coco(samples: tuple[Sample, ...], folder: Path) -> None:
    names = [_copy(sample, folder / "images") for sample in samples]
    masks = [_mask_of(sample) for sample in samples]
    regions = [
        {"image_id": at, "segmentation": runs_of(mask)}
        for at, mask in enumerate(masks, start=1)
        if mask.any()
    ]
    content = coco(names, regions)
    for image in content["images"]:
        image["width"], image["height"] = _SIZE_PX
    write_json(folder / "annotations.json", content)


def _write_yolo(samples: tuple[Sample, ...], folder: Path) -> None:
    (folder / "labels").mkdir()
    for sample in samples:
        name = _copy(sample, folder / "images")
        outlines, _ = cv2.findContours(
            _mask_of(sample).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        lines = [
            " ".join(["0", *(f"{value:.5f}" for value in (outline.reshape(-1, 2) / _SIZE_PX).ravel())])
            for outline in outlines
            if len(outline) > 2
        ]
        (folder / "labels" / name).with_suffix(".txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "data.yaml").write_text("train: images\nnames: [rust]\n", encoding="utf-8")


def _write_label_studio(samples: tuple[Sample, ...], folder: Path) -> None:
    tasks = []
    size = {"original_width": _SIZE_PX[0], "original_height": _SIZE_PX[1]}
    for sample in samples:
        choice = "rust" if sample.labels["corroded"] == CORRODED else "clean"
        results = [{"type": "choices", "value": {"choices": [choice]}, **size}]
        if (mask := _mask_of(sample)).any():
            brush = {"format": "rle", "rle": list(encode_brush(mask)), "brushlabels": ["rust"]}
            results.append({"type": "brushlabels", "value": brush, **size})
        tasks.append(label_studio_task(_copy(sample, folder), results))
    write_json(folder / "export.json", tasks)


if __name__ == "__main__":
    main()

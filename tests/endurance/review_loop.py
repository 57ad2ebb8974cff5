"""The whole loop with nothing left out: ``python -m tests.endurance.review_loop [--reviews 100]``.

Photographs (../shared/data, else rendered specimens) go by a real robot's camera. Its verdicts and pictures
reach a real control room by a real mosquitto; a person who knows the truth reviews them there; the reviewed
pictures leave as a data set; ``converter retrain``, ``convert`` and ``bundle pack`` make a bundle of them;
``edge-node bundle send`` brings it to the robot, which tries it, keeps it and names it in its verdicts.
Prints what each step came to, and ends with 1 where one did not.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from converter.data.dataset import load_dataset
from edge_node.config.sections import example_config
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.photographs import iter_photographs
from tests.support.processes import Mosquitto, command, daemon
from tests.support.releases import Maker

if TYPE_CHECKING:
    from numpy.typing import NDArray

BASE = "corrosion/v1/quay/crawler-1"
NAME = "reviewed-metal"
_TRAIN = ("--testing_percentage", "0", "--validation_percentage", "0", "--copies", "1", "--size_px", "96")


class Loop:
    """One robot, one control room, and a workstation, in one folder."""

    def __init__(self, folder: Path, reviews: int) -> None:
        self._folder = folder
        self._reviews = reviews
        self._truths: list[tuple[NDArray[np.float32], bool]] = []
        self._broker = Mosquitto(folder)

    def run(self) -> dict[str, Any]:
        """Go once around and return what each step came to."""
        maker = Maker(self._folder)
        config = self._configure(maker)
        self._broker.start()
        try:
            with (
                ControlRoom(self._folder, self._broker.port) as room,
                Collector(self._broker.port, f"{BASE}/verdict") as heard,
                daemon(config),
            ):
                return self._go_around(room, heard, maker)
        finally:
            self._broker.kill()

    def _go_around(self, room: ControlRoom, heard: Collector, maker: Maker) -> dict[str, Any]:
        reviewed = self._review(room)
        dataset = self._export(room, reviewed)
        samples = load_dataset(dataset)
        wrong = sum(
            (sample.labels["corroded"] == "corroded") is not reviewed[sample.path.stem] for sample in samples
        )
        bundle = self._learn(dataset)
        packed = self._pack(bundle, maker)
        before = len(heard.messages)
        _run("edge_node.cli", "bundle", "send", packed, "--broker", f"127.0.0.1:{self._broker.port}",
             "--robot", "quay/crawler-1", "--timeout", "120")  # fmt: skip
        self._wait(lambda: _names(heard)[-1] == f"{NAME}-2", "verdicts of the new bundle")
        return {
            "reviews": len(reviewed),
            "labels": dict(Counter(sample.labels["corroded"] for sample in samples)),
            "wrong labels": wrong,
            "bytes sent": packed.stat().st_size,
            "verdicts before": before,
            "bundles that judged": list(dict.fromkeys(_names(heard))),
        }

    def _configure(self, maker: Maker) -> Path:
        """Write photographs and the robot's configuration: every picture is kept, none is refused as dark."""
        pictures, path = self._folder / "photographs", self._folder / "node.toml"
        pictures.mkdir()
        for number, (pixels, is_corroded) in enumerate(iter_photographs(self._reviews)):
            cv2.imwrite(str(pictures / f"{number:04}.png"), pixels)
            self._truths.append((_look(pixels), is_corroded))
        off = dict.fromkeys(("dark_below", "contrast_below", "sharpness_below", "motion_below"), 0.0)
        text = example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(self._folder / "state")},
            camera={"source": str(pictures), "fps": 5.0, "loop": True},
            bundle={
                "path": "store",
                "trusted_keys": [maker.public],
                "trial_verdicts": 15,
                "trial_latency_factor": 100.0,
                "trial_abstain_points": 100.0,
            },
            mqtt={"hostname": "127.0.0.1", "port": self._broker.port},
            inspect=off,
            evidence={"sample_every": 1, "min_interval_s": 0.0},
        )
        path.write_text(text, encoding="utf-8")
        return path

    def _review(self, room: ControlRoom) -> dict[str, bool]:
        """Review pictures as they come until there are enough; return the truth of each by its name."""
        reviewed: dict[str, bool] = {}

        def go_on() -> bool:
            for one in room.ask("/api/queue?limit=1000")["pictures"]:
                sha256 = one["evidence_sha256"]
                if sha256 not in reviewed and len(reviewed) < self._reviews:
                    reviewed[sha256] = self._judge(room, one)
            return len(reviewed) >= self._reviews

        self._wait(go_on, "pictures to review", 2.0)
        return reviewed

    def _judge(self, room: ControlRoom, one: dict[str, Any]) -> bool:
        """Look at a picture, as far as it has come, and say what is right."""
        content = room.request(_picture(one["evidence_sha256"]))[2]
        seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        is_corroded = min(self._truths, key=lambda truth: float(np.abs(truth[0] - _look(seen)).mean()))[1]
        right = "corroded" if is_corroded else "uncorroded"
        body = {"judgement": "confirmed", "by": "Ada", "evidence_sha256": one["evidence_sha256"]}
        if one["outcome"] != right:
            body |= {"judgement": "disputed", "outcome": right}
        path, text = f"/api/verdicts/{one['id']}/review", json.dumps(body).encode()
        status, _, said = room.request(path, "POST", text, content_type="application/json")
        assert status == 202, said
        return is_corroded

    def _export(self, room: ControlRoom, reviewed: dict[str, bool]) -> Path:
        """Wait for the whole pictures, and take the data set as the page gives it."""

        def has_all() -> bool:
            sizes = (room.request(_picture(sha256), "HEAD")[1].get("x-picture-size") for sha256 in reviewed)
            return all(size == "full" for size in sizes)

        self._wait(has_all, "whole pictures", 2.0)
        status, _, body = room.request("/api/dataset.zip")
        assert status == 200, body
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            archive.extractall(self._folder / "dataset")
        return next((self._folder / "dataset").rglob("labels.csv")).parent

    def _learn(self, dataset: Path) -> Path:
        """Retrain one graph on the reviewed pictures, and convert it to a bundle."""
        graph, bundle = self._folder / "condition.pb", self._folder / "bundle"
        retrain = ("--image_dir", dataset, "--column", "corroded", "--output_graph", graph)
        runs = ("--runs_dir", self._folder / "runs", "--bottleneck_dir", self._folder / "bottlenecks")
        _run("converter.cli", "retrain", *retrain, *runs, *_TRAIN, "--how_many_training_steps", "200")
        calibration = ("--calibration", dataset, "--calibration-pictures", "30")
        _run("converter.cli", "convert", "--quantize", graph, *calibration, "--draft", "--name", NAME,
             "--out", bundle)  # fmt: skip
        return bundle

    def _pack(self, bundle: Path, maker: Maker) -> Path:
        key = self._folder / "release.pem"
        assert key.is_file(), maker.public
        _run("converter.cli", "bundle", "pack", bundle, self._folder, "--version", "2", "--key", key)
        return self._folder / f"{NAME}-2.bundle.tar"

    def _wait(self, condition: Any, what: str, every_s: float = 0.5) -> None:
        deadline = time.monotonic() + 60 + 5 * self._reviews
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what} in time")
            time.sleep(every_s)


def _picture(sha256: str) -> str:
    return f"/api/pictures/quay/crawler-1/{sha256}"


def _look(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a picture's colours, coarse: its text, below, is left out."""
    square = pixels[: round(pixels.shape[1] * 0.5)]
    return np.asarray(cv2.resize(square, (12, 8), interpolation=cv2.INTER_AREA), np.float32)


def _names(heard: Collector) -> list[str]:
    bundles = [json.loads(message.payload)["bundle"] for message in heard.messages]
    return [f"{one['name']}-{one['version']}" for one in bundles]


def _run(*arguments: object) -> None:
    done = command(*map(str, arguments), timeout=1800)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}\n{done.stderr}")


def main() -> None:
    """Go around and print what it came to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = Loop(Path(folder), args.reviews).run()
    for what, number in found.items():
        print(f"{what:>20}  {number}")
    is_right = found["wrong labels"] == 0 and found["bundles that judged"][-1] == f"{NAME}-2"
    raise SystemExit(0 if is_right else 1)


if __name__ == "__main__":
    main()

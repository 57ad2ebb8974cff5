"""Decides frames and publishes verdicts as a user would who has no node; `plain_script` measures both.

OpenCV reads and scales, LiteRT runs the bundle's model, paho publishes at QoS 1. One thread, no disk, no
inspectability, no map, no evidence.

    python tests/benchmarks/minimal_script.py BUNDLE SOURCE PORT FPS SECONDS      (FPS 0: as fast as it can)
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

WINDOW = 20  # as many unanswered messages as the node has by default


def main() -> int:
    """Judge frames for the seconds given, then wait until the broker has every verdict."""
    bundle, source, port, fps, seconds = Path(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:6])
    model = Model(bundle)
    client = Client(CallbackAPIVersion.VERSION2, client_id="minimal")
    client.max_inflight_messages_set(WINDOW)
    client.connect("127.0.0.1", int(port))
    client.loop_start()
    video, seq, began_s = cv2.VideoCapture(source), 0, time.monotonic()
    while time.monotonic() - began_s < seconds:
        has_frame, frame = video.read()
        if not has_frame:
            video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            continue
        if fps:
            time.sleep(max(0.0, began_s + seq / fps - time.monotonic()))
        seq += 1
        verdict = {"seq": seq, "at": time.time(), "stages": model.judge(frame)}
        client.publish("plain/verdict", json.dumps(verdict), qos=1)
    while client._out_messages:  # paho says it nowhere else
        time.sleep(0.01)
    client.loop_stop()
    return 0


class Model:
    """A bundle's fused model and its cascade."""

    def __init__(self, bundle: Path) -> None:
        self._cascade = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["cascade"]
        self._stages = {stage["name"]: stage for stage in self._cascade["stages"]}
        self._interpreter = Interpreter(str(bundle / "model.tflite"), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = {output["name"]: output for output in self._interpreter.get_output_details()}

    def judge(self, frame: np.ndarray) -> dict[str, dict[str, object]]:
        """Return what each stage on the way says of a BGR picture."""
        side = self._input["shape"][1]
        scaled = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
        self._interpreter.set_tensor(self._input["index"], cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB)[None])
        self._interpreter.invoke()
        name, said = self._cascade["root"], {}
        while name:
            stage = self._stages[name]
            probabilities = self._probabilities(stage)
            best = int(probabilities.argmax())
            label, is_sure = stage["labels"][best], probabilities[best] >= stage["abstain_below"]
            said[name] = {"label": label if is_sure else None, "p": round(float(probabilities[best]), 4)}
            name = stage["routes"].get(label) if is_sure else stage.get("otherwise")
        return said

    def _probabilities(self, stage: dict) -> np.ndarray:
        output = self._outputs[stage["output"]]
        scale, zero = output["quantization"]
        map_ = (self._interpreter.get_tensor(output["index"]).astype(np.float32) - zero) * scale
        logits = map_.reshape(-1, len(stage["labels"])).mean(0)
        exponentials = np.exp(logits - logits.max())
        return exponentials / exponentials.sum()


if __name__ == "__main__":
    raise SystemExit(main())

"""From a real daemon over reviews to a graph that was retrained on them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import msgspec
import pytest

from converter.data.dataset import load_dataset
from edge_node.config.sections import example_config
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.robots.commander import Commander, Ending
from edge_node.demo.run import CLIP
from edge_node.messages.command import Verb
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.types import Endpoint, Incoming
from edge_node.signing import load_signer, make_key_pair
from tests.support.collector import Collector
from tests.support.plates import run_retrain
from tests.support.processes import command, daemon, wait_for
from tests.support.signed_records import keys_of

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("quay", "crawler-1")


def _patches(folder: Path) -> None:
    """Frames of the demo's clip: six times clean and then corroded steel."""
    video = cv2.VideoCapture(str(CLIP))
    frames = [video.read()[1] for _ in range(256)]
    folder.mkdir()
    order: list[int] = []
    for part in range(6):
        order += [*range(5 + 4 * part, 9 + 4 * part), *range(66 + 6 * part, 71 + 6 * part)]
    for at, number in enumerate(order):
        cv2.imwrite(str(folder / f"{at:03}.png"), frames[number])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_a_real_daemon_over_reviews_to_a_retrained_graph(mosquitto, tmp_path):
    """Daemon, findings, reviews by command, pictures, export; and ``converter retrain`` learns from it."""
    _patches(tmp_path / "frames")
    public = make_key_pair(tmp_path / "terminal.pem")
    config = tmp_path / "node.toml"
    config.write_text(
        example_config(
            node={
                "site": "quay",
                "robot": "crawler-1",
                "asset": "pipe 7",
                "state_dir": str(tmp_path / "state"),
            },
            camera={"source": str(tmp_path / "frames"), "fps": 10.0, "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": mosquitto.port, "keep_alive_s": 2},
            findings={"open_frames": 2, "of_frames": 3, "close_frames": 2},
            evidence={"min_interval_s": 0.0, "sample_every": 1},
            commands={"burst": 1000, "max_per_minute": 6000, "public_key_file": str(public)},
        ),
        encoding="utf-8",
    )
    history, keys = History(tmp_path / "room"), keys_of(trusted_keys=[str(public)])
    sign = load_signer(tmp_path / "terminal.pem")
    asked = Commander(Endpoint("127.0.0.1", mosquitto.port, "room"), sign, timeout_s=30)
    with Collector(mosquitto.port) as heard, daemon(config):

        def said(leaf: str, kind: type) -> list:
            return [msgspec.json.decode(m.payload, type=kind) for m in heard.of(f"{TOPICS.base}/{leaf}")]

        def closed() -> list[Finding]:
            return [found for found in said("finding", Finding) if found.state is FindingState.CLOSED]

        wait_for(lambda: len({found.id for found in closed()}) >= 5, 90, "findings")
        clean = [
            found
            for found in said("verdict", Verdict)
            if found.outcome.value == "uncorroded" and found.material  # an unsure one is no label
        ][:12]
        assert clean
        subjects = [(found.id, found.best_evidence_sha256) for found in closed()[:5]]
        subjects += [(found.id, found.evidence_sha256) for found in clean]
        for subject, sha256 in subjects:
            reply = asked.send(
                TOPICS,
                Verb.REVIEW,
                {"subject": subject, "judgement": "confirmed", "by": "Anna", "evidence_sha256": sha256},
            )
            assert (reply.ending, reply.data["evidence_kept"]) == (Ending.DONE, True), reply.sentence
        whole = {sha256 for _, sha256 in subjects}
        wait_for(lambda: whole <= _whole_pictures(heard), 60, "whole pictures")
        for found in said("verdict", Verdict):
            history.add_verdict(found)
        for found in said("finding", Finding):
            history.add_finding(found)
        responses = heard.of(f"{TOPICS.base}/rsp")
        store(
            history, [Incoming(TOPICS.response, m.payload, is_retained=False) for m in responses], keys=keys
        )
        for sha256 in whole:
            content = next(m.payload for m in heard.of(TOPICS.evidence(sha256)) if m.user["size"] == "full")
            history.add_picture(
                StoredPicture("quay", "crawler-1", sha256, is_thumbnail=False, content=content)
            )
    history.close()
    room = ("--state-dir", str(tmp_path / "room"))
    ran = command("edge_node.cli", "mission", "export-dataset", str(tmp_path / "out"), *room)
    assert ran.returncode == 0, ran.stderr
    samples = load_dataset(tmp_path / "out")
    assert {sample.labels["corroded"] for sample in samples} == {"corroded", "uncorroded"}
    assert all(sample.labels["material"] for sample in samples)
    trained = run_retrain(
        *("--image_dir", tmp_path / "out", "--column", "corroded"),
        *("--size_px", 64, "--copies", 1, "--how_many_training_steps", 40),
        *("--output_graph", tmp_path / "graph.pb", "--output_labels", tmp_path / "labels.txt"),
    )
    assert trained.returncode == 0, trained.stderr[-2000:]
    assert (tmp_path / "labels.txt").read_text().split() == ["corroded", "uncorroded"]
    assert (tmp_path / "graph.pb").stat().st_size > 1_000_000


def _whole_pictures(heard: Collector) -> set[str]:
    """The hashes of pictures that came whole, checked."""
    return {
        message.topic.rpartition("/")[2]
        for message in list(heard.messages)
        if message.user.get("size") == "full"
        and hashlib.sha256(message.payload).hexdigest() == message.topic.rpartition("/")[2]
    }

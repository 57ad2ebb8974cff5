"""Bundles over MQTT, end to end: real mosquitto, real daemon, real command lines; good and bad bundles."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.config.sections import example_config
from edge_node.update.state import State
from tests.support.collector import Collector
from tests.support.processes import command, daemon, wait_for
from tests.support.proxy import Proxy
from tests.support.releases import PACKAGED_VERSION, Maker, changed_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = "corrosion/v1/quay/crawler-1"


@pytest.fixture(scope="module")
def maker(tmp_path_factory) -> Maker:
    """Keys and files."""
    return Maker(tmp_path_factory.mktemp("workstation"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """A folder of small textured pictures, each unlike the others."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3)
    for index in range(20):
        coarse = noise.integers(60, 200, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index:03}.jpg"), cv2.resize(coarse, (320, 240)))
    return folder


def robot_config(folder: Path, source: Path, port: int, maker: Maker, **bundle) -> Path:
    """Write the configuration of a robot that takes bundles."""
    path = folder / "node.toml"
    keys = {
        "path": "store",
        "trusted_keys": [maker.public],
        "trial_verdicts": 15,
        "trial_latency_factor": 100.0,
        **bundle,
    }
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
            camera={"source": str(source), "fps": 20.0, "loop": True},
            bundle=keys,
            mqtt={"hostname": "127.0.0.1", "port": port, "keep_alive_s": 2},
            # The pictures are noise: whatever the gate says of it, the models are to judge.
            inspect={"dark_below": 0.0, "contrast_below": 0.0, "sharpness_below": 0.0, "motion_below": 0.0},
        ),
        encoding="utf-8",
    )
    (folder / "state").mkdir(exist_ok=True)
    return path


@contextmanager
def sending(file: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``edge-node bundle send``; killed at the end if it still runs."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "edge_node.cli", "bundle", "send", str(file)),
            *("--broker", f"127.0.0.1:{port}", "--robot", "quay/crawler-1", "--timeout", "60", *options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def sent(file: Path, port: int, *options: str) -> tuple[int, str]:
    """Send a file to the end; return exit code and what was printed."""
    with sending(file, port, *options) as process:
        output = process.communicate(timeout=150)[0]
    return process.returncode, output


def verdicts(room: Collector) -> list[dict]:
    """The verdicts that came."""
    return [json.loads(message.payload) for message in room.of(f"{BASE}/verdict")]


def state(folder: Path) -> State:
    """What the robot's store says."""
    return msgspec.json.decode((folder / "state" / "store" / "state.json").read_bytes(), type=State)


def test_a_bundle_is_sent_tried_and_confirmed_and_bad_ones_do_not_stay(
    mosquitto,
    tmp_path,
    pictures,
    maker,
) -> None:
    """Verdicts go on without a gap and name the new version; what always abstains is rolled back."""

    def always_unsure(manifest) -> None:
        for stage in manifest["cascade"]["stages"]:
            stage["abstain_below"] = 1.0

    def shifted(manifest) -> None:
        for output in manifest["models"][0]["outputs"]:
            output["scale"] *= 1.00005  # within what two converters may print, so the models load
        manifest["models"][0]["input"]["mean"] = [0.0, 0.0, 0.0]  # as if pixels were not centred

    good = maker.bundle("2")
    unsure = maker.bundle("3", source=changed_bundle(tmp_path / "unsure", always_unsure))
    wrong = maker.bundle("4", source=changed_bundle(tmp_path / "wrong", shifted))
    config = robot_config(tmp_path, pictures, mosquitto.port, maker)
    with Collector(mosquitto.port, f"{BASE}/#") as room, daemon(config) as process:
        wait_for(lambda: len(verdicts(room)) > 5, 60, "verdicts")
        code, output = sent(good, mosquitto.port)
        assert code == 0, output
        assert "installed, on trial" in output
        assert f"steel-aluminium-2 confirmed; {good.stat().st_size} bytes sent, 0 of them twice" in output
        assert sent(good, mosquitto.port)[0] == 1
        code, output = sent(wrong, mosquitto.port)
        assert code == 1
        assert "further from the golden probe than allowed" in output
        code, output = sent(unsure, mosquitto.port)
        assert code == 1, output
        assert "steel-aluminium-3 rolled_back: abstained on" in output
        count = len(verdicts(room))
        wait_for(lambda: len(verdicts(room)) > count + 15, 30, "verdicts afterwards")
        assert process.poll() is None
        said = {json.loads(m.payload)["model"]["text"] for m in room.of(f"{BASE}/status")}
        assert "steel-aluminium-2 is on trial; the bundle in the package is behind it" in said
    found = verdicts(room)
    assert [verdict["seq"] for verdict in found] == list(range(1, len(found) + 1))
    versions = list(dict.fromkeys(verdict["bundle"]["version"] for verdict in found))
    assert versions == [PACKAGED_VERSION, "2", "3"]
    assert found[-1]["bundle"]["version"] == "2"
    answers = [json.loads(message.payload) for message in room.of(f"{BASE}/rsp")]
    assert all(answer["verb"] == "update" and answer["command_id"] for answer in answers)
    codes = [(a["data"]["bundle"][-1], a["code"]) for a in answers if "bundle" in a["data"]]
    assert codes == [
        *[("2", step) for step in ("fetching", "fetched", "installed", "confirmed")],
        ("2", "fetching"),
        ("2", "refused"),
        *[("4", step) for step in ("fetching", "fetched", "refused")],
        *[("3", step) for step in ("fetching", "fetched", "installed", "rolled_back")],
    ]
    assert state(tmp_path).highest == {"steel-aluminium": "2"}


def test_over_a_bad_link_it_goes_on_where_it_was(mosquitto, tmp_path, pictures, maker) -> None:
    """Cut five times: what was on the way is sent twice, and nothing else; verdicts are complete."""
    cuts = 5
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, f"{BASE}/#") as room:
        proxy.answers_bytes_per_s = 1_000_000
        config = robot_config(tmp_path, pictures, proxy.port, maker)
        with daemon(config):
            wait_for(lambda: len(verdicts(room)) > 3, 60, "verdicts")
            part = tmp_path / "state" / "store" / "incoming" / "part"
            with sending(maker.bundle("2"), mosquitto.port, "--until", "installed") as sender:
                for number in range(1, cuts + 1):
                    wait_for(
                        lambda n=number: part.exists() and part.stat().st_size > n * 700_000, 60, "progress"
                    )
                    proxy.cut()
                output = sender.communicate(timeout=120)[0]
            assert sender.returncode == 0, output
            twice = int(output.rpartition(" bytes sent, ")[2].split()[0])
            assert twice <= (cuts + 1) * 16 * 16 * 1024
            assert proxy.connections == cuts + 1
            count = len(verdicts(room))
            wait_for(lambda: len(verdicts(room)) > count + 3, 30, "verdicts afterwards")
        assert {v["seq"] for v in verdicts(room)} == set(
            range(1, len({v["seq"] for v in verdicts(room)}) + 1)
        )


def test_a_daemon_that_is_killed_goes_on_where_it_was(mosquitto, tmp_path, pictures, maker) -> None:
    """SIGKILL in the middle: the next start asks for the rest by itself, and the same sender goes on."""
    part = tmp_path / "state" / "store" / "incoming" / "part"
    with Proxy(mosquitto.port) as proxy:
        proxy.answers_bytes_per_s = 1_000_000
        config = robot_config(tmp_path, pictures, proxy.port, maker)
        file = maker.bundle("2")
        with daemon(config) as process, sending(file, mosquitto.port, "--until", "installed") as sender:
            wait_for(lambda: part.exists() and part.stat().st_size > 1_500_000, 60, "progress")
            process.kill()
            process.wait()
            assert part.stat().st_size < file.stat().st_size
            with daemon(config):
                output = sender.communicate(timeout=120)[0]
            assert sender.returncode == 0, output
    assert state(tmp_path).trial is not None


def test_without_trusted_keys_nothing_is_fetched(mosquitto, tmp_path, pictures, maker) -> None:
    """A robot that runs the package's bundle says what would allow it."""
    config = robot_config(tmp_path, pictures, mosquitto.port, maker, path="default", trusted_keys=[])
    with Collector(mosquitto.port, f"{BASE}/#") as room, daemon(config):
        wait_for(lambda: verdicts(room), 60, "verdicts")
        code, output = sent(maker.bundle("2"), mosquitto.port)
        assert code == 1
        assert 'path = "store" and trusted_keys would allow it' in output
        assert not room.of(f"{BASE}/bundle/request")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("send", "absent", "--robot", "a/b"), "absent: No such file"),
        (("send", "{readme}", "--robot", "a/b"), "no bundle file"),
        (("send", "{readme}", "--robot", "a"), "wanted SITE/ROBOT"),
        (("install", "absent", "--config", "{config}"), "absent: No such file"),
        (("list", "--config", "absent"), "absent: No such file"),
        (("rollback", "--config", "{config}"), "nothing to roll back to"),
        (("confirm", "--config", "{config}"), "no bundle is on trial"),
        (("install", "{readme}", "--config", "{config}"), "no bundle file"),
        (("install", "/dev/null", "--config", "{config}"), "wanted a file"),
        (("install", "/etc", "--config", "{config}"), "Is a directory"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said, tmp_path, maker) -> None:
    """A bundle command that cannot be carried out ends with a sentence on the cause, no traceback."""
    config = robot_config(tmp_path, tmp_path, 1, maker)
    readme = tmp_path / "readme"
    readme.write_text("not a bundle " * 100)
    words = [word.format(config=config, readme=readme) for word in arguments]
    ran = command("edge_node.cli", "bundle", *words)
    assert ran.returncode in (1, 78)
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr

"""Bundles are loaded again while the node runs."""

from __future__ import annotations

import json
import os
import signal

import msgspec
import pytest

from edge_node.config.sections import BundleConfig
from edge_node.errors import BundleError
from edge_node.inference.loading import load_engine
from edge_node.inference.reloader import Reloader
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.subscriber import Subscriber
from tests.scenarios.test_daemon_field import write_config
from tests.support.mjpeg_server import MjpegServer
from tests.support.notify_socket import NotifySocket
from tests.support.processes import daemon, wait_for

pytestmark = pytest.mark.runtime


def renamed(bundle, version):
    """Give the bundle another version, as a new conversion would."""
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["version"] = version
    (bundle / "bundle.json").write_text(json.dumps(manifest))


def test_a_reload_gives_the_new_engine_once(bundle):
    """What a reload gave is taken once, and whoever asked is told."""
    reloader = Reloader(lambda: load_engine(BundleConfig(path=str(bundle))))
    told = []
    reloader.request(told.append)
    reloader.request(told.append)
    found = []
    wait_for(lambda: found.append(reloader.take()) or found[-1] is not None, 30, "the bundle loaded")
    assert found[-1].engine is not None
    assert len(told) == 2
    assert reloader.take() is None


def test_a_reload_of_a_damaged_bundle_is_a_failure_in_words(bundle):
    """A byte that changed is refused with the sentence that names it."""
    content = bytearray((bundle / "model.tflite").read_bytes())
    content[1000] ^= 1
    (bundle / "model.tflite").write_bytes(content)
    with pytest.raises(BundleError):
        load_engine(BundleConfig(path=str(bundle)))
    reloader = Reloader(lambda: load_engine(BundleConfig(path=str(bundle))))
    reloader.request()
    found = []
    wait_for(lambda: found.append(reloader.take()) or found[-1] is not None, 30, "the refusal")
    assert "sha256" in found[-1].failure


def test_sighup_swaps_the_bundle_between_two_verdicts(bundle, tmp_path, mosquitto):
    """The daemon takes a new version without a gap in its numbers, and refuses a damaged one."""
    server = MjpegServer()
    config = write_config(tmp_path, server.url, mosquitto.port)
    text = config.read_text().replace('path = "default"', f'path = "{bundle}"')
    config.write_text(text)
    verdicts: list[Verdict] = []
    subscriber = Subscriber("127.0.0.1", mosquitto.port, ("corrosion/v1/quay/crawler-1/verdict",))

    def newest_version():
        verdicts.extend(
            msgspec.json.decode(message.payload, type=Verdict) for message in subscriber.arrived(0.2)
        )
        return verdicts[-1].bundle.version if verdicts else None

    with NotifySocket(tmp_path / "notify") as manager, daemon(config, NOTIFY_SOCKET=manager.address) as node:
        wait_for(lambda: newest_version() is not None, 30, "a verdict")
        renamed(bundle, "next")
        os.kill(node.pid, signal.SIGHUP)
        wait_for(lambda: newest_version() == "next", 30, "the new bundle")
        (bundle / "golden.npz").write_bytes(b"damaged")
        renamed(bundle, "damaged")
        os.kill(node.pid, signal.SIGHUP)
        log = config.with_suffix(".log")
        wait_for(lambda: "the new one was refused" in log.read_text(), 30, "the refusal")
        count = len(verdicts)
        wait_for(lambda: newest_version() == "next" and len(verdicts) > count + 3, 30, "the old one going on")
        assert node.poll() is None
        said = manager.received()
        assert sum(message.startswith("RELOADING=1") for message in said) == 2
        assert said.count("READY=1") == 3
    subscriber.close()
    server.close()
    assert [verdict.seq for verdict in verdicts] == list(range(1, len(verdicts) + 1))

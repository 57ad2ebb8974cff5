"""The daemon in the field, as a real process: poses, findings, the watchdog, darkness."""

from __future__ import annotations

import signal
import socket
import subprocess
import time

import cv2
import msgspec
import pytest

from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.verdict import Outcome, Verdict
from edge_node.mqtt.subscriber import Subscriber
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.notify_socket import NotifySocket
from tests.support.processes import daemon, free_port, wait_for

RANGED = {"focal_px": 600}
CLIP_PX = 640 * 480


def write_config(folder, source, port, **sections):
    """Write a configuration whose state lives in ``folder``."""
    (folder / "state").mkdir(exist_ok=True)
    path = folder / "node.toml"
    path.write_text(
        example_config(
            **{
                "node": {"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
                "camera": {"source": str(source), "timeout_ms": 1000, **sections.pop("camera", {})},
                "bundle": {"path": "default"},
                "mqtt": {"hostname": "127.0.0.1", "port": port, "keep_alive_s": 2},
                **sections,
            }
        ),
        encoding="utf-8",
    )
    return path


def received(port, kind, leaf, process):
    """Return every message on one topic until the daemon ends."""
    subscriber = Subscriber("127.0.0.1", port, (f"corrosion/v1/quay/crawler-1/{leaf}",))
    found = []
    deadline_s = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline_s:
        found += [msgspec.json.decode(message.payload, type=kind) for message in subscriber.arrived(0.2)]
    found += [msgspec.json.decode(message.payload, type=kind) for message in subscriber.arrived(0.5)]
    subscriber.close()
    return found


@pytest.mark.runtime
def test_a_clip_with_corrosion_gives_findings_that_are_opened_and_closed(tmp_path, mosquitto):
    """Findings arrive at a broker, numbered without gaps, each opened before it is closed."""
    config = write_config(
        tmp_path,
        CLIP,
        mosquitto.port,
        camera={"pace": "fast"},
        findings={"open_frames": 3, "of_frames": 5, "close_frames": 5, "enter_confidence": 0.7},
    )
    with daemon(config) as process:
        found = received(mosquitto.port, Finding, "finding", process)
    assert [finding.seq for finding in found] == list(range(1, len(found) + 1))
    opened = [finding.id for finding in found if finding.state is FindingState.OPENED]
    closed = [finding.id for finding in found if finding.state is FindingState.CLOSED]
    assert opened
    assert set(closed) <= set(opened)
    assert len(set(opened)) == len(opened)


def metres_on_verdicts(mosquitto, process, send):
    """Return the distances on verdicts while ``send`` is called with one that grows.

    Ages are checked, and areas in mm²: with ``RANGED`` a range of 300 mm is half a millimetre a pixel.
    """
    subscriber = Subscriber("127.0.0.1", mosquitto.port, ("corrosion/v1/quay/crawler-1/verdict",))
    metres = []
    deadline_s = time.monotonic() + 30
    sent = 0
    while len(metres) < 10 and time.monotonic() < deadline_s and process.poll() is None:
        sent += 1
        send(b'{"distance_m": %d, "sigma_m": 0.1, "range_mm": 300}' % sent)
        for message in subscriber.arrived(0.05):
            verdict = msgspec.json.decode(message.payload, type=Verdict)
            if verdict.pose is not None:
                metres.append(verdict.pose.distance_m)
                assert 0 <= verdict.pose_age_ms <= 2000
                assert (verdict.pose.range_mm, verdict.mm_per_px) == (300, 0.5)
                assert verdict.pose.sigma_m == pytest.approx(0.1)
                share = verdict.area_fraction
                assert verdict.area_mm2 == (None if share is None else pytest.approx(share * CLIP_PX / 4))
    subscriber.close()
    return metres


def test_a_pose_from_udp_is_on_the_verdicts(tmp_path, mosquitto):
    """Poses sent while the robot drives are on the verdicts with an age, and grow as it moves."""
    port = free_port()
    config = write_config(tmp_path, CLIP, mosquitto.port, camera=RANGED, pose={"udp_port": port})
    with (
        daemon(config) as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        metres = metres_on_verdicts(mosquitto, process, lambda line: sender.sendto(line, ("127.0.0.1", port)))
    assert len(metres) >= 10
    assert metres == sorted(metres)


def test_a_pose_from_a_topic_is_on_the_verdicts(tmp_path, mosquitto):
    """The same from another MQTT client; rubbish on the topic in between harms nothing."""
    topic = "corrosion/v1/quay/crawler-1/pose"
    config = write_config(tmp_path, CLIP, mosquitto.port, camera=RANGED, pose={"mqtt_topic": topic})
    client = ["mosquitto_pub", "-p", str(mosquitto.port), "-t", topic, "-l"]
    with (
        daemon(config) as process,
        subprocess.Popen(client, stdin=subprocess.PIPE) as sender,
    ):

        def send(line):
            sender.stdin.write(line + b'\n{"distance_m": "far"}\n')
            sender.stdin.flush()

        metres = metres_on_verdicts(mosquitto, process, send)
        sender.stdin.close()
    assert len(metres) >= 10
    assert metres == sorted(metres)


@pytest.mark.runtime
def test_darkness_is_not_uncorroded(tmp_path, mosquitto):
    """A folder of dark pictures gives verdicts that were not judged, each with its reason."""
    dark = tmp_path / "dark"
    dark.mkdir()
    for index, pixels in enumerate(_clip_frames(5)):
        cv2.imwrite(str(dark / f"{index}.png"), pixels // 12)
    config = write_config(tmp_path, dark, mosquitto.port, camera={"pace": "fast"})
    with daemon(config) as process:
        found = received(mosquitto.port, Verdict, "verdict", process)
    assert [verdict.outcome for verdict in found] == [Outcome.NOT_INSPECTABLE] * 5
    assert {verdict.reasons[0].code for verdict in found} == {"dark"}


def test_the_watchdog_is_fed_until_the_process_hangs(tmp_path, mosquitto):
    """READY after the first verdict, WATCHDOG while frames become verdicts, none while it is stopped."""
    server = MjpegServer()
    config = write_config(tmp_path, server.url, mosquitto.port)
    with NotifySocket(tmp_path / "notify") as manager:
        environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000000"}
        with daemon(config, **environment) as process:
            said = []

            def fed(times):
                said.extend(manager.received())
                return said.count("READY=1") == 1 and said.count("WATCHDOG=1") >= times

            wait_for(lambda: fed(3), 30, "three feedings")
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)
            manager.received()
            time.sleep(2.0)
            assert manager.received() == []
            process.send_signal(signal.SIGCONT)
            said.clear()
            wait_for(lambda: "WATCHDOG=1" in manager.received(), 10, "feeding again")
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
            assert "STOPPING=1" in manager.received()
    server.close()


def test_an_absent_camera_is_ready_and_fed(tmp_path, mosquitto):
    """A camera that is not there restarts nothing; when it comes, verdicts do."""
    server = MjpegServer()
    server.behaviour = Behaviour.NOT_FOUND
    config = write_config(tmp_path, server.url, mosquitto.port)
    with NotifySocket(tmp_path / "notify") as manager:
        environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000000"}
        with daemon(config, **environment) as process:
            said = []

            def fed():
                said.extend(manager.received())
                return "READY=1" in said and said.count("WATCHDOG=1") >= 3

            wait_for(fed, 30, "ready and fed without a camera")
            server.behaviour = Behaviour.STREAM
            subscriber = Subscriber("127.0.0.1", mosquitto.port, ("corrosion/v1/quay/crawler-1/verdict",))
            wait_for(lambda: subscriber.arrived(0.2), 20, "a verdict once the camera is there")
            subscriber.close()
            assert process.poll() is None
    server.close()


def _clip_frames(count):
    from edge_node.camera.backends.recording import iter_video

    frames = list(iter_video(CLIP))
    return frames[:: max(1, len(frames) // count)][:count]

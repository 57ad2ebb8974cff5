"""A camera's password is found nowhere but where its owner wrote it: a search through all that the node says.

One daemon runs over HTTP with the password in every part of the address. Every other form of a source goes
through the commands in this process.
"""

from __future__ import annotations

import base64
import contextlib
import io
from pathlib import Path
from urllib.parse import quote

import pytest

from edge_node.cli.framework import run_command
from edge_node.cli.main import COMMANDS
from edge_node.config.sections import example_config
from tests.support.camera_login import CameraLogin
from tests.support.collector import Collector
from tests.support.http_requests import get
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.processes import daemon, free_port, wait_for
from tests.support.rtsp_server import RtspServer

FIRST, SECOND = "zq9vbn4", "kx7wmt2p"
SECRET = f"{FIRST}/{SECOND}"
PIN = "481516"
QUOTED = quote(SECRET, safe="")
NEEDLES = tuple(
    text.encode()
    for text in (FIRST, SECOND, base64.b64encode(f"admin:{SECRET}".encode()).decode(), "YWRtaW46enE5")
)
PAGES = ("/", "/state.json", "/metrics", "/healthz", "/picture.jpg")


def found_in(content: bytes) -> list[bytes]:
    """Return the parts of the secret that ``content`` has, in any case of letters."""
    return [needle for needle in NEEDLES if needle in content or needle.lower() in content.lower()]


def write_config(folder: Path, source: str, port: int = 1883, **sections) -> Path:
    """Write a configuration that nobody else can read, with its state in ``folder``."""
    path = folder / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
            camera={"source": source, "timeout_ms": 1000, **sections.pop("camera", {})},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": port, "home_assistant": "device"},
            **sections,
        ),
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


def test_a_running_node_tells_the_password_nowhere(tmp_path, mosquitto):
    """Messages, log, pages, metrics, state folder and /proc: through frames, refusals and a stop."""
    camera = MjpegServer()
    camera.login, camera.interval_s = CameraLogin("admin", SECRET, "SHA-256", "MD5"), 0.1
    address = f"http://admin:{QUOTED}@127.0.0.1:{camera.port}/{FIRST}/{SECOND}?pwd={QUOTED}#{FIRST}"
    page = free_port()
    sections = {
        "http": {"enabled": True, "port": page},
        "evidence": {"sample_every": 1, "min_interval_s": 0.0},
    }
    config = write_config(tmp_path, address, mosquitto.port, **sections)
    said: dict[str, bytes] = {}
    states: list[bytes] = []
    with Collector(mosquitto.port, "#") as room, daemon(config) as process:

        def is_told(words: bytes) -> bool:
            states.append(get(page, "/state.json")[2])
            return words in states[-1]

        wait_for(lambda: room.of("corrosion/v1/quay/crawler-1/latest"), 30, "a verdict")
        for path in PAGES:
            said[path] = get(page, path)[2]
        camera.behaviour = Behaviour.HANG_UP
        camera.login = CameraLogin("admin", "another", "Basic")
        wait_for(lambda: is_told(b"(401)"), 20, "a refused password")
        camera.login, camera.behaviour = None, Behaviour.NOT_FOUND
        wait_for(lambda: is_told(b"(404)"), 20, "a missing address")
        camera.close()
        wait_for(lambda: is_told(b"is closed"), 20, "a closed port")
        for name in ("cmdline", "environ"):
            said[name] = Path(f"/proc/{process.pid}/{name}").read_bytes()
        process.terminate()
        assert process.wait(20) == 0
        messages = b"".join(message.topic.encode() + message.payload for message in room.messages)
    said["messages"], said["states"] = messages, b"".join(states)
    said |= {str(path): path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()}
    said["log"] = config.with_suffix(".log").read_bytes()
    assert f"http://127.0.0.1:{camera.port}/...".encode() in messages
    assert b"(401)" in said["log"]
    assert any("spool" in name for name in said)
    assert {name: found for name, content in said.items() if (found := found_in(content))} == {}


RTSP, HTTP = "rtsp://127.0.0.1:{rtsp}", "http://127.0.0.1:{http}"
SOURCES = (
    f"rtsp://admin:{QUOTED}@127.0.0.1:{{rtsp}}/live",
    f"rtsp://{FIRST}@127.0.0.1:{{rtsp}}/live",
    f"{RTSP}/live?user=admin&password={SECRET}",
    f"{RTSP}/user=admin_password={FIRST}_channel=1_stream=0.sdp",
    f"{RTSP}/{FIRST}/{SECOND}",
    f"rtsps://admin:{QUOTED}@127.0.0.1:{{http}}/live",
    f"rtsp://admin:{QUOTED}@127.0.0.1:{{closed}}/live",
    f"rtsp://admin:{QUOTED}@no-such-host.invalid/live",
    f"http://admin:{QUOTED}@127.0.0.1:{{http}}/snap.jpg",
    f"{HTTP}/{FIRST}/snap.jpg;key={SECOND}?pwd={QUOTED}#{FIRST}",
    f"{HTTP}/bild-{FIRST}-\u00fcbertragung",
    f"https://admin:{QUOTED}@127.0.0.1:{{http}}/",
    f"http://127.0.0.1:{{closed}}/x.cgi?pwd={QUOTED}",
    f"rtsp://admin:{SECRET}@127.0.0.1/live",
    f"rtsp://admin:77/{FIRST}@127.0.0.1/live",
    f"rtsp://admin:77?{FIRST}@127.0.0.1/live",
    f"rtsp://admin:77#{FIRST}@127.0.0.1/live",
    f"rtsp://admin:{FIRST} {SECOND}@127.0.0.1/live",
    f"rtsp://admin:[{FIRST}@127.0.0.1/live",
    f"rtsp:admin:{FIRST}@127.0.0.1/live",
    f"rtmp://admin:{FIRST}@127.0.0.1/live",
    f"admin:{FIRST}@127.0.0.1/live",
    f"//admin:{FIRST}@127.0.0.1/live",
    f" http://admin:{FIRST}@127.0.0.1/live",
    f"127.0.0.1/live?pwd={FIRST}",
    f"csi:{FIRST}",
    f"gst:rtspsrc location=rtsp://admin:{FIRST}@127.0.0.1 user-pw={SECOND} ! decodebin",
    f"gst:rtsp://admin:{FIRST}@127.0.0.1/live ! decodebin",
    f"gst:filesrc location=/{FIRST}/{SECOND}.ts ! tsdemux",
    f"gst:videotestsrc {FIRST}={SECOND}",
    f"gst:videotestsrc '{FIRST}",
)


@pytest.fixture(scope="module")
def ports():
    """Return the ports of two cameras that want another password, and one that nobody listens on."""
    cameras = MjpegServer(), RtspServer()
    for camera in cameras:
        camera.login = CameraLogin("admin", "another", "MD5")
    yield {"http": cameras[0].port, "rtsp": cameras[1].port, "closed": free_port()}
    for camera in cameras:
        camera.close()


def say(*arguments: str) -> bytes:
    """Run a command in this process and return all that it says."""
    said = io.StringIO()
    both = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
    with both[0], both[1], contextlib.suppress(SystemExit):  # of argparse
        run_command("edge-node", "", COMMANDS, arguments)
    return said.getvalue().encode()


@pytest.mark.parametrize("form", SOURCES)
def test_no_command_repeats_a_password(form, ports, tmp_path):
    """Whatever form it has, and whether it can be parsed or not, commands show no part of it."""
    source = form.format(**ports)
    config = write_config(tmp_path, source)
    said = {
        "check-config": say("check-config", str(config)),
        "cameras": say("cameras", source, "--timeout", "1", "--json"),
        "replay": say("replay", source, "--bundle", "default"),
        "bench": say("bench", "--source", source),
    }
    said["a wrong option"] = say("bench", source)
    assert all(said.values())
    assert {name: found for name, content in said.items() if (found := found_in(content))} == {}


def test_classify_repeats_no_password(ports):
    """Sources that are no recordings are refused one by one, and none is shown."""
    said = say("classify", *(form.format(**ports) for form in SOURCES))
    assert said.count(b"\n") == len(SOURCES)
    assert found_in(said) == []


@pytest.mark.parametrize(
    "lines",
    [
        f'[camera]\nsource = ["rtsp://admin:{FIRST}@cam/live"]',
        f'camera = "rtsp://admin:{FIRST}@cam/live"',
        f'[camera]\nsource = "rtsp://cam/live"\nusername = "a"\npassword_file = "{SECRET}"',
        f'[camera]\nsource = "rtsp://cam/live"\npassword = "{FIRST}"',
        f'[camera]\nsource = "rtsp://admin:{FIRST}@cam/live',
        f'[mqtt]\nhostname = "mqtt://admin:{FIRST}@broker"',
        f'[mqtt]\nhostname = "broker"\nport = "{FIRST}@broker"',
        f'[mqtt]\nhostname = "admin:{FIRST}@broker"\nusername = "a"\npassword_file = "/nowhere"',
        f'[mqtt]\nhostname = "broker"\ntls = true\nusername = "a"\npassword_file = "{FIRST}"',
        f'[http]\ntoken_file = "{FIRST}"',
        f'[http]\nenabled = true\nhost = "https://admin:{FIRST}@host"',
        f'[camera]\nsource = "rtsp://cam/live"\nusername = "a"\npassword_file = {PIN}',
        f'[bundle]\npath = "https://admin:{FIRST}@host/bundle"',
        f'[node]\nsite = "quay"\nrobot = "r"\nsigning_key_file = "{FIRST}"',
    ],
)
def test_a_faulty_configuration_is_told_without_its_passwords(lines, tmp_path):
    """A password in the wrong place, or a value of the wrong kind, is named by its key alone."""
    rest = "" if "[node]" in lines else '[node]\nsite = "quay"\nrobot = "r"\n'
    rest += "" if "[bundle]" in lines else '[bundle]\npath = "default"\n'
    rest += "" if "[mqtt]" in lines else '[mqtt]\nhostname = "localhost"\n'
    config = tmp_path / "node.toml"
    config.write_text(f"{lines}\n{rest}", encoding="utf-8")
    said = say("check-config", str(config))
    assert b"node.toml" in said
    assert PIN.encode() not in said
    assert found_in(said) == []


def test_a_brokers_address_is_not_repeated():
    """Commands that take HOST:PORT refuse a URL with a password without showing it."""
    for address in (f"mqtt://admin:{FIRST}@broker:1883", f"admin:{FIRST}@broker"):
        assert found_in(say("watch", address)) == []
        assert found_in(say("bench", "--broker", address)) == []

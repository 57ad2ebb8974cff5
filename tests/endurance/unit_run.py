"""Run the ExecStart line of an installed unit as its user would, in a root where no systemd runs."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.config.sections import example_config
from edge_node.mqtt.subscriber import Subscriber
from edge_node.mqtt.types import Endpoint
from tests.support.processes import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Mapping

USER_ID = 61_234  # of systemd's range for DynamicUser=
NAME, PASSWORD = "robot", "geheim 7 "  # of this run's broker; the blanks belong to it
READY_S, VERDICT_S, STOP_S = 90.0, 30.0, 15.0
CREDENTIALS = "/run/credentials/corrosion-edge.service"
NOTIFY = "/run/corrosion-edge-notify"


def run_exec_start(root: Path, unit: Path) -> str:
    """Start the unit's program as a user of its own, wait for READY=1 and a verdict, stop it; say what came.

    State, cache and credentials folder are made as the unit's lines say; the credential is the password that
    its broker wants.

    Args:
        root: of the installation; it shares this machine's network.
        unit: the unit's file below it.

    Raises:
        RuntimeError: it did not get ready, no verdict came, or it did not end with 0.
    """
    text = unit.read_text(encoding="utf-8")
    values = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z]\w*=", line))
    command = values["ExecStart"].split()
    with tempfile.TemporaryDirectory() as folder:
        broker = _start_broker(Path(folder))
        try:
            _write_config(root, Path(command[-1]), Path(command[0]), broker.port)
            environment = {
                **dict(re.findall(r"(\S+?)=(\S+)", values["Environment"])),
                **_make_folders(root, values),
            }
            return _run(root, command, environment, broker.port)
        finally:
            broker.kill()


def _run(root: Path, command: list[str], environment: Mapping[str, str], port: int) -> str:
    address = root / NOTIFY.lstrip("/")
    address.unlink(missing_ok=True)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications,
        (root / "run/unit.log").open("w+b") as log,
    ):
        notifications.bind(str(address))
        address.chmod(0o777)
        notifications.settimeout(READY_S)
        process = subprocess.Popen(_as_user(root, command, environment), stdout=log, stderr=subprocess.STDOUT)
        try:
            return _watch(process, notifications, port)
        except (OSError, TimeoutError, RuntimeError) as err:
            log.seek(0)
            said = log.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{err or type(err).__name__}; it said:\n{said}") from err
        finally:
            process.kill()
            process.wait()


def _watch(process: subprocess.Popen[bytes], notifications: socket.socket, port: int) -> str:
    """Wait for READY=1 and a verdict, then for a clean end after SIGTERM."""
    notified = ""
    while "READY=1" not in notified:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it was ready")
        notified = notifications.recv(4096).decode()
    where = Endpoint("127.0.0.1", port, "", username=NAME, password=PASSWORD)
    subscriber = Subscriber("127.0.0.1", port, ("corrosion/v1/+/+/verdict",), endpoint=where)
    try:
        message = next(iter(subscriber.messages(timeout_s=VERDICT_S)), None)
    finally:
        subscriber.close()
    if message is None:
        raise RuntimeError("no verdict reached the broker")
    process.send_signal(signal.SIGTERM)
    if process.wait(STOP_S) != 0:
        raise RuntimeError(f"ended with {process.returncode} after SIGTERM")
    return f"READY=1, a verdict on {message.topic}, exit code 0"


def _as_user(root: Path, command: list[str], environment: Mapping[str, str]) -> list[str]:
    """Return a command that replaces itself by ``command`` in the root, as the unit's user."""
    mounts = f'mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev && exec "$@"'
    variables = [f"{name}={value}" for name, value in environment.items()]
    return [
        *("unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh", "chroot", str(root)),
        *("setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups", "--no-new-privs"),
        *("--bounding-set=-all", "--inh-caps=-all", "env", "--ignore-environment", *variables, *command),
    ]


def _make_folders(root: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Make the folders that systemd would, owned by the unit's user; return the variables that name them."""
    state, cache = f"/var/lib/{values['StateDirectory']}", f"/var/cache/{values['CacheDirectory']}"
    mode = int(values["StateDirectoryMode"], 8)
    for name in (state, cache, CREDENTIALS):
        folder = root / name.lstrip("/")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=mode, parents=True)
        shutil.chown(folder, USER_ID, USER_ID)
    password = root / CREDENTIALS.lstrip("/") / "mqtt-password"
    password.write_bytes(f"{PASSWORD}\r\n".encode())
    password.chmod(0o400)
    shutil.chown(password, USER_ID, USER_ID)
    return {
        "STATE_DIRECTORY": state,
        "CACHE_DIRECTORY": cache,
        "CREDENTIALS_DIRECTORY": CREDENTIALS,
        "NOTIFY_SOCKET": NOTIFY,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


def _write_config(root: Path, config: Path, program: Path, port: int) -> None:
    """Write a configuration whose camera is the clip of the installed package."""
    environment = program.parent.parent
    clip = next((root / str(environment).lstrip("/")).glob("lib/python3*/site-packages/edge_node/demo/*.mp4"))
    text = example_config(
        node={"site": "quay", "robot": "crawler-1"},
        camera={"source": "/" + str(clip.relative_to(root)), "loop": True},
        bundle={"path": "default"},
        mqtt={
            "hostname": "127.0.0.1",
            "port": port,
            "username": NAME,
            "password_file": "$CREDENTIALS_DIRECTORY/mqtt-password",
        },
    )
    (root / str(config).lstrip("/")).write_text(text, encoding="utf-8")


def _start_broker(folder: Path) -> Mosquitto:
    broker = Mosquitto(folder)
    passwords = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), NAME, PASSWORD], check=True)
    broker.configure(f"listener {broker.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n")
    broker.start()
    return broker

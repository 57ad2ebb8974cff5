"""What the daemon tells systemd, over a real notification socket."""

import os
import socket

import pytest

from edge_node.monitoring.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """Return a service manager's socket, and the NOTIFY_SOCKET that names it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        if request.param == "path":
            name = str(tmp_path / "notify")
            listening.bind(name)
        else:
            name = f"@corrosion-test-{os.getpid()}"
            listening.bind("\0" + name[1:])
        listening.settimeout(2)
        yield listening, name


def test_each_message_arrives(manager):
    """Both kinds of socket get every message in the words of sd_notify(3)."""
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    assert notifier.enabled
    for tell, expected in [
        (notifier.ready, b"READY=1"),
        (notifier.watchdog, b"WATCHDOG=1"),
        (lambda: notifier.status("3 verdicts\nNOTE=forged"), b"STATUS=3 verdicts NOTE=forged"),
        (notifier.stopping, b"STOPPING=1"),
    ]:
        tell()
        assert listening.recv(1000) == expected
    notifier.reloading()
    first, second = listening.recv(1000).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.removeprefix(b"MONOTONIC_USEC=").isdigit()


def test_without_a_manager_nothing_is_said():
    """Started by hand, the daemon has nobody to tell and no watchdog to feed."""
    notifier = Notifier({"WATCHDOG_USEC": "30000000"})
    assert not notifier.enabled
    assert notifier.watchdog_interval_s is None
    notifier.ready()


def test_a_manager_that_is_gone_is_no_failure(tmp_path, caplog):
    """A socket that nobody listens on costs a log line, not the daemon."""
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).watchdog()
    assert "WATCHDOG" in caplog.text


def test_a_manager_that_does_not_read_cannot_hang_the_daemon(manager):
    """A full socket buffer drops the message; the test's timeout is the failure."""
    _, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    for _ in range(2000):
        notifier.status("x" * 500)


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environment, interval_s):
    """Half of WATCHDOG_USEC, and only if it is meant for this process."""
    assert Notifier({"NOTIFY_SOCKET": "@x", **environment}).watchdog_interval_s == interval_s

"""A configuration is shown without anything that may be a password, whatever its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_node.state_folder import SERVICE_FOLDER
from edge_node.support.configuration import environment_secrets, show_configuration

SECRET = "hUnter2-x"  # noqa: S105  of a test
GOOD = f"""
# the camera's password was {SECRET}
[node]
site = "quay"  # {SECRET}
robot = "crawler-1"
state_dir = "/srv/state"
[camera]
source = "rtsp://admin:{SECRET}@10.0.0.9/live"
fps = 5
[bundle]
path = "default"
[mqtt]
hostname = "broker.example"
username = "{SECRET}"
password_file = "/etc/corrosion-edge/password"
port = 8883
"""


def test_a_good_configuration_is_rewritten_without_its_secrets():
    """Keys and harmless values stay; logins, user names and comments go."""
    shown = show_configuration(GOOD.encode(), "node.toml")
    assert shown.config is not None
    assert "every value allowed" in shown.check
    for line in (
        'site = "quay"',
        'source = "rtsp://10.0.0.9/live"',
        "port = 8883",
        'hostname = "broker.example"',
    ):
        assert line in shown.text
    assert 'password_file = "/etc/corrosion-edge/password"' in shown.text
    assert SECRET not in shown.text + shown.check
    assert SECRET in shown.secrets
    assert shown.state_dir == Path("/srv/state")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("fps = 5", f'pasword = "{SECRET}"'), "unknown key"),  # misspelt
        (("fps = 5", f'password = "{SECRET}"'), "unknown key"),
        (("/etc/corrosion-edge/password", SECRET), "every value allowed"),  # in the place of its file
        (('"broker.example"', f'"robot:{SECRET}@broker"'), "every value allowed"),
        (("rtsp://admin", "gst:rtspsrc location=rtsp://admin"), "every value allowed"),
        (("[mqtt]", f"[mqtt]\n'{SECRET} {SECRET}' = 1"), "unknown key"),
        (("port = 8883", f"port = 8883\nport = {SECRET}"), "not TOML"),
        (("[camera]", "[camera"), "not TOML"),
        (("site =", f"{SECRET}\nsite ="), "not TOML"),
        (("state_dir =", "state_dir = 5 #"), "state_dir"),
    ],
)
def test_a_refused_or_odd_configuration_shows_no_more(change, said):
    """Every problem is told as `check-config` tells it; what is not understood is not shown."""
    shown = show_configuration(GOOD.replace(*change).encode(), "node.toml")
    assert said in shown.check
    assert SECRET not in shown.text
    assert SECRET in shown.secrets
    assert "[camera" in shown.text or "not shown" in shown.text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[" * 3000, b"\x00" * 50])
def test_what_is_no_text_at_all_is_no_obstacle(content):
    """The state folder is then the service's."""
    shown = show_configuration(content, "node.toml")
    assert shown.config is None
    assert shown.state_dir == SERVICE_FOLDER


def test_variables_whose_names_say_so_are_secret(monkeypatch):
    """Their values are taken out of logs; paths are no secrets, and tell where a file is looked for."""
    monkeypatch.setenv("CAMERA_PASSWORD", SECRET)
    monkeypatch.setenv("SSH_AUTH_TOKEN", "/run/secret")
    monkeypatch.setenv("HARMLESS", "value-of-no-interest")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "/begins/with+a-slash=")
    monkeypatch.setenv("HTTPS_PROXY", "http://robot:of-a-proxy@proxy:3128")
    found = set(environment_secrets())
    assert {SECRET, "/begins/with+a-slash=", "of-a-proxy"} <= found
    assert not {"/run/secret", "value-of-no-interest"} & found


def test_texts_in_lists_and_tables_are_secret_too():
    """A key that is not known may hold more than one password, and so may a table in its place."""
    content = b'[camera]\npasswords = ["first-one1"]\nlogin = {a = {b = "second-one2"}}\n'
    assert {"first-one1", "second-one2"} <= set(show_configuration(content, "node.toml").secrets)

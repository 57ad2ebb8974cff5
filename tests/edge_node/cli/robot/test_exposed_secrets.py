"""Which passwords of a configuration other users of the computer can read."""

import pytest

from edge_node.cli.robot.exposed_secrets import exposed_secrets
from edge_node.config.sections import parse_config

TEXT = '[node]\nsite = "quay"\nrobot = "r-1"\n[bundle]\npath = "default"\n[mqtt]\nhostname = "localhost"\n'


def said_of(tmp_path, mode, **camera):
    """Return what is said of a configuration file with ``mode`` and its camera."""
    file = tmp_path / "node.toml"
    lines = "\n".join(f'{key} = "{value}"' for key, value in camera.items())
    file.write_text(f"{TEXT}[camera]\n{lines}\n")
    file.chmod(mode)
    return list(exposed_secrets(parse_config(file.read_bytes(), str(file)), file))


@pytest.mark.parametrize(
    ("source", "mode", "count"),
    [
        ("rtsp://admin:secret9@cam/live", 0o644, 1),
        ("rtsp://admin:secret9@cam/live", 0o600, 0),
        ("rtsp://cam/live", 0o644, 0),
        ("http://cam/snap.cgi?user=a&pwd=secret9", 0o644, 1),
        ("rtsp://cam/user=a_password=secret9_channel=1", 0o644, 1),
        ("http://cam/mjpg?fps=5", 0o644, 0),
        ("gst:rtspsrc user-id=admin user-pw=secret9", 0o644, 1),
        ("gst:souphttpsrc proxy=http://a:secret9@proxy location=http://cam/", 0o644, 1),
        ("gst:v4l2src ! jpegdec", 0o644, 0),
        ("gst:rtspsrc location=rtsp://admin:secret9@cam", 0o644, 1),
    ],
)
def test_a_login_in_a_configuration_that_everybody_can_read_is_told(tmp_path, source, mode, count):
    """The sentence names the file and the way out, and not the password."""
    said = said_of(tmp_path, mode, source=source)
    assert len(said) == count
    assert all("username and password_file" in line and "secret9" not in line for line in said)


def test_a_password_file_that_everybody_can_read_is_told(tmp_path):
    """Each secret file is named with its key; one of systemd's is systemd's matter."""
    password = tmp_path / "password"
    password.write_text("secret9")
    password.chmod(0o644)
    keys = {"source": "rtsp://cam/live", "username": "a"}
    assert said_of(tmp_path, 0o644, password_file=password, **keys)[0].startswith("[camera] password_file: ")
    password.chmod(0o600)
    assert said_of(tmp_path, 0o644, password_file=password, **keys) == []
    assert said_of(tmp_path, 0o644, **{**keys, "password_file": "$CREDENTIALS_DIRECTORY/p"}) == []

"""Files that hold passwords: where they are, what is said of them, and who can read them."""

import pytest

from edge_node.credential_files import credential_path, exposure, is_from_systemd, shown_path


def test_systemds_folder_is_filled_in(monkeypatch):
    """A path below $CREDENTIALS_DIRECTORY is found where systemd says; without it, nowhere."""
    name = "$CREDENTIALS_DIRECTORY/camera-password"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert is_from_systemd(name)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    assert str(credential_path(name)) == "/run/credentials/x/camera-password"
    assert not is_from_systemd(name)


def test_a_password_in_the_place_of_its_file_is_not_shown():
    """Who writes the password itself where its file belongs must not find it in an error."""
    assert shown_path("/etc/x") == "/etc/x"
    assert "secret9" not in shown_path("secret9")
    assert "wanted the path" in shown_path("secret9")


@pytest.mark.parametrize(
    ("mode", "is_exposed"), [(0o600, False), (0o640, False), (0o604, True), (0o644, True)]
)
def test_a_file_that_everybody_can_read_is_named(tmp_path, mode, is_exposed):
    """A group may be trusted with a password; every user of the computer may not."""
    file = tmp_path / "password"
    file.write_text("secret9")
    file.chmod(mode)
    said = exposure(file)
    assert (said is not None) is is_exposed
    if said:
        assert f"mode 0{mode:o}" in said
        assert "chmod 600" in said


def test_a_file_that_is_not_there_exposes_nothing(tmp_path):
    """That it cannot be read is told elsewhere."""
    assert exposure(tmp_path / "absent") is None

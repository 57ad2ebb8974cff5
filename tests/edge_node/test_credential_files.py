"""Files that hold passwords: where they are, and what is said of them."""

from edge_node.credential_files import credential_path, is_from_systemd, shown_path


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

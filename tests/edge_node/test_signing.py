"""Keys and signatures."""

from __future__ import annotations

import pytest

from edge_node.errors import ConfigError, CorrosionError
from edge_node.signing import load_node_signer, load_signer, make_key_pair


def test_keys_that_are_not_private_are_refused(tmp_path):
    """Readable by others, of another kind, already there: a sentence each, and no file is overwritten."""
    key = tmp_path / "room.pem"
    public = make_key_pair(key)
    before = key.read_bytes()
    with pytest.raises(CorrosionError, match="is there already"):
        make_key_pair(key)
    assert key.read_bytes() == before
    key.unlink()
    with pytest.raises(CorrosionError, match="is there already"):
        make_key_pair(key)
    assert not key.exists()
    public.chmod(0o600)
    with pytest.raises(CorrosionError, match="wanted a private key"):
        load_signer(public)
    public.chmod(0o644)
    with pytest.raises(CorrosionError, match="mode 0644 lets others read"):
        load_signer(public)


def test_a_key_that_systemd_hands_over_may_be_readable_by_its_list(tmp_path, monkeypatch):
    """The service's user reads a credential by an access control list, which shows as the group's right."""
    make_key_pair(tmp_path / "signing-key")
    (tmp_path / "signing-key").chmod(0o440)
    with pytest.raises(ConfigError, match=r"\[node\] signing_key_file: .*mode 0440 lets others read"):
        load_node_signer(str(tmp_path / "signing-key"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert len(load_node_signer("$CREDENTIALS_DIRECTORY/signing-key").key_id) == 32
    (tmp_path / "signing-key").chmod(0o444)
    with pytest.raises(ConfigError, match="mode 0444"):
        load_node_signer("$CREDENTIALS_DIRECTORY/signing-key")

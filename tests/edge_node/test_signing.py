"""Keys and signatures."""

from __future__ import annotations

import pytest

from edge_node.errors import CorrosionError
from edge_node.signing import load_signer, make_key_pair


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

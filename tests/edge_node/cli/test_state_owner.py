"""Becoming the owner of a state folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge_node.cli.state_owner import become_owner
from edge_node.errors import ConfigError


def test_ones_own_folder_changes_nothing(tmp_path):
    """The user stays who it is; a folder that is not there is a sentence."""
    before = os.geteuid()
    become_owner(tmp_path)
    assert os.geteuid() == before
    with pytest.raises(ConfigError, match="start the node once"):
        become_owner(tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_owner():
    """What root writes from then on, the node's user can read."""
    with tempfile.TemporaryDirectory() as folder:  # other users may not enter pytest's
        os.chown(folder, 12_345, 12_345)
        code = f"""
import os, pathlib
from edge_node.cli.state_owner import become_owner
become_owner(pathlib.Path({folder!r}))
os.mkdir({folder!r} + "/made")
"""
        subprocess.run([sys.executable, "-c", code], check=True)
        found = Path(folder, "made").stat()
        assert (found.st_uid, found.st_gid) == (12_345, 12_345)

"""The folder of a training that is not finished."""

from __future__ import annotations

import pytest

from converter.training.unfinished import count_kept, open_unfinished
from edge_node.errors import DestinationError


def _interrupt(folder, *made):
    """Open the folder, leave files in it, and be interrupted."""
    with open_unfinished(folder):
        for name in made:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        raise KeyboardInterrupt


def test_it_stays_after_a_failure_and_goes_at_the_end(tmp_path):
    """What was kept is there for the same command; a training that never began leaves nothing behind."""
    folder = tmp_path / "graphs" / "unfinished"
    with pytest.raises(KeyboardInterrupt):
        _interrupt(folder)
    assert not folder.parent.exists()
    with pytest.raises(KeyboardInterrupt):
        _interrupt(folder, "member-1/checkpoint.npz", "member-2/job.json")
    assert count_kept(folder) == 1
    with open_unfinished(folder) as again:
        assert (again / "member-1").is_dir()
        with pytest.raises(DestinationError, match="another training goes on"):
            _interrupt(folder)
    assert not folder.exists()

"""The walls of the demonstration's pipes: pieces that fit together, and spots that grow with age."""

import numpy as np

from converter.specimens.pipe_tiles import TILES, main, render_tile
from converter.specimens.spec import Material
from edge_node.demo.pipe import HEIGHT_PX, TILE_PX
from edge_node.demo.pipe import TILES as SHIPPED


def redness(picture):
    """Return the share of pixels that are clearly more red than blue."""
    return float((picture[..., 2].astype(int) - picture[..., 0] > 40).mean())


def test_a_spot_grows_in_its_place_and_leaves_the_edges_alone():
    """An older piece of a plate is redder in the middle, and the same at both edges: no seam is seen."""
    pieces = [render_tile(Material.STEEL, 53, hours) for hours in (0, 25, 200)]
    assert pieces[0].shape == (HEIGHT_PX, TILE_PX, 3)
    shares = [redness(piece) for piece in pieces]
    assert shares[0] < 0.001
    assert 0.02 < shares[1] < shares[2]
    for edge in (slice(0, 16), slice(-16, None)):
        differences = [np.abs(piece[:, edge].astype(int) - pieces[0][:, edge]).mean() for piece in pieces]
        assert max(differences) < 3


def test_every_piece_is_shipped_and_small():
    """The package holds the pieces that the renderer knows, and no others, in less than 2 MB."""
    names = {f"{plate}-{hours}.jpg" for plate, (_, _, ages) in TILES.items() for hours in ages}
    assert {path.name for path in SHIPPED.iterdir()} == names
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 2_000_000


def test_a_folder_that_is_missing_is_told(tmp_path, capsys):
    """A folder that is not there ends the command with 1 and one sentence."""
    assert main([str(tmp_path / "missing")]) == 1
    assert "cannot write: No such file or directory" in capsys.readouterr().err

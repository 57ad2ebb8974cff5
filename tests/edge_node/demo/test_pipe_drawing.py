"""The drawings of the demonstration's pipes, which a control room takes as it takes any."""

import pytest

from edge_node.control_room.history.drawings.placement import locate
from edge_node.control_room.sections import DrawingsConfig
from edge_node.control_room.service.drawing_files import read_drawing_files
from edge_node.demo.pipe import PIPE_L7, PIPE_L9
from edge_node.demo.pipe_drawing import ROUTES, write_drawing


@pytest.mark.parametrize("pipe", [PIPE_L7, PIPE_L9])
def test_a_pipe_is_drawn_and_placed_from_end_to_end(tmp_path, pipe):
    """The control room reads the file with its placement; both ends lie where the pipe is drawn."""
    files = {f"demo/{pipe.asset}": str(write_drawing(tmp_path, pipe))}
    (drawing,) = read_drawing_files(DrawingsConfig(files=files))
    assert drawing.asset == pipe.asset
    ends = [locate(drawing.placement, distance_m=distance_m) for distance_m in (0.0, pipe.length_m)]
    assert ends == [ROUTES[pipe.asset][0], ROUTES[pipe.asset][-1]]

"""What a `.tflite` file is: its number format, its ends, and ops that no robot has."""

from __future__ import annotations

import pytest

from converter.tflite.foreign_file import is_foreign_file, read_foreign_file
from converter.tflite.tflite_file import encode_model, parse_model
from edge_node.errors import GraphError
from tests.support.entry_graphs import SIZE_PX, body, colours
from tests.support.ready_files import converted, put


def test_a_file_says_its_ends_and_its_format(tmp_path):
    """A batch that is open counts as one, which the interpreter takes for granted."""
    path = put(tmp_path, converted(lambda: body(colours()), tmp_path))
    assert is_foreign_file(path)
    assert not is_foreign_file(tmp_path / "labels.txt")
    file = read_foreign_file(path, path.read_bytes())
    assert (file.mode, file.inputs[0].shape, file.outputs[0].shape) == (
        "none",
        (1, SIZE_PX, SIZE_PX, 3),
        (1, 2),
    )


@pytest.mark.parametrize(("name", "said"), [("FlexErf", "TensorFlow's own ops"), ("Detect", "a library")])
def test_ops_that_the_runtime_alone_lacks_are_named(tmp_path, name, said):
    """Select TensorFlow ops and custom ones would fail on the robot."""
    model = parse_model(converted(lambda: body(colours(1)), tmp_path))
    model.operatorCodes[0].customCode = name.encode()
    with pytest.raises(GraphError, match=f"op {name} runs only with {said}"):
        read_foreign_file(tmp_path, encode_model(model))

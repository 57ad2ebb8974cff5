"""Operators are added to a model, and what its outputs do not need goes."""

from __future__ import annotations

import numpy as np
import pytest

from converter.tflite.tflite_edit import ModelEditor
from converter.tflite.tflite_file import count_operators, encode_model, parse_model
from edge_node.inference.interpreter import Interpreter
from tests.support.stage_bundles import default_bundle, pictures


@pytest.fixture(scope="module")
def content() -> bytes:
    """The default bundle's model: five heads on one backbone."""
    return default_bundle().models["model.tflite"]


def test_what_an_output_does_not_need_goes(content):
    """Four of five heads with their weights; the fifth computes what it did, bit for bit."""
    tree = parse_model(content)
    editor = ModelEditor(tree)
    editor.keep([editor.input], [editor.find_output("steel/map")])
    kept = encode_model(tree)
    before, after = count_operators(content), count_operators(kept)
    assert before - after == {"CONV_2D": 4}
    assert len(tree.subgraphs[0].tensors) < len(parse_model(content).subgraphs[0].tensors) - 10
    assert len(content) - len(kept) > 4 * 1280 * 2  # the weights of each head are bytes
    tensor = pictures()[0][np.newaxis]
    found = Interpreter(kept, where="kept").run(tensor)
    assert list(found) == ["steel/map"]
    assert np.array_equal(found["steel/map"], Interpreter(content, where="all").run(tensor)["steel/map"])


def test_an_operator_that_is_there_keeps_its_code(content):
    """A second ADD of the same version is the same entry; one of another version is one more."""
    tree = parse_model(content)
    editor = ModelEditor(tree)
    codes = len(tree.operatorCodes)
    one = editor.add_constant("one", np.ones((1, 2), np.float32))
    for version, more in ((1, 1), (1, 1), (2, 1)):  # its ADDs are of version 2
        total = editor.add_tensor("total", (1, 2), "float32")
        editor.append("ADD", [one, one], total, version=version)
        assert len(tree.operatorCodes) == codes + more

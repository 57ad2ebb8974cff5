"""What the TFLite runtimes can and cannot be told."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from edge_node.inference.interpreter import runtime

pytestmark = pytest.mark.runtime


def test_no_runtime_that_we_allow_lets_its_interpreter_keep_packed_weights():
    """XNNPACK's weight cache is no option of the Interpreter; on the day it is one, this says: use it."""
    module = {"ai-edge-litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
    taken = inspect.signature(import_module(module[runtime().name]).Interpreter.__init__).parameters
    assert "num_threads" in taken
    assert not [name for name in taken if "cache" in name]

"""Whatever the file of a source model is, its session offers the same."""

from __future__ import annotations

import inspect

import pytest

from converter.source_model.graph_session import GraphSession
from converter.source_model.lite_session import LiteSession
from converter.source_model.session import Session


@pytest.mark.parametrize("kind", [GraphSession, LiteSession])
def test_both_kinds_of_session_take_the_same_arguments(kind):
    """Each method of the protocol is there, with its arguments."""
    methods = {name: each for name, each in vars(Session).items() if inspect.isfunction(each)}
    offered = {name for name in methods if not name.startswith("_")}
    assert offered == {"run", "run_to_first_layer", "try_sides", "close"}
    for name in offered:
        wanted, found = inspect.signature(methods[name]), inspect.signature(getattr(kind, name))
        assert len(found.parameters) == len(wanted.parameters), name

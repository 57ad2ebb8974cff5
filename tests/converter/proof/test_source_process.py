"""The process of the source models, where it fails."""

from __future__ import annotations

import pytest

from converter.proof.source_process import ask_sources
from converter.source_model.request import SourceFlags, SourceRequest, SourceStage
from edge_node.errors import ConversionError


def test_a_process_that_fails_is_one_sentence_with_the_way_out(tmp_path):
    """No traceback: the reason, and the flag that leaves the proof out."""
    stage = SourceStage(name="steel", graph=str(tmp_path / "gone.pb"), flags=SourceFlags(), labels=2)
    request = SourceRequest(stages=(stage,), pictures=(), compared=0)
    with pytest.raises(ConversionError, match=r"without an answer \(.*gone.pb.*--no-source-proof") as caught:
        ask_sources(request, tmp_path)
    assert "\n" not in str(caught.value)

"""Steps of a conversion that refuse what their order cannot mean."""

from __future__ import annotations

import pytest

from converter.conversion.order import ConversionOrder
from converter.conversion.pipeline import convert
from converter.graphs.cascade_file import read_cascade
from converter.quantize.request import Mode
from edge_node.errors import ConversionError
from tests.support import small_graphs


def test_thresholds_per_label_need_a_sigmoid_per_label(tmp_path):
    """A softmax chooses one label: the sentence says so, and names the threshold that it has."""
    small_graphs.write_graph(tmp_path, small_graphs.poets_mobilenet())
    plan = tmp_path / "cascade.toml"
    plan.write_text(
        '[[stage]]\nname = "steel"\ngraph = "retrained_graph.pb"\nthresholds = { corroded = 0.3 }\n',
        encoding="utf-8",
    )
    order = ConversionOrder(read_cascade(plan), tmp_path / "bundle", Mode.NONE)
    with pytest.raises(ConversionError, match=r"output is softmax, which chooses one label.*decision_thres"):
        convert(order, lambda *_: lambda: None)
    assert not (tmp_path / "bundle").exists()

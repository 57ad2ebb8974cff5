"""Cascade files: read as they are written, and what is wrong in them."""

from __future__ import annotations

import msgspec
import pytest

from converter.graphs.cascade_file import describe_doubts, plan_single_graph, read_cascade
from converter.graphs.scaling import GraphFlags
from edge_node.errors import ConversionError
from edge_node.inference.manifest import Meaning

STAGE = '[[stage]]\nname = "steel"\ngraph = "g.pb"\nlabels = ["corroded", "uncorroded"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[stage", "not TOML"),
        ("", "stage"),
        (STAGE + "temprature = 2.0\n", 'did you mean "temperature"?'),
        ('verion = "1"\n' + STAGE, 'did you mean "version"?'),
        (STAGE + "temperature = 0.0\n", "temperature"),
        (STAGE + STAGE, "two stages have one name"),
        (STAGE + 'otherwise = "nowhere"\n', "'nowhere', which is no stage"),
        (STAGE + 'routes = { rusty = "steel" }\n', "'rusty' is none of its labels"),
        (STAGE + 'otherwise = "steel"\n', "circle: steel -> steel"),
        ('root = "copper"\n' + STAGE, "'copper'"),
        (STAGE + "thresholds = { rusty = 0.5 }\n", "'rusty' is none of its labels"),
        (STAGE + "thresholds = { corroded = 1.5 }\n", "thresholds"),
        (STAGE + "input_mean = [1.0, 2.0]\n", "input_mean"),
        (STAGE + 'input_colour_order = "GBR"\n', "input_colour_order"),
        (STAGE.replace('["corroded", "uncorroded"]', '["corroded"]'), "wanted two or more"),
        (STAGE.replace('["corroded", "uncorroded"]', '"absent.txt"'), "absent.txt"),
        (STAGE.replace("steel", "../steel"), "name"),
    ],
)
def test_what_is_wrong_in_a_cascade_is_said_before_any_graph_is_opened(tmp_path, text, said):
    """One sentence with the file's name; the graph that it names does not even exist."""
    path = tmp_path / "cascade.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConversionError) as caught:
        read_cascade(path)
    assert "\n" not in str(caught.value)
    assert "cascade.toml" in str(caught.value)
    assert said in str(caught.value)


def test_a_cascade_is_read_as_it_is_written(tmp_path):
    """Settings of the file win over defaults and over what words mean."""
    path = tmp_path / "two-plates.toml"
    meanings = '[stage.meanings.uncorroded]\nmaterial = "brass"\ncorroded = false\n'
    path.write_text(
        STAGE + "abstain_below = 0.7\ninput_mean = 3.0\ninput_std = 4.0\n" + meanings, encoding="utf-8"
    )
    plan = read_cascade(path)
    assert plan.colourless is None
    path.write_text('colourless = "measured"\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert read_cascade(path).colourless == "measured"
    (planned,) = plan.stages
    assert (plan.name, plan.root) == ("two-plates", "steel")
    assert planned.graph == tmp_path / "g.pb"
    assert planned.stage.abstain_below == 0.7
    assert (planned.flags.input_mean, planned.flags.input_std) == (3.0, 4.0)
    assert planned.stage.meanings["corroded"] == Meaning(corroded=True)
    assert planned.stage.meanings["uncorroded"] == Meaning(material="brass", corroded=False)


def test_what_labels_leave_open_is_told_with_what_to_write(tmp_path):
    """In a cascade file a line of its [[stage]], for one graph a flag; stated once, nothing is told."""
    path = tmp_path / "cascade.toml"
    stage = STAGE.replace('["corroded", "uncorroded"]', '["rust", "good"]')
    path.write_text(stage, encoding="utf-8")
    (told,) = describe_doubts(read_cascade(path), is_file=True)
    line = 'meanings = { "good" = { corroded = false } }'
    assert told.startswith("stage steel: nothing is known of what 'good'")
    assert told.endswith(line)
    path.write_text(f"{stage}{line}\n", encoding="utf-8")
    assert list(describe_doubts(read_cascade(path), is_file=True)) == []

    graph, labels = tmp_path / "steel.pb", tmp_path / "labels.txt"
    graph.touch()
    labels.write_text("rust\ngood\n", encoding="utf-8")
    (told,) = describe_doubts(plan_single_graph(graph, labels, GraphFlags()), is_file=False)
    assert told.endswith("--meaning good=uncorroded")
    plan = plan_single_graph(graph, labels, GraphFlags(), meanings=["good=uncorroded"])
    assert list(describe_doubts(plan, is_file=False)) == []


def test_thresholds_per_label_are_read_beside_one_graph(tmp_path):
    """As a cascade file's key ``thresholds``; without them nothing says that labels are independent."""
    (tmp_path / "steel.pb").touch()
    (tmp_path / "labels.txt").write_text("rust\ndent\n", encoding="utf-8")
    for given, wanted in ((["dent=0.2"], {"dent": 0.2}), ([], msgspec.UNSET)):
        plan = plan_single_graph(tmp_path / "steel.pb", None, GraphFlags(), thresholds=given)
        assert plan.stages[0].stage.label_thresholds == wanted


def test_colours_and_thresholds_are_read_per_stage(tmp_path):
    """Three numbers, an order of colours, and thresholds of labels that exclude nothing."""
    path = tmp_path / "cascade.toml"
    keys = 'input_mean = [104, 117, 123.5]\ninput_std = 1\ninput_colour_order = "BGR"\n'
    path.write_text(STAGE + keys + "thresholds = { corroded = 0.3 }\n", encoding="utf-8")
    (planned,) = read_cascade(path).stages
    assert planned.flags == GraphFlags(
        input_mean=(104.0, 117.0, 123.5), input_std=1.0, input_colour_order="BGR"
    )
    assert planned.stage.is_independent
    assert planned.stage.threshold("corroded") == 0.3
    path.write_text(STAGE, encoding="utf-8")
    assert not read_cascade(path).stages[0].stage.is_independent

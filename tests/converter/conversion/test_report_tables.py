"""The tables of a report: a float bundle is not compared with itself, and a cascade has a row of its own."""

from __future__ import annotations

from msgspec.structs import replace

from converter.conversion.report_tables import tabulate_models, tabulate_modes, tabulate_stages
from converter.page_template import find_filled_columns


def filled(table):
    """Return the headings of the columns that say something."""
    heads, rows = table
    return [heads[at] for at in find_filled_columns(heads, rows)]


def test_a_float_bundle_is_not_compared_with_itself(report):
    """Two columns that can only say 100 % and 0 are left empty."""
    assert "same label as float" in filled(tabulate_stages(report))
    as_float = replace(report, mode="float32")
    heads = filled(tabulate_stages(as_float))
    assert "same label as float" not in heads
    assert "bundle right (95\N{NO-BREAK SPACE}%)" in heads
    assert filled(tabulate_models(as_float)).count("float32") == 1
    assert "float" not in filled(tabulate_models(as_float))


def test_the_bundles_own_mode_is_named(report):
    """Times and sizes of every mode that was made stand beside each other."""
    names = [row[0] for row in tabulate_modes(report)[1]]
    assert names == ["float32", "int8 (this bundle)"]


def test_the_cascade_has_a_row_of_its_own(report):
    """Its accuracy stands below its stages', in the same columns."""
    whole = report.stages[0].quantized_accuracy
    heads, rows = tabulate_stages(replace(report, cascade_float=whole, cascade_quantized=whole))
    assert rows[-1][0].startswith("whole cascade")
    assert rows[-1][heads.index("pictures")] == "60"

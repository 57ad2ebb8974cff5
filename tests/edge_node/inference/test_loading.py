"""Models are loaded with the threads and delegate asked for."""

from __future__ import annotations

import pytest

from edge_node.config.sections import BundleConfig
from edge_node.errors import RuntimeUnavailableError
from edge_node.inference.loading import available_cores, load_engine, measure_median_ms

pytestmark = pytest.mark.runtime


def test_auto_measures_and_gives_an_engine_that_works(caplog):
    """``auto`` says how many threads it chose, no more than there are cores."""
    caplog.set_level("INFO")
    engine = load_engine(BundleConfig(path="default", threads="auto"))
    assert measure_median_ms(engine) > 0
    chosen = int(caplog.text.split("threads = auto: ")[1].split()[0])
    assert 1 <= chosen <= available_cores()


@pytest.mark.parametrize(
    ("library", "words"), [("libno_such_accelerator.so.1", "no such|cannot open"), ("libc.so.6", "no TFLite")]
)
def test_a_delegate_that_does_not_load_is_one_sentence(library, words):
    """A library that is missing, or is none, is named; nothing is decided without it unasked."""
    with pytest.raises(RuntimeUnavailableError, match=f"(?i){words}") as caught:
        load_engine(BundleConfig(path="default", delegate=library))
    assert library in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_declared_fallback_runs_on_the_processor(caplog):
    """With ``delegate_fallback`` the node decides all the same, and the log says on what."""
    config = BundleConfig(path="default", delegate="libno_such.so", delegate_fallback=True)
    assert measure_median_ms(load_engine(config)) > 0
    assert "on the processor instead" in caplog.text

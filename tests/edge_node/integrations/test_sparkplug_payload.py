"""The bytes of the Sparkplug view, decoded by Google's protobuf with the fields of the official schema."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.integrations.sparkplug_payload import (
    REBIRTH,
    DataType,
    Metric,
    asks_for_rebirth,
    encode_payload,
)
from tests.support.sparkplug import value_of

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200)
NUMBER = st.integers(0, 2**63 - 1)
METRIC = st.one_of(
    st.builds(Metric, TEXT, st.just(DataType.STRING), st.none() | TEXT, NUMBER, st.booleans()),
    st.builds(Metric, TEXT, st.just(DataType.INT64), st.none() | NUMBER, NUMBER, st.booleans()),
    st.builds(Metric, TEXT, st.just(DataType.BOOLEAN), st.booleans(), NUMBER, st.booleans()),
    st.builds(Metric, TEXT, st.just(DataType.DOUBLE), st.floats(allow_nan=False), NUMBER, st.booleans()),
)


@settings(max_examples=200, deadline=None)
@given(metrics=st.lists(METRIC, max_size=6), timestamp_ms=NUMBER, seq=st.none() | st.integers(0, 255))
def test_protobuf_reads_what_was_written(schema, metrics, timestamp_ms, seq) -> None:
    """Every value, type, time and mark comes back; a death has no number."""
    decoded = schema.FromString(encode_payload(metrics, timestamp_ms=timestamp_ms, seq=seq))
    assert decoded.timestamp == timestamp_ms
    assert (decoded.seq if decoded.HasField("seq") else None) == seq
    assert [
        Metric(each.name, DataType(each.datatype), value_of(each), each.timestamp, each.is_historical)
        for each in decoded.metrics
    ] == metrics


def test_a_negative_number_is_twos_complement(schema) -> None:
    """As signed 64-bit numbers are in an unsigned field."""
    decoded = schema.FromString(encode_payload([Metric("n", DataType.INT64, -1, 0)], timestamp_ms=0, seq=0))
    assert decoded.metrics[0].long_value == 2**64 - 1


def test_only_a_rebirth_that_is_asked_for_is_one(schema) -> None:
    """True, not false, not another name; as the official schema writes it."""
    command = schema(timestamp=1)
    metric = command.metrics.add(name="Node Control/Reboot", datatype=11, boolean_value=True)
    assert not asks_for_rebirth(command.SerializeToString())
    metric.name, metric.boolean_value = REBIRTH, False
    assert not asks_for_rebirth(command.SerializeToString())
    metric.boolean_value = True
    assert asks_for_rebirth(command.SerializeToString())
    command.metrics.add(name="x", datatype=10, double_value=1.5)
    assert asks_for_rebirth(command.SerializeToString())
    command.metrics.add(name="x" * 5000)
    assert not asks_for_rebirth(command.SerializeToString())


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_harm(payload: bytes) -> None:
    """A hostile host can ask for a rebirth, and for nothing else."""
    assert asks_for_rebirth(payload) in (True, False)

"""The bytes of the Sparkplug view, decoded by Google's protobuf with the fields of the official schema."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.integrations.sparkplug_metrics import birth_metrics, row_metrics, status_metrics
from edge_node.integrations.sparkplug_payload import (
    REBIRTH,
    DataType,
    Metric,
    asks_for_rebirth,
    encode_payload,
)
from edge_node.messages.status import Part, PartState, Status
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import encode
from tests.support.verdicts import verdict

STRING, BOOLEAN, UINT64, UINT32, DOUBLE, MESSAGE = 9, 8, 4, 13, 1, 11  # FieldDescriptorProto.Type
FIELDS = {
    "Payload": [("timestamp", 1, UINT64), ("metrics", 2, MESSAGE), ("seq", 3, UINT64)],
    "Metric": [
        ("name", 1, STRING),
        ("alias", 2, UINT64),
        ("timestamp", 3, UINT64),
        ("datatype", 4, UINT32),
        ("is_historical", 5, BOOLEAN),
        ("is_null", 7, BOOLEAN),
        ("int_value", 10, UINT32),
        ("long_value", 11, UINT64),
        ("double_value", 13, DOUBLE),
        ("boolean_value", 14, BOOLEAN),
        ("string_value", 15, STRING),
    ],
}
VALUE = {
    DataType.INT64: "long_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
}


@pytest.fixture(scope="module")
def schema():
    """The class ``Payload``, made from the field numbers of ``sparkplug_b.proto``."""
    pytest.importorskip("google.protobuf")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="test", syntax="proto2")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            label = 3 if kind == MESSAGE else 1
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if kind == MESSAGE:
                added.type_name = ".test.Metric"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Payload"))


def value_of(metric):
    """The value of a decoded metric, None for null."""
    return None if metric.is_null else getattr(metric, VALUE[DataType(metric.datatype)])


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


def test_a_birth_has_every_metric_that_data_has(schema) -> None:
    """Hosts refuse data on metrics that were not born; what is not known yet is null."""
    now = datetime.now(timezone.utc)
    said = row_metrics(Kind.VERDICT, encode(verdict(7, "C", severity="late")), is_historical=False)
    status = Status(site="s", robot="r", since=now, camera=Part(state=PartState.OK))
    said += status_metrics(status, 5)
    born = schema.FromString(
        encode_payload(birth_metrics({m.name: m for m in said}, 3, 9), timestamp_ms=9, seq=0)
    )
    by_name = {metric.name: value_of(metric) for metric in born.metrics}
    assert {metric.name for metric in said} < set(by_name)
    assert len(by_name) == len(born.metrics)
    assert by_name["bdSeq"] == 3
    assert by_name[REBIRTH] is False
    assert by_name["Verdict/Outcome"] == "corroded"
    assert by_name["Verdict/Severity"] == "late"
    assert by_name["Verdict/Sequence"] == 7
    assert by_name["Finding/Id"] is None
    assert by_name["Node/Camera"] == "ok"
    assert row_metrics(Kind.RESPONSE, b"{}", is_historical=False) == []


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

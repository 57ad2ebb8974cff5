"""The official schema of Sparkplug, for Google's protobuf."""

from __future__ import annotations

import pytest

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


@pytest.fixture(scope="session")
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

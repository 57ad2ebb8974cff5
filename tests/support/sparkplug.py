"""Values of decoded metrics."""

from __future__ import annotations

from edge_node.integrations.sparkplug_payload import (
    DataType,
)

VALUE = {
    DataType.INT64: "long_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
}


def value_of(metric):
    """The value of a decoded metric, None for null."""
    return None if metric.is_null else getattr(metric, VALUE[DataType(metric.datatype)])

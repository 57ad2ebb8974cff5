"""The sections of the control room's configuration: which keys there are, and what each means."""

from __future__ import annotations

from typing import get_args, get_type_hints

import msgspec
import pytest

from edge_node.config.delivery_sections import MqttConfig
from edge_node.control_room.sections import BrokerConfig
from edge_node.control_room.settings import SECTIONS


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS.keys())
def test_every_key_says_what_it_is_for(section: type[msgspec.Struct]) -> None:
    """The example configuration is made of these sentences."""
    for name, hint in get_type_hints(section, include_extras=True).items():
        [about] = [one for one in get_args(hint)[1:] if isinstance(one, msgspec.Meta) and one.description]
        assert len(about.description) > 10, name


def test_the_broker_has_keys_of_the_node_with_their_defaults() -> None:
    """What a person knows from a robot's [mqtt] means the same in the control room."""
    of_the_node = {field.name: field for field in msgspec.structs.fields(MqttConfig)}
    for field in msgspec.structs.fields(BrokerConfig):
        assert field.default == of_the_node[field.name].default, field.name
        if field.name != "client_id":
            assert field.type == of_the_node[field.name].type, field.name

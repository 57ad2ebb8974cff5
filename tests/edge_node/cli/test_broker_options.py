"""The options of a broker on the command line."""

from __future__ import annotations

import pytest

from edge_node.cli.broker_options import broker_config
from edge_node.errors import CorrosionError
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint


def test_the_options_of_a_broker_become_an_endpoint(tmp_path):
    """``watch`` and ``command`` read the same options in the same way."""
    import argparse

    from edge_node.cli.broker_options import add_security_options

    parser = argparse.ArgumentParser()
    add_security_options(parser)
    config = broker_config("[::1]:1884", parser.parse_args([]), "command")
    where = endpoint(config, Topics("s", "r"))
    assert (where.hostname, where.port, where.tls) == ("::1", 1884, None)
    with pytest.raises(CorrosionError, match="wanted HOST or HOST:PORT"):
        broker_config("broker:http", parser.parse_args([]), "command")

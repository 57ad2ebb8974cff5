"""Messages, addresses and errors of a connection: passwords stay hidden, sizes are not underestimated."""

from __future__ import annotations

from edge_node.errors import PublisherError
from edge_node.mqtt.types import Endpoint, LinkError, Outgoing


def test_an_endpoint_is_shown_without_its_password() -> None:
    """Logs and tracebacks show endpoints; ``where`` is what messages show of one."""
    endpoint = Endpoint("broker.example", 8883, "robot", username="robot", password="s3cret")  # noqa: S106
    assert "s3cret" not in repr(endpoint)
    assert endpoint.where == "broker broker.example:8883"


def test_a_message_is_shown_without_its_payload() -> None:
    """A picture of a megabyte in a log line would push out all others."""
    assert "picture" not in repr(Outgoing("topic", b"picture"))


def test_every_part_of_a_message_counts_towards_its_size() -> None:
    """In bytes of UTF-8, not in characters: the broker counts bytes."""
    bare = Outgoing("t", b"", content_type="").size_bytes
    assert Outgoing("tü", b"", content_type="").size_bytes == bare + 2
    assert Outgoing("t", b"1234", content_type="").size_bytes == bare + 4
    assert Outgoing("t", b"", content_type="a/b").size_bytes == bare + 3
    assert Outgoing("t", b"", content_type="", correlation=b"12", response_topic="abc").size_bytes == bare + 5
    assert Outgoing("t", b"", content_type="", user=(("k", "ü"),)).size_bytes == bare + 5 + 1 + 2


def test_a_link_error_has_the_brokers_code_and_whether_it_refused() -> None:
    """Whoever tries again needs both; a user is told the sentence."""
    error = LinkError("broker h: not authorized (135)", code=0x87, refused=True)
    assert isinstance(error, PublisherError)
    assert (str(error), error.code, error.refused) == ("broker h: not authorized (135)", 0x87, True)
    assert (LinkError("x").code, LinkError("x").refused) == (None, False)

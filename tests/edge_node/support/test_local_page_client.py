"""The local page is asked where it can be asked without a secret."""

from __future__ import annotations

import pytest

from edge_node.config.sections import HttpConfig
from edge_node.errors import CorrosionError
from edge_node.monitoring.http_server import HttpServer, Response
from edge_node.support.local_page_client import ask_page
from tests.support.processes import free_port


def test_a_page_answers_or_the_reason_is_told():
    """Its content; off, with a token, not there, an error of its own."""

    def respond(request):
        return Response(200, b"{}") if request.path == "/state.json" else Response(404, b"no frame yet\n")

    server = HttpServer(("127.0.0.1", 0), respond, headers={})
    server.start()
    try:
        config = HttpConfig(enabled=True, host="0.0.0.0", port=server.port)  # noqa: S104  asked on the loopback
        assert ask_page(config, "/state.json") == b"{}"
        with pytest.raises(CorrosionError, match="answers 404"):
            ask_page(config, "/picture.jpg")
    finally:
        server.stop()
    for config, why in (
        (HttpConfig(), "serves no local page"),
        (HttpConfig(enabled=True, token_file="/no/file"), "asks for a token"),  # noqa: S106  no password
        (HttpConfig(enabled=True, port=free_port()), "does the node run"),
    ):
        with pytest.raises(CorrosionError, match=why):
            ask_page(config, "/state.json")

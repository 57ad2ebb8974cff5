"""A real SMTP server and a real webhook in threads, which keep what alerts bring them."""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

from tests.support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


class Webhook:
    """An HTTP server that takes JSON; ``answer`` is its status code."""

    def __init__(self, answer: int = 200) -> None:
        self.answer = answer
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.held = threading.Event()  # answers wait for it
        self.held.set()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["content-length"])))
                webhook.held.wait(30)
                if webhook.answer < 300:
                    webhook.got.append(content)
                webhook.paths.append(self.path)
                self.send_response(webhook.answer)
                self.send_header("Location", webhook.url)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its address as a channel, with secrets in every place where they may stand."""
        return f"json://robot:hunter2@127.0.0.1:{self._server.server_port}/hook/T0PSECRET?+X-Key=KEYSECRET"

    def close(self) -> None:
        """End it."""
        self.held.set()
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """An SMTP server."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        """Take a mail."""
        self.got.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"

    @property
    def url(self) -> str:
        """Its address as a channel."""
        return f"mailto://127.0.0.1:{self.port}?from=room@example.org&to=duty@example.org"

    def close(self) -> None:
        """End it."""
        self._controller.stop()


@contextmanager
def receivers() -> Iterator[tuple[MailServer, Webhook]]:
    """Both, while the context is open."""
    mail, webhook = MailServer(), Webhook()
    try:
        yield mail, webhook
    finally:
        webhook.close()
        mail.close()

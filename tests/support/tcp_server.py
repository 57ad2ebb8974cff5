"""A TCP server in a thread, whose connections end with it; what cameras of tests are built on."""

from __future__ import annotations

import socketserver
import threading


class TcpServer(socketserver.ThreadingTCPServer):
    """Listens on the loopback from the start, on ``port``."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, handler: type[socketserver.BaseRequestHandler], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.port = int(self.server_address[1])
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()

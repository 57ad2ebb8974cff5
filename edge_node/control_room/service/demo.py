"""Run ``edge-node control-room --demo``: a broker, two robot daemons on simulated pipes, and the page."""

from __future__ import annotations

import functools
import socket
import tempfile
from pathlib import Path
from typing import Any

from edge_node.control_room.service.server import serve
from edge_node.control_room.settings import build_settings
from edge_node.demo.broker import embedded_broker
from edge_node.demo.crawlers import CRAWLERS, SITE, TURN_S, run_crawlers
from edge_node.demo.pipe_drawing import write_drawing

_DEFAULT_PORT = 8430
_WORDS = """
  control room: {url}

  Two robots crawl along two pipes, to the end and back; one way takes {pass_s:.0f} s. Look at
    Live      the first finding opens within seconds; choose a robot to pause it or to take a picture
    Defects   from the second pass on: the same places again, and which of them grow
    Compare   two passes side by side: what is new, grown, gone, or was not seen
    Drawings  where on the pipe the defects are
    Review    confirm or dispute what the models say

  Ctrl-C ends it and deletes all of its data.
"""


def run_demo(
    host: str | None = None, port: int | None = None, token_file: str | None = None, speed: float = 1.0
) -> int:
    """Run until Ctrl-C; all data is in a temporary folder that is deleted at the end."""
    web: dict[str, Any] = {"host": host or "127.0.0.1", "port": port or _free_or_default_port()}
    if token_file:
        web["token_file"] = token_file
    with tempfile.TemporaryDirectory(prefix="control-room-demo-") as name:
        folder = Path(name)
        with embedded_broker(folder) as broker_port:
            settings = build_settings(
                mqtt={"hostname": "127.0.0.1", "port": broker_port},
                room={"state_dir": str(folder / "room"), "title": "Demo: two crawlers"},
                web=web,
                drawings={
                    "files": {
                        f"{SITE}/{crawler.pipe.asset}": str(write_drawing(folder, crawler.pipe))
                        for crawler in CRAWLERS
                    }
                },
            )
            with run_crawlers(folder, broker_port, speed=speed):
                serve(settings, functools.partial(_print_words, speed=speed))
    return 0


def _print_words(url: str, speed: float) -> None:
    pass_s = max(crawler.pass_s + TURN_S for crawler in CRAWLERS) / speed
    print(_WORDS.format(url=url, pass_s=pass_s), flush=True)


def _free_or_default_port() -> int:
    """Return the default port, or another if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _DEFAULT_PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

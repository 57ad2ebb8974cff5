"""A TCP proxy that does to a link what tests ask: swallows answers, delays, throttles, truncates, cuts."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from tests.support.mqtt_tap import Sending, Tap
from tests.support.processes import free_port

_CHUNK_BYTES = 65_536


class Proxy:
    """Forwards a loopback port to another; what it does to the bytes may be changed at any time.

    Attributes:
        swallow_answers: what the broker says does not arrive.
        delay_s: each way.
        bytes_per_s: towards the broker; None is unlimited.
        answers_bytes_per_s: from the broker; the same.
        truncate: only the first half of what is sent passes, and then the link ends.
        poison: the link ends when these bytes pass towards the broker.
        accept: False refuses new connections.
        connections: how many were accepted so far.
        sent_bytes: towards the broker so far.
        sendings: verdicts on ``tap_topic`` in the order sent, each with the broker's answer, heard or not.
    """

    def __init__(self, target_port: int, tap_topic: str = "") -> None:
        self.port = free_port()
        self.swallow_answers = False
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.answers_bytes_per_s: float | None = None
        self.truncate = False
        self.poison: bytes | None = None
        self.accept = True
        self.connections = 0
        self.sent_bytes = 0
        self.sendings: list[Sending] = []
        self._tap_topic = tap_topic
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    def __enter__(self) -> Proxy:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def cut(self) -> None:
        """End all connections at once, with a reset: what is on its way is lost."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._cut, done)
        assert done.wait(5)

    def _cut(self, done: threading.Event) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        done.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.accept:
            writer.transport.abort()
            return
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        self._writers |= {writer, broker_writer}
        tap = Tap(self._tap_topic, self.sendings, self.connections) if self._tap_topic else None
        there = asyncio.ensure_future(self._pump(reader, broker_writer, tap, answers=False))
        back = asyncio.ensure_future(self._pump(broker_reader, writer, tap, answers=True))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            for end in (writer, broker_writer):
                end.close()
            self._writers -= {writer, broker_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: Tap | None, *, answers: bool
    ) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while True:
                pace = self.answers_bytes_per_s if answers else self.bytes_per_s
                data = await reader.read(_CHUNK_BYTES if pace is None else max(256, int(pace / 50)))
                if not data:
                    return
                if tap is not None:
                    (tap.answered if answers else tap.sent)(data)
                if not answers and self.poison and self.poison in data:
                    return
                if not answers and self.truncate:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    return
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if pace is not None:
                    await asyncio.sleep(len(data) / pace)
                if answers and self.swallow_answers:
                    continue
                writer.write(data)
                await writer.drain()
                if not answers:
                    self.sent_bytes += len(data)

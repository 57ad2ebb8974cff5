"""A small real RTSP server: MJPEG in RTP over the RTSP connection, with faults on request.

Source: RFC 2326 (RTSP), RFC 2435 (RTP payload for JPEG), RFC 3550 (RTP).
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import cv2

from tests.support.mjpeg_server import FRAME_INTERVAL_S, Behaviour, moving_picture
from tests.support.tcp_server import TcpServer

if TYPE_CHECKING:
    from tests.support.camera_login import CameraLogin

RTP_JPEG = 26
_CHUNK_BYTES = 1400


class RtspServer:
    """Serves ``url``; ``behaviour`` and ``size`` may be changed while viewers watch."""

    def __init__(self, port: int = 0) -> None:
        self.behaviour = Behaviour.STREAM
        self.size = (320, 240)
        self.connections = 0
        self.login: CameraLogin | None = None
        self.transports = {"tcp"}
        self.refusal_of_transport: str | None = (
            "461 Unsupported Transport"  # None: the other one is agreed to
        )
        self.statuses: dict[str, str] = {}  # by method, instead of 200 OK
        self.stopped = threading.Event()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                with suppress(OSError):  # the viewer left
                    _Session(outer, self).talk()

        self._server = TcpServer(Handler, port)
        self.port = self._server.port
        self.url = f"rtsp://127.0.0.1:{self.port}/live"

    def close(self) -> None:
        """Stop listening, and drop every viewer."""
        self.stopped.set()
        self._server.stop()


class _Session:
    """One viewer's connection: answers requests, then plays."""

    def __init__(self, server: RtspServer, handler: socketserver.StreamRequestHandler) -> None:
        self._server = server
        self._in, self._out = handler.rfile, handler.wfile
        self._sequence = 0
        self._udp: tuple[socket.socket, tuple[str, int]] | None = None

    def talk(self) -> None:
        while request := self._request():
            method, headers = request
            if self._server.behaviour is Behaviour.MUTE:
                self._server.stopped.wait(30)
                return
            if (refusal := self._refusal(method, headers)) is not None:
                self._answer(headers, refusal[1], status=refusal[0])
                continue
            extra, body = {}, ""
            if method == "OPTIONS":
                extra = {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"}
            elif method == "DESCRIBE":
                body = (
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                    f"m=video 0 RTP/AVP {RTP_JPEG}\r\na=control:track1\r\n"
                )
                extra = {"Content-Type": "application/sdp"}
            elif method == "SETUP":
                extra = {"Transport": self._set_up(headers.get("transport", "")), "Session": "12345678"}
            elif method == "PLAY":
                extra = {"Session": "12345678"}
            self._answer(headers, extra, body)
            if method == "PLAY":
                self._play()
                return
            if method == "TEARDOWN":
                return

    def _refusal(self, method: str, headers: dict[str, str]) -> tuple[str, list[tuple[str, str]]] | None:
        """Return the status and the headers of what is refused."""
        server = self._server
        asked = server.login and server.login.ask(method, headers[":address"], headers.get("authorization"))
        if asked:
            return "401 Unauthorized", [("WWW-Authenticate", challenge) for challenge in asked]
        if method in server.statuses:
            return server.statuses[method], []
        if server.behaviour is Behaviour.NOT_FOUND and method == "DESCRIBE":
            return "404 Not Found", []
        wanted = "tcp" if "/TCP" in headers.get("transport", "") else "udp"
        if method == "SETUP" and wanted not in server.transports and server.refusal_of_transport:
            return server.refusal_of_transport, []
        return None

    def _set_up(self, wanted: str) -> str:
        """Return the transport for what a viewer wants, and remember its port if that is UDP."""
        if "/TCP" in wanted and "tcp" not in self._server.transports:
            return "RTP/AVP;unicast;client_port=50000-50001;server_port=50002-50003"
        if "/TCP" in wanted:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        port = int(wanted.partition("client_port=")[2].partition("-")[0])
        self._udp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", port))
        self._udp[0].bind(("127.0.0.1", 0))
        own = self._udp[0].getsockname()[1]
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{own + 1}"

    def _send(self, packets: list[bytes]) -> None:
        if self._udp is None:
            self._out.write(b"".join(packets))
            return
        for packet in packets:
            self._udp[0].sendto(packet[4:], self._udp[1])  # without the framing of a connection

    def _request(self) -> tuple[str, dict[str, str]] | None:
        first = self._in.readline().decode("latin-1")
        if not first.strip():
            return None
        headers = {}
        while line := self._in.readline().decode("latin-1").strip():
            key, _, value = line.partition(":")
            headers[key.lower()] = value.strip()
        headers[":address"] = first.split()[1]
        return first.split()[0], headers

    def _answer(
        self,
        headers: dict[str, str],
        extra: dict[str, str] | list[tuple[str, str]] | None = None,
        body: str = "",
        status: str = "200 OK",
    ) -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('cseq', '0')}"]
        pairs = extra.items() if isinstance(extra, dict) else extra or []
        lines += [f"{key}: {value}" for key, value in pairs]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._out.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _play(self) -> None:
        count = 0
        while not self._server.stopped.is_set():
            behaviour = self._server.behaviour
            if behaviour is Behaviour.HANG_UP and count >= 3:
                return
            if behaviour is Behaviour.SILENT:
                self._server.stopped.wait(30)
                return
            repeats = behaviour is Behaviour.REPEAT
            packets = list(self._packets(moving_picture(self._server.size, 0 if repeats else count), count))
            if behaviour is Behaviour.STALL:
                self._out.write(b"".join(packets[: max(1, len(packets) // 2)]))
                self._server.stopped.wait(30)
                return
            if behaviour is Behaviour.GARBAGE:
                packets = [bytes(byte ^ 0x5A for byte in packet) for packet in packets]
            self._send(packets)
            count += 1
            time.sleep(FRAME_INTERVAL_S)

    def _packets(self, picture, count):
        """Yield a frame's RTP packets, each in the framing of an interleaved connection."""
        tables, scan = _jpeg_parts(cv2.imencode(".jpg", picture)[1].tobytes())
        height, width = picture.shape[:2]
        for at in range(0, len(scan), _CHUNK_BYTES):
            chunk = scan[at : at + _CHUNK_BYTES]
            last = at + len(chunk) >= len(scan)
            # Type 1 is 4:2:0, Q 255 carries the quantization tables in the first packet.
            jpeg = struct.pack(">I", at) + bytes([1, 255, width // 8, height // 8])
            if at == 0:
                jpeg += struct.pack(">BBH", 0, 0, len(tables)) + tables
            rtp = struct.pack(
                ">BBHII", 0x80, RTP_JPEG | (0x80 if last else 0), self._sequence & 0xFFFF, count * 3000, 7
            )
            self._sequence += 1
            packet = rtp + jpeg + chunk
            yield struct.pack(">cBH", b"$", 0, len(packet)) + packet


def _jpeg_parts(content: bytes) -> tuple[bytes, bytes]:
    """Return a baseline JPEG's quantization tables, 64 bytes each, and its entropy-coded scan."""
    tables, at = b"", 2
    while True:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        segment = content[at + 4 : at + 2 + length]
        if marker == 0xDB:
            tables += b"".join(segment[k + 1 : k + 65] for k in range(0, len(segment), 65))
        at += 2 + length
        if marker == 0xDA:
            return tables, content[at:-2]

"""A real nginx with TLS on a free loopback port, in front of a page that it serves below a path."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import Authority
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location {path}/ {{
      proxy_pass http://127.0.0.1:{behind}/;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""


class Nginx:
    """``nginx`` that serves what listens on the port ``behind``; a ``with`` block."""

    def __init__(self, folder: Path, behind: int, path: str) -> None:
        """Write its configuration and a certificate, or skip the test where there is no nginx."""
        self._program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
        if self._program is None:
            pytest.skip("nginx is not installed (Debian package nginx-light)")
        self.port = free_port()
        self.url = f"https://localhost:{self.port}{path}/"
        self._folder = folder
        certificate, key = Authority(folder).certificate("localhost", host="127.0.0.1")
        is_root = subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout == "0\n"
        text = _CONFIGURATION.format(
            folder=folder,
            user="user root;" if is_root else "",
            port=self.port,
            certificate=certificate,
            key=key,
            path=path,
            behind=behind,
        )
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Nginx:  # noqa: PYI034  Self needs Python 3.11
        assert self._program is not None
        self._process = subprocess.Popen(
            [self._program, "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")],
            stderr=subprocess.DEVNULL,
        )
        wait_for((self._folder / "nginx.pid").exists, 30, "nginx listening")
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

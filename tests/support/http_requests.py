"""Requests to a local page."""

from __future__ import annotations

import urllib.error
import urllib.request


def get(port, path, **headers):
    """Return status, headers and body of a request."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)  # ours
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # ours
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as err:
        return err.code, dict(err.headers), err.read()

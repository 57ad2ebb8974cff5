"""Ask the local page of a running node for its states, figures and newest picture."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from edge_node.config.sections import HttpConfig

_TIMEOUT_S = 5.0
_MOST_BYTES = 4 * 1024 * 1024
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, not bound


def ask_page(config: HttpConfig, path: str) -> bytes:
    """Return what the node's page has at ``path``.

    Raises:
        CorrosionError: it is off, asks for a token, or does not answer.
    """
    if not config.enabled:
        raise CorrosionError("the node serves no local page: [http] enabled = false")
    if config.token_file is not None:
        raise CorrosionError("the local page asks for a token, and that is not read")
    where = f"http://{config.host}:{config.port}{path}"
    connection = http.client.HTTPConnection(
        _ANYWHERE.get(config.host, config.host), config.port, timeout=_TIMEOUT_S
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        content = response.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as err:
        raise CorrosionError(f"{where}: {err}; does the node run?") from err
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise CorrosionError(f"{where}: answers {response.status}")
    return content

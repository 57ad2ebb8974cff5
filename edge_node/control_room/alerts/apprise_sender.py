"""Send a message by Apprise, the only importer of it, and say why it failed without any part of an address.

Apprise tells in its log alone why a message was not taken. The log is caught here, for each thread, goes
nowhere else, and every piece of the channel's addresses is taken out of the sentence that is kept.
"""

from __future__ import annotations

import logging
import re
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from edge_node.control_room.alerts.channels import read_channels
from edge_node.errors import ConfigError
from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.alert_sections import AlertsConfig
    from edge_node.control_room.alerts.channels import Channel

MISSING: Final = (
    "[alerts] channels_file needs the Python package apprise; pip install 'corrosion-edge-node[alerts]'"
)
_MAX_WHY = 300
_HIDDEN = "(not shown)"
_SHORTEST = 3  # characters of a piece that is hidden: shorter ones are in every word
_POOL = re.compile(r"HTTPS?ConnectionPool\(.*?Caused by ")  # before what went wrong, by the HTTP client
_ADDRESS = re.compile(r"\S+://\S+|\burl: \S+", re.IGNORECASE)


class Outgoing(NamedTuple):
    """What is sent: plain text.

    Attributes:
        tone: info, success or warning, as Apprise has them.
    """

    title: str
    text: str
    tone: str = "warning"


def open_sender(config: AlertsConfig) -> AppriseSender:
    """Return what sends by the channels of ``[alerts]``.

    Raises:
        ConfigError: the file of channels cannot be used, or Apprise is not installed.
    """
    return AppriseSender(read_channels(config), config.page_url or "")


class AppriseSender:
    """Sends by the channels of one configuration; any thread may use it.

    Each address is a channel of its own: a message that one of them took is not sent there again because
    another one did not. The first has its channel's name, the others a number behind it: duty, duty 2.
    """

    def __init__(self, channels: Sequence[Channel], page_url: str = "") -> None:
        """Check every address of every channel; nothing is sent.

        Raises:
            ConfigError: Apprise is not installed, or cannot use an address; one line per problem.
        """
        self._senders: dict[str, tuple[Any, tuple[str, ...]]] = {}
        if not channels:
            return
        apprise, caught = _load()
        asset = apprise.AppriseAsset(
            app_id="Corrosion control room",
            app_desc="Corrosion control room",
            app_url=page_url or "about:blank",
            async_mode=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            # A POST that is sent elsewhere becomes a GET without the message, which any page answers well.
            **({"http_redirects": False} if hasattr(apprise.AppriseAsset, "http_redirects") else {}),
        )
        problems = []
        for channel in channels:
            for number, url in enumerate(channel.urls, start=1):
                caught.take()
                sender = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
                if sender is None:
                    problems.append(_refuse(channel, number, url, apprise))
                else:
                    name = channel.name if number == 1 else f"{channel.name} {number}"
                    self._senders[name] = sender, tuple(_list_pieces(url))
        if problems:
            raise ConfigError("\n".join(problems))

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels, one for each address."""
        return tuple(self._senders)

    def send(self, channel: str, message: Outgoing) -> str:
        """Send by a channel; return "" if it was taken, else why not. It may take long."""
        sender, pieces = self._senders[channel]
        caught = _load()[1]
        caught.take()
        try:
            is_taken = sender.notify(
                body=message.text, title=message.title, notify_type=message.tone, body_format="text"
            )
            said = caught.take()
        except Exception as err:  # noqa: BLE001  what a plugin raises must not end the thread
            is_taken, said = False, f"{type(err).__name__}: {err}"
        return "" if is_taken else _hide(said or "not taken, without a reason", pieces)


def choose_channels(channels: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the channels that are wanted by name, with all addresses of each; all if none is named."""
    return tuple(one for one in channels if not wanted or {one, one.partition(" ")[0]} & {*wanted})


class _Caught(logging.Filter):
    """Keeps what Apprise says in this thread, and lets nothing of it through to any handler."""

    def __init__(self) -> None:
        super().__init__()
        self._said = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep warnings, and of the rest the lines in which Apprise tells of an exception."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING or "xception" in text.partition(":")[0]:
            kept = getattr(self._said, "lines", [])
            self._said.lines = [*kept, text.strip()][-4:]
        return False

    def take(self) -> str:
        """Return what was said since the last call."""
        lines = getattr(self._said, "lines", [])
        self._said.lines = []
        return "; ".join(dict.fromkeys(lines))


@cache
def _load() -> tuple[Any, _Caught]:
    """Import Apprise and catch its log; half a second, and 20 MB.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import apprise
    except ModuleNotFoundError as err:
        raise ConfigError(MISSING if err.name == "apprise" else f"{MISSING} ({err.name} is missing)") from err
    caught, log = _Caught(), logging.getLogger("apprise")
    log.addFilter(caught)
    log.setLevel(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its lines hold paths, and these hold tokens
    return apprise, caught


def _refuse(channel: Channel, number: int, url: str, apprise: Any) -> str:
    """Say that an address cannot be used, by its scheme alone."""
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    which = f"channel {channel.name}" + (f", address {number}" if len(channel.urls) > 1 else "")
    known = {
        name for plugin in apprise.Apprise().details(show_disabled=True)["schemas"] for name in _names(plugin)
    }
    if scheme not in known:
        why = "does not begin with a scheme that Apprise knows, such as mailtos://, ntfys:// or jsons://"
    else:
        why = f"is no complete {scheme}:// address, or Apprise lacks a package for it"
    return f"[alerts] channels_file: {which}: {why}; the address is not shown, it holds a secret"


def _names(plugin: dict[str, Any]) -> Iterator[str]:
    for key in ("protocols", "secure_protocols"):
        yield from plugin.get(key) or ()


def _list_pieces(url: str) -> Iterator[str]:
    """Yield what may be secret in an address: all but its scheme and the names of its options."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    raw = re.split(r"[/:@,;]", parts.netloc + "/" + parts.path + "/" + parts.fragment) + values
    for piece in {*raw, *re.split(r"[/:@,;\s]", unquote(parts.path + "/" + parts.netloc)), parts.netloc}:
        for form in {piece, unquote(piece), quote(unquote(piece), safe="")}:
            if len(form) >= _SHORTEST:
                yield form


def _hide(text: str, pieces: Sequence[str]) -> str:
    """Return a sentence without any piece of an address, on one line."""
    text = _ADDRESS.sub(_HIDDEN, _POOL.sub("", text))
    for piece in sorted(set(pieces), key=len, reverse=True):
        text = re.sub(
            rf"(?<![A-Za-z0-9]){re.escape(piece)}(?![A-Za-z0-9])", _HIDDEN, text, flags=re.IGNORECASE
        )
    return str(replace_unprintable(" ".join(text.split())))[:_MAX_WHY]

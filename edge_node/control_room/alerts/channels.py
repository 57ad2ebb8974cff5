"""Read the channels by which alerts leave from the file that holds their addresses and passwords."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from edge_node.config.secret_files import describe_exposure, is_changeable
from edge_node.control_room.alert_sections import find_channel_problems
from edge_node.credential_files import credential_path, shown_path
from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, decode_text, read_bounded

if TYPE_CHECKING:
    from edge_node.control_room.alert_sections import AlertsConfig

_MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_LINE = re.compile(r"line (\d+)")


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out: its name, which people see, and its Apprise URLs, which nobody does."""

    name: str
    urls: tuple[str, ...] = field(repr=False)


def read_channels(alerts: AlertsConfig) -> tuple[Channel, ...]:
    """Return the channels of ``channels_file``; none where none is given.

    Raises:
        ConfigError: one line per problem; no part of an address stands in it.
    """
    channels: tuple[Channel, ...] = ()
    if alerts.channels_file is not None:
        path = credential_path(alerts.channels_file)
        where = f"[alerts] channels_file {shown_path(alerts.channels_file)}"
        try:
            content = decode_text(read_bounded(path, _MAX_BYTES))
        except TextFileError as err:
            raise ConfigError(f"{where}: {err}") from err
        if is_changeable(path):  # whoever can change it reads all alerts, or has the room call anybody
            raise ConfigError(f"[alerts] channels_file: {describe_exposure(path)}")
        channels = _parse(content, where)
    if problems := list(find_channel_problems(alerts, [one.name for one in channels])):
        raise ConfigError("\n".join(problems))
    return channels


def _parse(content: str, where: str) -> tuple[Channel, ...]:
    try:
        document = msgspec.toml.decode(content)
    except (msgspec.DecodeError, RecursionError) as err:  # its words may quote an address
        line = _LINE.search(str(err))
        at = f" (line {line[1]})" if line else ""
        raise ConfigError(f'{where}: not TOML{at}; wanted lines like duty = "mailtos://..."') from None
    problems, channels = [], []
    for name, given in document.items():
        urls = [given] if isinstance(given, str) else given
        if not _NAME.match(name):
            problems.append(f"{where}: a channel's name has letters, digits, _ and -; one has others")
        elif not isinstance(urls, list) or not urls or not all(isinstance(url, str) and url for url in urls):
            problems.append(f"{where}: channel {name}: wanted an address in quotes, or a list of them")
        else:
            channels.append(Channel(name, tuple(urls)))
    if problems:
        raise ConfigError("\n".join(problems))
    return tuple(channels)

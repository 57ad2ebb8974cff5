"""Put the user name and password of ``[camera]`` into the address of its source."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec.structs import replace

from edge_node.camera.controls.wishes import refuse_without_controls
from edge_node.camera.source import Source, SourceKind, parse_source
from edge_node.credential_files import credential_path, shown_path
from edge_node.errors import CameraError
from edge_node.text_file import TextFileError, read_secret

if TYPE_CHECKING:
    from edge_node.config.sections import CameraConfig

USERNAME_PLACE, PASSWORD_PLACE = "{username}", "{password}"  # where a pipeline takes them


def check_login(config: CameraConfig) -> Source:
    """Return the configured source without its password; reads no file.

    Raises:
        CameraError: it can never be opened, or ``username`` and ``password_file`` do not belong to it.
        ConfigError: keys of the camera's controls are set, and the source has none.
    """
    source = parse_source(config.source)
    refuse_without_controls(source, config)
    if config.password_file and not config.username:
        raise CameraError("password_file without username: the camera asks for both")
    if source.kind is SourceKind.GSTREAMER:
        _check_pipeline(source, config)
    elif config.username and source.kind is not SourceKind.STREAM:
        raise CameraError(f"{source.name}: takes no username and password_file; only http, rtsp and gst do")
    elif config.username and source.has_login:
        raise CameraError(
            f"{source.name}: the address has a user name of its own beside username; keep one,"
            " best username and password_file"
        )
    return source


def sign_in(config: CameraConfig) -> Source:
    """Return the configured source with its login; the file is read anew, so that it can be changed.

    Raises:
        CameraError: as ``check_login``, or the password cannot be read.
    """
    source = check_login(config)
    if not config.username:
        return source
    password = _read_password(config.password_file) if config.password_file else ""
    if source.kind is SourceKind.STREAM:
        return source.with_login(config.username, password)
    return replace(source, address=_fill_in(source, config.username, password))


def _check_pipeline(source: Source, config: CameraConfig) -> None:
    wants = {place for place in (USERNAME_PLACE, PASSWORD_PLACE) if place in source.address}
    given = {
        place
        for place, value in ((USERNAME_PLACE, config.username), (PASSWORD_PLACE, config.password_file))
        if value
    }
    if wants != given:
        raise CameraError(
            f"{source.name}: wanted {USERNAME_PLACE} in the pipeline for username and {PASSWORD_PLACE} for"
            " password_file, each where its key is given, like user-id={username} user-pw={password}"
        )


def _read_password(text: str) -> str:
    try:
        return read_secret(credential_path(text))
    except TextFileError as err:
        raise CameraError(f"password_file {shown_path(text)}: {err}") from err


def _fill_in(source: Source, username: str, password: str) -> str:
    """Return the pipeline with the login in its places."""
    # Lazily: few cameras are behind a pipeline.
    from edge_node.camera.backends.pipeline_text import escape_value, split_pipeline

    try:
        words = split_pipeline(source.address)
    except ValueError:
        return source.address  # the backend says what is wrong with it
    given = {USERNAME_PLACE: username, PASSWORD_PLACE: password}

    def fill_in(found: re.Match[str]) -> str:
        is_in_url = "://" in found.string[: found.start()]
        value = given[found[0]]
        return escape_value(quote(value, safe="") if is_in_url else value)

    anywhere = re.compile("|".join(map(re.escape, given)))
    return shlex.join(anywhere.sub(fill_in, word) for word in words)

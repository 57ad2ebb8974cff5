"""Build what may be shown of a camera's source, from parts that are known to hold no password. Pure.

Cameras take passwords and keys in the user part of a URL, in its query, in its path, even in the last part
of the path. So nothing is cut out of the text: the name is put together from what is harmless.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_PART = 40
_MAX_DIGITS = 3  # more may be a key; 3 number the channels of a recorder
_FORMAT = re.compile("av1|h26[45]|m3u8|mpe?g?4", re.IGNORECASE)  # digits that are no number
# Of these words the paths of network cameras are made: /live, /ch01/main, /h264Preview_01_main,
# /axis-media/media.amp, /videostream.cgi. Any other word may be a key, and is not shown.
_HARMLESS = (  # compiled where an address is shown: 1 ms of a start
    r"""(?:
      av1|amp|asp|avc|axis|back|bin|bottom|cam|camera|cameras|cgi|ch|chan|channel|channels|
      clip|data|default|demo|encoder|feed|feeds|flv|frame|front|get|h|h264|h265|hd|hevc|high|htm|html|
      image|images|img|index|inspection|jpeg|jpg|left|live|low|m3u8|main|media|mjpeg|mjpg|mkv|
      motion|mp4|mpd|mpeg|mpeg4|multicast|nph|onvif|overview|photo|php|picture|play|player|
      playlist|png|preview|primary|profile|proxy|ptz|rear|right|rtsp|sd|secondary|sdp|shot|
      snap|snapshot|source|stream|streaming|streams|sub|test|thermal|top|track|trackid|ts|
      unicast|uhd|video|videos|view|viewer|web|webcam|webm|x
      |[0-9._-])+"""
)
_ELEMENT = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def name_of_url(parts: SplitResult) -> str:
    """Return scheme, host, port and the path's last part; "..." stands for what may hold a password."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    folder, _, last = parts.path.rpartition("/")
    shown = last if not last or _is_harmless(last) else "..."
    before = "/..." if folder.strip("/") and shown != "..." else ""
    slash = "/" if parts.path else ""
    return f"{parts.scheme}://{host}{port}{before}{slash}{shown}"


def name_of_pipeline(pipeline: str) -> str:
    """Return ``gst:`` and the first element; not its properties, nor an address in its place."""
    words = pipeline.split(maxsplit=1)
    return f"gst:{words[0]}" if words and _ELEMENT.fullmatch(words[0]) else "gst:..."


def _is_harmless(part: str) -> bool:
    return (
        len(part) <= MAX_PART
        and sum(character.isdigit() for character in _FORMAT.sub("", part)) <= _MAX_DIGITS
        and re.fullmatch(_HARMLESS, part, re.IGNORECASE | re.VERBOSE) is not None
    )

"""Name the picture formats that are not read, each with what to do instead. Pure.

They are told by their content. A HEIC is refused although FFmpeg opens it: it shows one tile of many.
"""

from __future__ import annotations

import re

_AS_JPEG = "save it as JPEG, PNG or TIFF with 8 bits"
RAW = f"a camera's raw picture, whose values are not yet colours; {_AS_JPEG}"
_FLOAT = "a picture of floating-point values, which have no full scale"
_ANIMATION = "an animation; save its pictures as files of their own, or as a video"

_WEBP_ANIMATED = 0b10

_BRANDS_HEIC = frozenset(b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 heif".split())
_BRANDS_AVIF = frozenset({b"avif", b"avio"})

_BY_START: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (rb"II\*\0.{4}CR|IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb|II\x1a\0\0\0HEAPCCDR", RAW),
        (rb"\x76\x2f\x31\x01", f"an OpenEXR file, {_FLOAT}; {_AS_JPEG}"),
        (rb"#\?(?:RADIANCE|RGBE)", f"a Radiance HDR file, {_FLOAT}; {_AS_JPEG}"),
        (rb"P[Ff]\s", f"a PFM file, {_FLOAT}; {_AS_JPEG}"),
        (rb"P7\s", f"a PAM file, whose red and blue decoders exchange; {_AS_JPEG}"),
        (rb"\0\0\0\x0cJXL |\xff\x0a", f"JPEG XL is not read; {_AS_JPEG}"),
        (rb"8BPS", f"a Photoshop file is not read; {_AS_JPEG}"),
        (rb"\x89PNG.{4}(?:(?!IDAT).){0,4000}acTL", _ANIMATION),
        (rb"GIF8[79]a.{0,2000}(?:NETSCAPE2\.0|ANIMEXTS1\.0)", _ANIMATION),
    )
)


def refusal_of(content: bytes) -> str | None:
    """Return why a picture of this format is not read and what to do, or None if it may be read."""
    if content[4:8] == b"ftyp":
        return _refusal_by_brand(content)
    if content[8:16] == b"WEBPVP8X" and content[20:21] and content[20] & _WEBP_ANIMATED:
        return _ANIMATION
    return next((text for pattern, text in _BY_START if pattern.match(content)), None)


def _refusal_by_brand(content: bytes) -> str | None:
    end = min(int.from_bytes(content[:4], "big"), 1024)
    major = content[8:12]
    brands = {major, *(content[at : at + 4] for at in range(16, end - 3, 4))}
    if major == b"crx ":
        return RAW
    if major == b"avis":
        return _ANIMATION
    if brands & _BRANDS_HEIC and not brands & _BRANDS_AVIF:
        return (
            "HEIC is not read; convert it (heif-convert, or ImageMagick), or set the phone to JPEG"
            " (iPhone: Camera, Formats, Most Compatible)"
        )
    return None

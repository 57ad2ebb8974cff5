"""Define the types of single values that the configuration's sections share."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_node.validation import name_rule, text_rule

Id = Annotated[
    str,
    name_rule(
        "A-Za-z0-9",
        "A-Za-z0-9_-",
        (1, 64),
        "1 to 64 letters (a-z, A-Z), digits, _ and -, the first a letter or digit",
    ),
]
Pixels = Annotated[int, msgspec.Meta(ge=16, le=16384)]
Hertz = Annotated[float, msgspec.Meta(gt=0, le=1000)]
FourCc = Annotated[str, text_rule(r"^[A-Z0-9]{4}\Z", "four capital letters or digits, such as MJPG or YUYV")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Milliseconds = Annotated[float, msgspec.Meta(gt=0)]
MillimetresPerPixel = Annotated[float, msgspec.Meta(gt=0, le=1000)]
FocalPixels = Annotated[float, msgspec.Meta(ge=10, le=1_000_000)]
RangeMillimetres = Annotated[float, msgspec.Meta(ge=1, le=100_000)]  # as in the pose message
SigmaMetres = Annotated[float, msgspec.Meta(ge=0, le=10_000)]  # as in the pose message
TopicName = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
MAX_THREADS = 64
Threads = Annotated[int, msgspec.Meta(ge=1, le=MAX_THREADS)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

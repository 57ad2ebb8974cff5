"""Define the types of names, versions and counts that messages, manifests and releases share."""

from __future__ import annotations

from typing import Annotated

import msgspec

Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]


Ordered = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,3}\Z",
        description="one to four whole numbers with dots between: 2, 1.10, 2026.11.24",
    ),
]


Count = Annotated[int, msgspec.Meta(ge=0)]

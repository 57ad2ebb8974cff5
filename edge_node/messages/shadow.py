"""What a shadow bundle reports: each disagreement with the bundle in use, and how its work goes."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import Annotated, Literal

import msgspec

from edge_node.messages.identifiers import Count
from edge_node.messages.verdict import (  # msgspec resolves annotations at run time
    BundleReference,  # the same
    Decision,
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What two bundles say of one picture.

    Attributes:
        differs: which of outcome, material, form and severity; none if the verdict does not change.
        stages: per stage that answers otherwise, "old label -> new label".
        old: what the bundle in use says.
        new: what the other one says.
    """

    differs: tuple[str, ...]
    stages: dict[str, str]
    old: Decision
    new: Decision


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What two bundles say of many pictures.

    Attributes:
        frames: pictures that both judged.
        changed: of which they give another verdict.
        outcomes: per "old outcome -> new outcome" how many pictures, equal ones too.
        differs: per outcome, material, form and severity how many pictures differ in it.
        stages: per stage and "old label -> new label" how many pictures; only where labels differ.
    """

    frames: int
    changed: int
    outcomes: dict[str, int]
    differs: dict[str, int]
    stages: dict[str, dict[str, int]]


class Disagreement(Change, frozen=True, kw_only=True):
    """A frame of which the bundle on trial, the shadow, says something else than the one that decides.

    Attributes:
        verdict: id of the verdict on the same frame; it stands.
        unreported: disagreements since the last message that none was sent of.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    site: str
    robot: str
    at: datetime
    verdict: str
    observed_at: datetime
    old_bundle: BundleReference
    new_bundle: BundleReference
    evidence_sha256: str | None = None
    unreported: Count = 0

"""Define how two bundles' decisions on the same pictures differ, and a shadow's disagreement message."""

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
    """The decisions of two bundles on one picture, and where they differ.

    Attributes:
        differs: which of outcome, material, form and severity; none if the verdict does not change.
        stages: per stage with another label, "old label -> new label".
        old: decision of the bundle in use.
        new: decision of the other bundle.
    """

    differs: tuple[str, ...]
    stages: dict[str, str]
    old: Decision
    new: Decision


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of how the decisions of two bundles differ over many pictures.

    Attributes:
        frames: pictures that both judged.
        changed: pictures whose verdict changes.
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
    """A frame on which the shadow's decision differs from that of the bundle in use.

    Attributes:
        schema: name and version of the message format.
        id: ``{robot}:{epoch}:shadow:{seq}``.
        seq: counts the robot's disagreements that were sent.
        site: where the robot works.
        robot: name of the robot.
        at: when it was written, by the robot's clock.
        verdict: id of the verdict on the same frame; it stands.
        observed_at: when the frame was captured.
        old_bundle: the bundle that decides.
        new_bundle: the shadow.
        evidence_sha256: SHA-256 of the picture that was kept; null where none was.
        unreported: number of disagreements since the last message for which none was sent.
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

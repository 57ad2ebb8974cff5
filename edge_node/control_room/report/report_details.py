"""Define what a report says beside its figures: title, client, order number, logo, zone of its times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo

from edge_node.errors import CorrosionError

TITLE = "Inspection report"
UTC_NAME = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDetails:
    """What a report says beside its figures.

    Attributes:
        client: for whom it is; "" is left out.
        order: the client's number of the order; "" is left out.
        logo: PNG or JPEG, of whoever inspects.
        zone: of the times in the PDF.
        made_at: date of the report.
    """

    title: str = TITLE
    client: str = ""
    order: str = ""
    logo: bytes | None = field(default=None, repr=False)
    zone: tzinfo = timezone.utc
    made_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def moment(self, at: datetime) -> str:
        """Return a time with its zone, as the page writes it: 2026-11-30 14:03:05 +01:00."""
        local = at.astimezone(self.zone)
        offset = f"{local:%z}"
        return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def parse_zone(name: str) -> tzinfo:
    """Return a time zone by its name, such as Europe/Berlin.

    Raises:
        CorrosionError: there is none, or this machine does not know it.
    """
    if name == UTC_NAME:
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CorrosionError(
            f"zone {name[:60]!r}: not known to this machine; wanted a name such as Europe/Berlin, or UTC"
        ) from None

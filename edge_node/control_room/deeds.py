"""Define the entries of the audit: who did what, from where, and what came of it. No I/O, no database.

Commands that a robot's install brings too name deeds, and a robot has no database library of the room's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Deed(str, Enum):
    """What was done, or tried."""

    LOGIN = "login"
    FAILED_LOGIN = "failed_login"
    LOGOUT = "logout"
    FORBIDDEN = "forbidden"  # the role does not allow it
    REVIEW = "review"
    COMMAND = "command"
    BUNDLE = "bundle"
    DEFECT = "defect"
    RETIRE = "retire"
    ADMIT = "admit"
    USER = "user"
    ALERT = "alert"
    MISSION = "mission"  # its name
    DRAWING = "drawing"
    OTHER = "other"  # of a newer version


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One deed.

    Attributes:
        user: who; "" where nobody is named.
        role: of the user at that time.
        origin: how the control room knew; ``Origin`` names the ways.
        subject: what it was done to: SITE/ROBOT, the id of a finding, the name of a user.
        outcome: done, refused, failed, asked, ...
        position: of the entry in the audit; 0 before it is there.
    """

    at: datetime
    user: str
    role: str
    origin: str
    address: str
    action: Deed
    subject: str = ""
    outcome: str = "done"
    text: str = ""
    position: int = 0

"""Define what people may do in the control room, and who sent a request. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(str, Enum):
    """What a user or a program may do; each role may do what those before it may."""

    VIEWER = "viewer"  # looks
    REVIEWER = "reviewer"  # confirms and disputes findings and verdicts
    OPERATOR = "operator"  # commands robots
    ADMIN = "admin"  # sees users and the audit, retires and admits robots

    def allows(self, needed: Role) -> bool:
        """Return whether this role may do what ``needed`` may."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = tuple(Role)
ROLE_NAMES = ", ".join(role.value for role in Role)


class Origin(str, Enum):
    """How the control room knows who sent a request."""

    LOOPBACK = "loopback"  # no logins are set up; whoever is on this machine
    SHARED_TOKEN = "shared_token"  # noqa: S105  the token of [web] token_file, which names nobody
    LOGIN = "login"  # a user's password
    PROGRAM = "program"  # a program's token
    PROXY = "proxy"  # a header of a trusted proxy
    COMMAND_LINE = "command_line"  # the account of the operating system

    @property
    def is_named(self) -> bool:
        """Return whether it says who the person is."""
        return self not in (Origin.LOOPBACK, Origin.SHARED_TOKEN)


@dataclass(frozen=True, slots=True)
class Person:
    """Who sent a request.

    Attributes:
        name: of the user or program; "" where the origin names nobody.
        address: of the client, behind a trusted proxy too.
        session: key of the session; "" without one.
    """

    name: str
    role: Role
    origin: Origin
    address: str
    session: str = ""

    def may(self, needed: Role) -> bool:
        """Return whether the person's role allows what ``needed`` allows."""
        return self.role.allows(needed)

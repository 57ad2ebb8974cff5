"""Tell who sends a request, open and end sessions, and slow down guessing."""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.deeds import Deed
from edge_node.control_room.people.audit import is_told
from edge_node.control_room.people.failed_logins import FailedLogins
from edge_node.control_room.people.passwords import PasswordChecks, TooManyLoginsError
from edge_node.control_room.people.proxy_headers import TrustedProxies
from edge_node.control_room.people.roles import Origin, Person, Role
from edge_node.control_room.people.sessions import SESSIONS_NAME, Sessions
from edge_node.control_room.people.shared_failures import SharedFailures
from edge_node.control_room.people.shared_sessions import SharedSessions
from edge_node.control_room.people.user_directory import UserDirectory
from edge_node.control_room.people.user_file import USERS_NAME, clean_name, hash_secret
from edge_node.errors import ConfigError, CorrosionError
from edge_node.text_file import TextFileError, read_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.people.audit import Audit
    from edge_node.control_room.sections import WebConfig
    from edge_node.control_room.settings import RoomSettings

MIN_TOKEN = 16
_TOKEN_WANTED = f"wanted one line of at least {MIN_TOKEN} characters; `openssl rand -hex 16` makes one"
_GROUP_SEPARATORS = re.compile(r"[,;|]")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of who sent it.

    Attributes:
        address: of the client.
        proxy_users: values of ``[web] user_header``; None unless a trusted proxy sent them.
        proxy_groups: values of ``[web] role_header``.
    """

    address: str
    bearer: str = ""
    cookie: str = ""
    proxy_users: tuple[str, ...] | None = None
    proxy_groups: tuple[str, ...] = ()


class LoginRefusedError(CorrosionError):
    """A login is refused.

    Attributes:
        reason: password, token, wait or busy, as the login page words it.
        wait_s: before the next try.
    """

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Logins:
    """Who may use one control room; its methods but ``log_in`` may be called from any thread.

    Attributes:
        reads_history: who asks waits for the history, so not in an event loop.
    """

    def __init__(
        self,
        settings: RoomSettings,
        audit: Audit,
        now_s: Callable[[], float] = time.time,
        shared: Database | None = None,
    ) -> None:
        """Read token, users and sessions.

        Args:
            settings: of the control room; the folder holds the sessions, and the users unless said otherwise.
            audit: where logins are noted.
            now_s: Unix time by which sessions expire; one that does not go back.
            shared: the history, where other web processes of the room find sessions and failed logins too.

        Raises:
            ConfigError: a file cannot be read, or holds no token.
        """
        web, folder = settings.web, Path(settings.room.state_dir)
        self._web = web
        self._audit = audit
        self._token = read_shared_token(web)
        self.directory = UserDirectory(users_path(settings), must_exist=web.users_file is not None)
        lasts_s = web.session_hours * 3600
        self._sessions: Sessions | SharedSessions
        self._failed: FailedLogins | SharedFailures
        self.reads_history = shared is not None
        if shared is None:
            self._sessions, self._failed = Sessions(folder / SESSIONS_NAME, lasts_s, now_s), FailedLogins()
        else:
            self._sessions, self._failed = SharedSessions(shared, lasts_s, now_s), SharedFailures(shared)
        self._checks = PasswordChecks()
        self._roles = {group: Role(role) for group, role in web.header_roles.items()}

    @property
    def is_required(self) -> bool:
        """Whether people have to say who they are."""
        return bool(self._token) or self.directory.is_used or self._web.user_header is not None

    @property
    def ways(self) -> tuple[str, ...]:
        """How to log in on the page: by the name of a user, by the shared token."""
        has_users = any(user.password for user in self.directory.users())
        return (*(("user",) if has_users else ()), *(("token",) if self._token else ()))

    def identify(self, claim: Claim) -> Person | None:
        """Return who sent a request; None if it does not say, or says it wrongly."""
        self.directory.refresh()
        if not self.is_required:
            return Person("", Role.ADMIN, Origin.LOOPBACK, claim.address)
        return self._find_program(claim) or self._find_proxied(claim) or self._find_session(claim)

    def note_wrong_token(self, claim: Claim) -> float:
        """Count a wrong bearer token and return how long its sender has to wait, s."""
        return self._note_failure(Origin.PROGRAM, claim.address)

    async def log_in(self, name: str, password: str, address: str) -> tuple[str, Person]:
        """Check a user's password and return a new session's cookie.

        Raises:
            LoginRefusedError: wrong, or too soon after wrong ones.
        """
        self.directory.refresh()
        user = self.directory.find_user(name)
        who = user.name if user else name.casefold()[:64]
        if (wait_s := await self._begin_try(who, address)) > 0:
            raise LoginRefusedError("wait", wait_s)
        failed = None
        try:
            genuine = await self._checks.check(user.password if user else "", password, address)
            failed = not genuine
        except TooManyLoginsError as err:
            raise LoginRefusedError("busy", 5.0) from err
        finally:
            count = await self._end_try(who, address, failed=failed)
        if user is None or not genuine:
            if is_told(count):
                name = user.name if user else ""
                await asyncio.to_thread(self._note_failed_login, name, address, count, Origin.LOGIN)
            raise LoginRefusedError("password")
        person = Person(user.name, user.role, Origin.LOGIN, address)
        return await asyncio.to_thread(self._open_session, person, user.proof())

    def log_in_by_token(self, token: str, address: str) -> tuple[str, Person]:
        """Check the shared token and return a new session's cookie; the right one never has to wait.

        Raises:
            LoginRefusedError: wrong.
        """
        if not self._is_shared_token(token):
            wait_s = self._note_failure(Origin.SHARED_TOKEN, address)
            raise LoginRefusedError("wait" if wait_s else "token", wait_s)
        return self._open_session(Person("", Role.ADMIN, Origin.SHARED_TOKEN, address), self._shared_proof())

    def log_out(self, person: Person) -> None:
        """End the session of a request."""
        if person.session:
            self._sessions.end(person.session)
            self._audit.note_done(person, Deed.LOGOUT)

    def count_sessions(self, user: str) -> int:
        """Return how many sessions a user has."""
        return self._sessions.count(user)

    def close(self) -> None:
        """Check no further password."""
        self._checks.close()

    async def _begin_try(self, who: str, address: str) -> float:
        if isinstance(self._failed, FailedLogins):
            return self._failed.begin(who, address)
        return await asyncio.to_thread(self._failed.begin, who, address)

    async def _end_try(self, who: str, address: str, *, failed: bool | None) -> int:
        if isinstance(self._failed, FailedLogins):
            return self._failed.end(who, address, failed=failed)
        return await asyncio.to_thread(self._failed.end, who, address, failed=failed)

    def _find_program(self, claim: Claim) -> Person | None:
        if not claim.bearer:
            return None
        if self._is_shared_token(claim.bearer):
            return Person("", Role.ADMIN, Origin.SHARED_TOKEN, claim.address)
        found = self.directory.find_token(claim.bearer)
        return Person(found.name, found.role, Origin.PROGRAM, claim.address) if found else None

    def _find_proxied(self, claim: Claim) -> Person | None:
        if claim.proxy_users is None or len(claim.proxy_users) != 1 or len(claim.proxy_groups) > 1:
            return None  # twice: the client sent one too, and the proxy let it pass
        try:
            name = clean_name(claim.proxy_users[0].strip())
        except ConfigError:
            return None
        user = self.directory.find_user(name)
        role = self._role_of_groups("".join(claim.proxy_groups)) or (user.role if user else None)
        if role is None and self._web.header_default_role is not None:
            role = Role(self._web.header_default_role)
        return Person(name, role, Origin.PROXY, claim.address) if role else None

    def _role_of_groups(self, value: str) -> Role | None:
        groups = {group.strip() for group in (value, *_GROUP_SEPARATORS.split(value))}
        roles = [role for group, role in self._roles.items() if group in groups]
        return max(roles, key=list(Role).index, default=None)

    def _find_session(self, claim: Claim) -> Person | None:
        session = self._sessions.find(claim.cookie)
        if session is None:
            return None
        if not session.user:
            is_valid = bool(self._token) and hmac.compare_digest(session.proof, self._shared_proof())
            person = Person("", Role.ADMIN, Origin.SHARED_TOKEN, claim.address, session.key)
            return person if is_valid else None
        user = self.directory.find_user(session.user)
        if user is None or not hmac.compare_digest(session.proof, user.proof()):
            return None
        return Person(user.name, user.role, Origin.LOGIN, claim.address, session.key)

    def _open_session(self, person: Person, proof: str) -> tuple[str, Person]:
        cookie = self._sessions.open(person.name, proof)
        self._audit.note_done(person, Deed.LOGIN)
        return cookie, person

    def _note_failure(self, origin: Origin, address: str) -> float:
        """Count a wrong token of an address; return how long it has to wait already, s."""
        wait_s = self._failed.begin(origin.value, address)
        if wait_s == 0:
            count = self._failed.end(origin.value, address, failed=True)
            if is_told(count):
                self._note_failed_login("", address, count, origin)
        return wait_s

    def _note_failed_login(self, name: str, address: str, count: int, origin: Origin) -> None:
        """Note it without what was typed as the name of nobody: it may be a password in the wrong field."""
        person = Person(name, Role.VIEWER, origin, address)
        texts = ["" if name or origin is not Origin.LOGIN else "no such user"]
        texts += [f"{count} in a row"] if count > 1 else []
        text = ", ".join(filter(None, texts))
        self._audit.note_done(person, Deed.FAILED_LOGIN, outcome="failed", text=text)

    def _is_shared_token(self, offered: str) -> bool:
        """Compare in constant time."""
        return bool(self._token) and hmac.compare_digest(hash_secret(offered), hash_secret(self._token))

    def _shared_proof(self) -> str:
        return hash_secret(f"shared token\n{self._token}")


def check_logins(settings: RoomSettings) -> None:
    """Raise ConfigError unless ``Logins`` could read all that it needs; changes nothing."""
    read_shared_token(settings.web)
    UserDirectory(users_path(settings), must_exist=settings.web.users_file is not None)
    TrustedProxies(settings.web.trusted_proxies)


def users_path(settings: RoomSettings) -> Path:
    """Return the file of users: the configured one, or that in the state folder."""
    given = settings.web.users_file
    return Path(given) if given else Path(settings.room.state_dir) / USERS_NAME


def read_shared_token(web: WebConfig) -> str:
    """Return the token of ``[web] token_file``; "" where none is configured.

    Raises:
        ConfigError: the file cannot be read, or holds no token.
    """
    if web.token_file is None:
        return ""
    path = Path(web.token_file)
    try:
        token = read_token(path)
    except TextFileError as err:
        raise ConfigError(f"[web] token_file {path}: {err}; {_TOKEN_WANTED}") from err
    if len(token) < MIN_TOKEN or not token.isprintable():
        raise ConfigError(f"[web] token_file {path}: {_TOKEN_WANTED}")
    return token

"""Look up users and program tokens in their file, and notice when it changes."""

from __future__ import annotations

import logging
import unicodedata
from typing import TYPE_CHECKING

from edge_node.control_room.people.user_file import UserFile, UserList, hash_secret
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.people.user_file import TokenRecord, UserRecord

_log = logging.getLogger(__name__)


class UserDirectory:
    """The users of one control room as their file has them now; used by any thread.

    Attributes:
        is_used: the file was there once: from then on nobody comes in without a login.
    """

    def __init__(self, path: Path, *, must_exist: bool) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be used, or it is not there and ``must_exist``.
        """
        self._file = UserFile(path)
        self._seen: tuple[int, ...] | None = None
        self._problem = ""
        self.is_used = must_exist
        self._users: dict[str, UserRecord] = {}
        self._tokens: dict[str, TokenRecord] = {}
        if must_exist or path.exists():
            self._seen = self._stat()
            self._take(self._file.read())

    def refresh(self) -> None:
        """Read the file again if it changed; one that cannot be used leaves all as it was, and is told once.

        It is tried again then: what kept it from being read may have been the machine's, not the file's.
        """
        now = self._stat()
        if now == self._seen:
            return
        if now is None:
            _log.warning("%s is gone, and with it all users and tokens", self._file.path)
            self._take(UserList())
        else:
            try:
                self._take(self._file.read())
            except ConfigError as err:
                if self._problem != (problem := str(err)):
                    self._problem = problem
                    _log.error("%s; the users that were read before stay valid", err)
                return
        self._seen, self._problem = now, ""

    def find_user(self, name: str) -> UserRecord | None:
        """Return a user by the name, however its letters are written."""
        return self._users.get(unicodedata.normalize("NFKC", name).casefold())

    def find_token(self, token: str) -> TokenRecord | None:
        """Return a program by its token."""
        return self._tokens.get(hash_secret(token))

    def users(self) -> list[UserRecord]:
        """Return all users."""
        return list(self._users.values())

    def tokens(self) -> list[TokenRecord]:
        """Return all programs."""
        return list(self._tokens.values())

    def _take(self, found: UserList) -> None:
        self.is_used = True
        self._users = {user.name.casefold(): user for user in found.users}
        self._tokens = {token.sha256: token for token in found.tokens}

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = self._file.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode

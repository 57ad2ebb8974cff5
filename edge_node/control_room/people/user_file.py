"""Read and change the file of users and program tokens: passwords as argon2 hashes, tokens as SHA-256.

A change replaces the file as a whole, for its owner alone. A running control room notices it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import unicodedata
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec

from edge_node.config.secret_files import describe_exposure
from edge_node.control_room.people.passwords import is_hash
from edge_node.control_room.people.roles import Role  # msgspec resolves annotations
from edge_node.durable_file import replace_file
from edge_node.errors import ConfigError
from edge_node.messages.review import Name  # the same
from edge_node.text_file import TextFileError, read_text_file
from edge_node.validation import describe_invalid, text_rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USERS_NAME = "users.json"
TOKEN_BEGINS = "corrosion_"  # noqa: S105  by which scanners of leaked secrets know a token
_MAX_BYTES = 4 << 20
_Hash = Annotated[str, text_rule(r"^[0-9a-f]{64}\Z", "64 hexadecimal digits")]


class UserRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A user; one without a password comes through a trusted proxy only."""

    name: Name
    role: Role
    password: str = ""
    changed_at: datetime

    def proof(self) -> str:
        """Return what a session is bound to: every change of the user makes it another, also one undone."""
        changed_at = self.changed_at.isoformat()
        return hash_secret(f"user\n{self.name}\n{self.role.value}\n{self.password}\n{changed_at}")


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A program's token."""

    name: Name
    role: Role
    sha256: _Hash
    changed_at: datetime


_Record = TypeVar("_Record", UserRecord, TokenRecord)


class UserList(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file."""

    format: Literal[1] = 1
    users: tuple[UserRecord, ...] = ()
    tokens: tuple[TokenRecord, ...] = ()


class UserFile:
    """The file at ``path``; several processes may change it, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> UserList:
        """Return its content.

        Raises:
            ConfigError: it cannot be read, is damaged, or others can read or change it.
        """
        try:
            content = read_text_file(self.path, _MAX_BYTES)
        except TextFileError as err:
            hint = "; `edge-node control-room user add NAME` makes it" if err.is_missing else ""
            raise ConfigError(f"{self.path}: {err}{hint}") from err
        if exposed := describe_exposure(self.path):
            raise ConfigError(f"users are not read from {exposed}")
        try:
            found = msgspec.json.decode(content, type=UserList)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
            raise ConfigError(f"{self.path}: {describe_invalid(err, kind=UserList)}") from err
        _check(self.path, found)
        return found

    def add_user(self, name: str, role: Role, password_hash: str) -> None:
        """Add a user.

        Raises:
            ConfigError: there is one of this name, or the name cannot be used.
        """
        name = clean_name(name)
        with self._change() as found:
            _refuse_taken(name, (*found.users, *found.tokens))
            made = UserRecord(name=name, role=role, password=password_hash, changed_at=_now())
            self._write(msgspec.structs.replace(found, users=(*found.users, made)))

    def change_user(self, name: str, *, role: Role | None = None, password_hash: str | None = None) -> None:
        """Give a user another role or password; either ends the user's sessions.

        Raises:
            ConfigError: there is no such user.
        """
        with self._change() as found:
            was = _find(found.users, name, "user")
            made = UserRecord(
                name=was.name,
                role=role or was.role,
                password=was.password if password_hash is None else password_hash,
                changed_at=_now(),
            )
            users = tuple(made if user is was else user for user in found.users)
            self._write(msgspec.structs.replace(found, users=users))

    def remove_user(self, name: str) -> None:
        """Remove a user, which ends the user's sessions.

        Raises:
            ConfigError: there is no such user.
        """
        with self._change() as found:
            gone = _find(found.users, name, "user")
            users = tuple(user for user in found.users if user is not gone)
            self._write(msgspec.structs.replace(found, users=users))

    def add_token(self, name: str, role: Role) -> str:
        """Add a program and return its token, which is stored nowhere.

        Raises:
            ConfigError: there is a user or a program of this name, or the name cannot be used.
        """
        name, token = clean_name(name), TOKEN_BEGINS + secrets.token_urlsafe(32)
        with self._change() as found:
            _refuse_taken(name, (*found.users, *found.tokens))
            made = TokenRecord(name=name, role=role, sha256=hash_secret(token), changed_at=_now())
            self._write(msgspec.structs.replace(found, tokens=(*found.tokens, made)))
        return token

    def remove_token(self, name: str) -> None:
        """Remove a program's token.

        Raises:
            ConfigError: there is no such program.
        """
        with self._change() as found:
            gone = _find(found.tokens, name, "token")
            tokens = tuple(token for token in found.tokens if token is not gone)
            self._write(msgspec.structs.replace(found, tokens=tokens))

    @contextlib.contextmanager
    def _change(self) -> Iterator[UserList]:
        """Hold the lock beside the file, so that of two changes at once none is lost."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as err:
            raise ConfigError(f"{self.path}: {err.strerror or err}") from err
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.read() if self.path.exists() else UserList()
        finally:
            os.close(lock)

    def _write(self, changed: UserList) -> None:
        try:
            replace_file(self.path, [msgspec.json.format(msgspec.json.encode(changed)), b"\n"])
        except OSError as err:
            raise ConfigError(f"{self.path}: {err.strerror or err}; nothing was changed") from err


def clean_name(name: str) -> str:
    """Return a user's name in one form of its letters.

    Raises:
        ConfigError: it is empty, too long, or holds what no name may.
    """
    name = unicodedata.normalize("NFKC", name)
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError as err:
        raise ConfigError(f"user name {describe_invalid(err, name, Name)}") from err
    if name != name.strip():
        raise ConfigError(f"user name {name!r}: ends in a blank")
    return name


def hash_secret(text: str) -> str:
    """Return SHA-256 in hexadecimal; enough for secrets of 32 random bytes, not for passwords."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _find(records: tuple[_Record, ...], name: str, what: str) -> _Record:
    name = unicodedata.normalize("NFKC", name)
    for record in records:
        if record.name == name:
            return record
    known = ", ".join(record.name for record in records) or "none"
    raise ConfigError(f"there is no {what} {name!r}; known: {known}")


def _refuse_taken(name: str, records: tuple[UserRecord | TokenRecord, ...]) -> None:
    for record in records:
        if record.name.casefold() == name.casefold():
            kind = "user" if isinstance(record, UserRecord) else "token"
            raise ConfigError(f"there is a {kind} {record.name!r} already; two would be taken for one person")


def _check(path: Path, found: UserList) -> None:
    """Refuse what was put in by hand and would not do what it seems to."""
    names = [user.name.casefold() for user in found.users]
    names += [token.name.casefold() for token in found.tokens]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path}: {twice[0]!r} is there twice")
    for user in found.users:
        if user.password and not is_hash(user.password):
            raise ConfigError(
                f"{path}: the password of {user.name!r} is no argon2 hash;"
                f" `edge-node control-room user password` sets one"
            )


def _now() -> datetime:
    return datetime.now(timezone.utc)  # to the microsecond: two changes within a second are two

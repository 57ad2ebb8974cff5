"""Run ``edge-node control-room user``: add, list, change and remove users and programs' tokens."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, check_extra, find_room, note_deed
from edge_node.cli.state_owner import become_owner
from edge_node.control_room.deeds import Deed
from edge_node.control_room.people.logins import users_path
from edge_node.control_room.people.passwords import hash_password
from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile
from edge_node.errors import ConfigError, CorrosionError
from edge_node.text_file import TextFileError, read_secret

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_ROLES = [role.value for role in Role]
_MAX_PASSWORD_LINE = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of ``edge-node control-room user``."""
    actions = parser.add_subparsers(dest="user_action", metavar="WHAT", required=True)
    add = actions.add_parser("add", help="add a user")
    add.add_argument("name")
    _add_role(add)
    _add_password(add)
    add.add_argument("--no-password", action="store_true", help="comes through a trusted proxy only")
    listed = actions.add_parser("list", help="users and programs, with their roles")
    listed.add_argument("--json", action="store_true", help="for programs")
    remove = actions.add_parser("remove", help="remove a user, and end the user's sessions")
    remove.add_argument("name")
    password = actions.add_parser("password", help="set a user's password, and end the user's sessions")
    password.add_argument("name")
    _add_password(password)
    role = actions.add_parser("role", help="set a user's role, and end the user's sessions")
    role.add_argument("name")
    role.add_argument("role", choices=_ROLES)
    token = actions.add_parser("token", help="add or remove tokens for programs")
    token_actions = token.add_subparsers(dest="token_action", metavar="WHAT", required=True)
    token_add = token_actions.add_parser("add", help="add a program and print its token once")
    token_add.add_argument("name")
    _add_role(token_add)
    token_remove = token_actions.add_parser("remove", help="end a program's access")
    token_remove.add_argument("name")
    token_list = token_actions.add_parser("list", help="the same as `user list`")
    token_list.add_argument("--json", action="store_true", help="for programs")
    for action in (add, listed, remove, password, role, token_add, token_remove, token_list):
        add_room_options(action)
    parser.epilog = (
        "A password is asked for at the terminal, or read from a file or stdin, never from the arguments.\n"
        "Roles: a viewer looks, a reviewer reviews, an operator commands robots, an admin sees users and\n"
        "audit. With the first user or token the page asks for a login; a running control room notices."
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    check_extra()
    settings = find_room(args)
    path = users_path(settings)
    become_owner(path.parent, must_exist=False)
    users = UserFile(path)
    what = f"token {args.token_action}" if args.user_action == "token" else args.user_action
    if what in ("list", "token list"):
        return _list(users, as_json=args.json)
    text = _change(users, what, args)
    note_deed(settings.room, Deed.USER, args.name, text=f"{what}{text}")
    return 0


def _change(users: UserFile, what: str, args: argparse.Namespace) -> str:
    """Do it, say so, and return what the audit adds to it."""
    name = args.name
    if what == "add":
        password_hash = "" if args.no_password else hash_password(_read_password(args))
        users.add_user(name, Role(args.role), password_hash)
        print(f"{users.path}: {name} is added as {args.role}")
        return f" as {args.role}"
    if what == "password":
        users.change_user(name, password_hash=hash_password(_read_password(args)))
        print(f"{users.path}: {name} has a new password; sessions with the old one are ended")
    elif what == "role":
        users.change_user(name, role=Role(args.role))
        print(f"{users.path}: {name} is {args.role} now; sessions as before are ended")
        return f" {args.role}"
    elif what == "remove":
        users.remove_user(name)
        print(f"{users.path}: {name} is removed; all sessions of {name} are ended")
    elif what == "token add":
        token = users.add_token(name, Role(args.role))
        print(f"{users.path}: {name} is added as {args.role}. Its token, shown this once:", file=sys.stderr)
        print(token)
        return f" as {args.role}"
    else:
        users.remove_token(name)
        print(f"{users.path}: the token of {name} is removed")
    return ""


def _list(users: UserFile, *, as_json: bool) -> int:
    found = users.read()
    shown = [
        *({"name": user.name, "role": user.role, "kind": "user", "changed_at": user.changed_at,
           "has_password": bool(user.password)} for user in found.users),
        *({"name": token.name, "role": token.role, "kind": "token", "changed_at": token.changed_at}
          for token in found.tokens),
    ]  # fmt: skip
    if as_json:
        print(msgspec.json.encode(shown).decode())
        return 0
    for line in _table(shown):
        print(line)
    return 0


def _table(shown: list[dict[str, object]]) -> Iterator[str]:
    width = max((len(str(one["name"])) for one in shown), default=0)
    for one in shown:
        how = "" if one.get("has_password", True) else ", no password: by the proxy only"
        role = Role(str(one["role"].value if isinstance(one["role"], Role) else one["role"])).value
        yield f"{one['name']:<{width}}  {role:<8}  {one['kind']}{how}"


def _add_role(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", choices=_ROLES, required=True)


def _add_password(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--password-file", type=Path, metavar="FILE", help="its first line; - is stdin (default: ask)"
    )
    source.add_argument("--password-stdin", action="store_true", help="the first line of stdin")


def _read_password(args: argparse.Namespace) -> str:
    """Return the new password.

    Raises:
        CorrosionError: none is given, or the two that were typed differ.
    """
    if args.password_stdin or args.password_file == Path("-"):
        return sys.stdin.readline(_MAX_PASSWORD_LINE).rstrip("\r\n")
    if args.password_file:
        try:
            return read_secret(args.password_file)
        except TextFileError as err:
            raise ConfigError(f"--password-file {args.password_file}: {err}") from err
    if not sys.stdin.isatty():
        raise CorrosionError("no terminal to ask for the password; use --password-file or --password-stdin")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise CorrosionError("the two passwords differ; nothing was changed")
    return password

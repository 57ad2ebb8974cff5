"""Parse a command line, import and run the chosen subcommand, and print errors as one sentence.

A subcommand is a module with ``add_arguments(parser)`` and ``run(args) -> int``; only the chosen one is
imported, so that ``--help`` is quick. ``edge-node`` and ``converter`` share this.
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import re
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_node import __version__
from edge_node.errors import CorrosionError
from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import NoReturn

_OPTION = re.compile("--?[a-z-]+")
# Without a file's name they are those of stdout: a full disk behind a redirection.
_OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells say it


class Subcommand(NamedTuple):
    """A subcommand: the name of its module and its line in ``--help``."""

    module: str
    summary: str


def run_command(
    program: str,
    description: str,
    commands: Mapping[str, Subcommand],
    argv: Sequence[str],
    *,
    epilog: str = "",
) -> int:
    """Parse ``argv``, run the chosen subcommand and return the exit code."""
    return run_guarded(program, lambda: _run_chosen(program, description, commands, argv, epilog))


def build_parser(
    program: str,
    description: str,
    commands: Mapping[str, Subcommand],
    argv: Sequence[str],
    *,
    epilog: str = "",
) -> argparse.ArgumentParser:
    """Return the parser of ``argv``: it knows the options of the subcommand that ``argv`` names."""
    parser = _Parser(
        prog=program,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"corrosion-edge-node {__version__}")
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    if argv and argv[0] in commands:  # the others would only cost time
        commands = {argv[0]: commands[argv[0]]}
    for name, command in commands.items():
        subparser = choices.add_parser(
            name,
            help=command.summary,
            description=command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            gc.disable()  # nothing that is imported is garbage
            module = import_module(command.module)
            gc.enable()
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def add_actions(parser: argparse.ArgumentParser, actions: Mapping[str, Subcommand]) -> None:
    """Add optional actions below a subcommand; only the module of the chosen one is imported."""
    choices = parser.add_subparsers(
        dest="action", metavar="ACTION", title="actions", parser_class=_LazyParser
    )
    for name, action in actions.items():
        choices.add_parser(
            name,
            help=action.summary,
            description=action.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            module=action.module,
        )


def parse_and_run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    """Parse ``argv`` and call the ``run`` that the parser's defaults name."""
    args = parser.parse_args(argv)
    return int(args.run(args))


def run_guarded(program: str, action: Callable[[], int]) -> int:  # noqa: PLR0911  # one for each way to end
    """Run ``action``; print an error that a user can act on as its sentence, and return its exit code.

    A reader that ends early (``| head``) and Ctrl-C give no traceback either.
    """
    try:
        signal.signal(signal.SIGTERM, _terminate)
        return action()
    except CorrosionError as err:
        sys.stdout.flush()
        for line in str(err).splitlines():
            print(f"{program}: {replace_unprintable(line)}", file=sys.stderr)  # it may quote a message
        return err.exit_code
    except BrokenPipeError:
        # Python flushes stdout again at exit, which would raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as err:
        if (err.name or "").split(".")[0] in {"edge_node", "converter"}:
            raise  # a bug, not a missing extra
        print(
            f"{program}: needs the Python package {err.name}, which is not installed;"
            " pip install 'corrosion-edge-node[convert]' brings what the workstation needs",
            file=sys.stderr,
        )
        return 1
    except UnicodeEncodeError as err:
        print(f"{program}: {_describe_name(err)}", file=sys.stderr)
        return 1
    except OSError as err:
        # Expected errors are worded where they occur; this is a full disk or a name that is too long.
        where = err.filename or ("output" if err.errno in _OUTPUT_ERRORS else "")
        print(": ".join(filter(None, (program, str(where), err.strerror or str(err)))), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except _Terminated:
        with suppress(OSError):  # the terminal may be closed
            print(f"{program}: terminated", file=sys.stderr, flush=True)
        # Cleaned up; re-raise the signal so that the parent sees it as the cause.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        return 128 + signal.SIGTERM


def _describe_name(err: UnicodeEncodeError) -> str:
    """Name the file whose name is in bytes that no JSON or table can hold; anything else is a bug."""
    if err.encoding != "utf-8":
        raise err
    name = str(err.object).encode("ascii", "backslashreplace").decode()
    return f"{name[:200]}: the name is not in UTF-8; give the file another one"


class _Parser(argparse.ArgumentParser):
    """Take files also behind options; name wrong arguments, but repeat none that may hold a password."""

    def parse_known_args(  # type: ignore[override]  # the base has an overload for each type of namespace
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Add words behind an option to the list that ends the positionals, which argparse closes there."""
        found, rest = super().parse_known_args(args, namespace)
        last = next(
            (one for one in reversed(self._get_positional_actions()) if one.nargs in ("*", "+")), None
        )
        if last is None or not rest or any(word.startswith("-") and word != "-" for word in rest):
            return found, rest
        setattr(found, last.dest, [*getattr(found, last.dest), *self._get_values(last, rest)])
        return found, []

    def error(self, message: str) -> NoReturn:
        """Print ``message`` and exit with code 2."""
        what, found, words = message.partition("unrecognized arguments: ")
        if found:
            shown = (word if _OPTION.fullmatch(word) else "..." for word in words.split())
            message = f"{what}{found}{' '.join(shown)}; `{self.prog} COMMAND --help` says what it takes"
        super().error(re.sub(r"\S*(://|@)\S*", "...", message))


class _LazyParser(_Parser):
    """Import the module of an action, and declare its options, once the command line names it."""

    def __init__(self, *, module: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._module = module

    def parse_known_args(  # type: ignore[override]  # as in _Parser
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Declare the options of the action, then parse."""
        if self._module:
            module, self._module = import_module(self._module), ""
            module.add_arguments(self)
            self.set_defaults(run=module.run)
        return super().parse_known_args(args, namespace)


class _Terminated(BaseException):
    """Raised by SIGTERM, so that children are stopped and temporary folders removed as after Ctrl-C."""


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    # A second one (``timeout`` sends two) must not interrupt the cleaning up after the first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated


def _run_chosen(
    program: str, description: str, commands: Mapping[str, Subcommand], argv: Sequence[str], epilog: str
) -> int:
    # Inside run_guarded, because the import may be interrupted, or miss a package.
    return parse_and_run(build_parser(program, description, commands, argv, epilog=epilog), argv)

"""Check command lines that a page quotes, with the parsers of the programs that they name."""

from __future__ import annotations

import argparse
import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import lru_cache
from itertools import takewhile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from converter.cli.main import COMMANDS as CONVERTER
from edge_node.cli.framework import build_parser
from edge_node.cli.main import COMMANDS as EDGE_NODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edge_node.cli.framework import Subcommand

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS: Mapping[str, Mapping[str, Subcommand]] = {
    "edge-node": EDGE_NODE,
    "converter": CONVERTER,
}
_OPERATORS = frozenset({"|", "||", "&&", ";", "&", "(", ")", ";;"})
_REDIRECTION = re.compile(r"[<>]+&?")
_BEFORE = frozenset({"sudo", "do", "then", "else", "if", "while", "!", "time", "exec", "env", "nohup"})
_BEFORE_WITH_VALUE = frozenset({"nice", "timeout", "-n", "-u", "-k"})
_FLAG = re.compile(r"--[a-z][\w-]*")


def split_commands(script: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell script, without what goes before a program's name."""
    script = re.sub(r"<<-?\s*'?(\w+)'?(.*?)\n.*?^\1$", r"\2", script, flags=re.MULTILINE | re.DOTALL)
    script = re.sub(r"\\\n\s*", " ", script)
    script = re.sub(r"(^|\s)#(\s.*|!.*)?$", "", script, flags=re.MULTILINE)
    script = re.sub(r"\$\([^()]*\)", "SUBSTITUTED", script)
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        words: list[str] = []
        tokens = iter(lexer)
        for token in tokens:
            if token in _OPERATORS:
                yield from _program_of(words)
                words = []
            elif _REDIRECTION.fullmatch(token):
                next(tokens, None)
                if words[-1:] in (["2"], ["1"]):
                    words.pop()
            else:
                words.append(token)
        yield from _program_of(words)


def find_problem(words: Sequence[str]) -> str:
    """Return what is wrong with a command, or nothing; programs that are not ours are not judged."""
    program, *rest = words
    name = PurePath(program).name
    if name in PROGRAMS or name == "convert":
        return _parse(name, rest)
    if name.startswith("python"):
        return _check_python(rest)
    if name == "pip" and rest[:1] == ["install"]:
        return "; ".join(f"no extra {extra}" for extra in _extras(rest) - _known_extras())
    if program.endswith("tests/run"):
        flags = {flag for flag in map(_flag_of, rest) if flag}
        text = (ROOT / "tests" / "run").read_text(encoding="utf-8")
        return "; ".join(f"tests/run knows no {flag}" for flag in flags if flag not in text)
    return ""


def find_problem_of_mention(words: Sequence[str]) -> str:
    """Return what is wrong with a command that is only mentioned, whose arguments may be left out."""
    program, *rest = words
    if program not in PROGRAMS:
        return find_problem(words)
    names = list(takewhile(re.compile(r"[a-z][a-z-]*").fullmatch, rest[:4]))
    flags = {flag for flag in map(_flag_of, rest) if flag}
    if not names:
        return "; ".join(f"{program} knows no {flag}" for flag in flags - {"--version", "--help"})
    if names[0] not in PROGRAMS[program]:
        return f"{program} has no command {names[0]}"
    shown, refused = next(
        found
        for count in range(len(names), 0, -1)
        if (found := _help(program, *names[:count]))[0] or found[1]
    )
    if refused:
        return refused
    missing = sorted(flag for flag in flags if not re.search(rf"{flag}(?![\w-])", shown))
    return f"{program} {' '.join(names)} knows no {', '.join(missing)}" if missing else ""


def is_ours(words: Sequence[str]) -> bool:
    """Tell whether ``find_problem`` judges a command's flags."""
    name = PurePath(words[0]).name
    return name in PROGRAMS or words[0].endswith("tests/run") or _module_of(words) is not None


def _program_of(words: list[str]) -> Iterator[list[str]]:
    """Yield the words from the program's name on, if there is one."""
    while words:
        if words[0] in _BEFORE or re.match(r"\w+=", words[0]):
            words = words[1:]
        elif words[0] in _BEFORE_WITH_VALUE:
            words = words[2:]
        elif words[0].startswith("-"):
            words = words[1:]
        else:
            yield words
            return


def _parse(program: str, words: Sequence[str]) -> str:
    """Parse with the program's own parser, and return what it says."""
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        try:
            _parser(program, words)
        except SystemExit as ended:
            return said.getvalue().strip().rpartition("\n")[2] if ended.code else ""
    return ""


def _parser(program: str, words: Sequence[str]) -> None:
    if program == "convert" or list(words[:1]) == ["convert"]:
        from converter.cli.graphs import convert

        parser = argparse.ArgumentParser(prog="converter convert")
        convert.add_arguments(parser)
        parser.parse_args(convert.spell_out_mode(list(words[program != "convert" :])))
        return
    build_parser(program, "", PROGRAMS[program], words).parse_args(words)


@lru_cache
def _help(program: str, *names: str) -> tuple[str, str]:
    """Return what ``--help`` prints, and why there is no such action."""
    shown, said = io.StringIO(), io.StringIO()
    with redirect_stdout(shown), redirect_stderr(said), suppress(SystemExit):
        _parser(program, [*names, "--help"])
    is_refused = "invalid choice" in said.getvalue()
    return shown.getvalue(), said.getvalue().strip().rpartition("\n")[2] if is_refused else ""


def _flag_of(word: str) -> str:
    found = _FLAG.match(word)
    return found.group() if found else ""


def _module_of(words: Sequence[str]) -> list[Path] | None:
    """Return the files of a module of the tests that Python is told to run; none if it is another's."""
    if not words[0].startswith("python") or len(words) < 2:
        return None
    if words[1] == "-m" and len(words) > 2 and words[2].split(".")[0] == "tests":
        path = ROOT.joinpath(*words[2].split("."))
        return sorted(path.glob("*.py")) if (path / "__main__.py").exists() else [path.with_suffix(".py")]
    if words[1].startswith("tests/"):
        return [ROOT / words[1]]
    return None


def _check_python(rest: Sequence[str]) -> str:
    files = _module_of(["python", *rest])
    if files is None:
        return ""
    if not all(file.is_file() for file in files):
        return f"no module {rest[1] if rest[0] == '-m' else rest[0]}"
    texts = "".join(file.read_text(encoding="utf-8") for file in files)
    name = rest[1] if rest[0] == "-m" else rest[0]
    if "__main__" not in texts + "".join(file.name for file in files):
        return f"{name} cannot be run"
    if re.match(r"tests[./](benchmarks|endurance)", name) and "argparse" not in texts:
        return f"{name} takes no --help"
    flags = {flag for flag in map(_flag_of, rest) if flag} - {"--help"}
    return "; ".join(f"{name} knows no {flag}" for flag in sorted(flags) if f'"{flag}"' not in texts)


def _extras(words: Sequence[str]) -> set[str]:
    found = [re.fullmatch(r"(?:\.|corrosion-edge-node)\[([\w,-]+)\]", word) for word in words]
    return {extra for match in found if match for extra in match[1].split(",")}


@lru_cache
def _known_extras() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    return set(re.findall(r"^([\w-]+) = \[", section, flags=re.MULTILINE))

"""Every command of the converter explains itself, and each of its options in words that stand alone."""

from __future__ import annotations

import argparse
import re
from importlib import import_module

import pytest

from converter.cli.main import COMMANDS

# What a help text may not begin with: it would need the option's name, or another text, to be understood.
_FRAGMENT = re.compile(
    r"(of|for|in|with|without|beside|instead|default|another|such|as|alone)\b", re.IGNORECASE
)
_STANDS_ALONE = ("with --", "only ")  # names what it depends on


def list_texts(parser: argparse.ArgumentParser) -> list[tuple[str, str | None]]:
    """Return the options of a command and of its actions, each with its help."""
    texts: list[tuple[str, str | None]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts += [text for inner in action.choices.values() for text in list_texts(inner)]
        elif action.dest not in {"help", "action"}:
            texts.append(("/".join(action.option_strings) or action.dest, action.help))
    return texts


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_is_explained_in_words_that_stand_alone(name):
    """No option without help, and none whose help is the rest of a sentence."""
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[name].module).add_arguments(parser)
    for option, text in list_texts(parser):
        assert text, option
        assert text.startswith(_STANDS_ALONE) or not _FRAGMENT.match(text), (option, text)


def test_each_command_is_told_by_what_it_does():
    """The list of commands begins each line with a verb."""
    verbs = {one.summary.split()[0].strip(",") for one in COMMANDS.values()}
    assert verbs <= {
        "convert",
        "train",
        "measure",
        "print",
        "classify",
        "draw",
        "import",
        "write",
        "list",
        "make",
        "render",
    }

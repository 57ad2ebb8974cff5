"""``edge-node command``: what is not sent, and how arguments are read."""

from __future__ import annotations

import pytest

from tests.support.processes import command, free_port

SITE_ROBOT = ("--robot", "quay/crawler-1")


def test_a_broker_that_is_not_there_is_one_sentence():
    """Nothing was sent, and the address is named."""
    ran = command("edge_node.cli", "command", "--broker", f"127.0.0.1:{free_port()}", *SITE_ROBOT, "ping")
    assert ran.returncode == 1
    assert "Connection refused" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ping",), "--robot is missing: wanted SITE/ROBOT"),
        (
            ("--robot", "Kai 7/c", "ping"),
            "site 'Kai 7': a blank at position 4 is not allowed; wanted 1 to 64",
        ),
        (("--robot", "quay/a/b", "ping"), "robot 'a/b': \"/\" at position 2 is not allowed; wanted 1 to 64"),
        (("--robot", "quay/+", "ping"), "robot '+': it begins with \"+\"; wanted 1 to 64"),
        ((*SITE_ROBOT, "pause", "--duration-s", "0"), "duration_s 0: wanted seconds"),
        ((*SITE_ROBOT, "evidence", "../../etc/passwd"), "wanted of the picture: 64 hexadecimal digits"),
        ((*SITE_ROBOT, "review", "f12", "confirmed", "--by", "A"), "wanted id of the finding"),
        ((*SITE_ROBOT, "review", "c:e:f1", "maybe", "--by", "A"), "wanted confirmed or disputed"),
        ((*SITE_ROBOT, "review", "c:e:f1", "disputed", "--by", "a\nb"), "one printable line"),
        ((*SITE_ROBOT, "--key", "no.pem", "ping"), "keygen"),
    ],
    ids=str,
)
def test_what_the_robot_would_refuse_is_not_sent(arguments, said, mosquitto):
    """One sentence that names the field, what was found and what is wanted."""
    ran = command("edge_node.cli", "command", "--broker", f"127.0.0.1:{mosquitto.port}", *arguments)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_whole_numbers_of_every_command_are_read_as_such():
    """A field that a command's schema calls an integer is one on the command line, whatever its name."""
    import argparse

    from msgspec.inspect import IntType, Metadata, UnionType, type_info

    from edge_node.cli.control_room.command import add_arguments
    from edge_node.messages.command import COMMANDS, COMMON_KEYS

    def is_integer(kind) -> bool:
        if isinstance(kind, Metadata):
            return is_integer(kind.type)
        if isinstance(kind, UnionType):
            return any(is_integer(one) for one in kind.types)
        return isinstance(kind, IntType)

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    integers = 0
    for verb, kind in COMMANDS.items():
        fields = [field for field in type_info(kind).fields if field.name not in COMMON_KEYS]
        given = [
            word
            for field in fields
            for word in (
                ("7",)
                if field.required and field.name != "by"
                else (f"--{field.name.replace('_', '-')}", "7")
            )
        ]
        arguments = parser.parse_args([verb.value, *given])
        for field in fields:
            assert getattr(arguments, field.name) == (7 if is_integer(field.type) else "7"), field.name
            integers += is_integer(field.type)
    assert integers >= 2

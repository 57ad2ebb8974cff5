"""TOML against typed sections: all problems at once, with what was found and what is near."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from edge_node.config.toml_reader import about, example_text, read_sections
from edge_node.errors import ConfigError


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The camera."""

    source: Annotated[str, about("where pictures come from")]
    fps: Annotated[float, about("pictures a second", gt=0)] = 10.0
    name: Annotated[str | None, about("for people")] = None


KNOWN = {"camera": Camera}


def test_defaults_fill_what_is_not_given() -> None:
    """A key that is given is converted to its type."""
    assert read_sections(b'[camera]\nsource = "csi:0"\nfps = 5', "f", KNOWN)["camera"] == Camera("csi:0", 5.0)


def test_every_problem_is_a_line_with_the_files_name() -> None:
    """Unknown sections and keys with the nearest known name, missing keys, values out of bounds."""
    text = b"[camra]\n[camera]\nfsp = 1\nfps = -1\n"
    with pytest.raises(ConfigError) as caught:
        read_sections(text, "node.toml", KNOWN)
    assert str(caught.value).splitlines() == [
        'node.toml: unknown section "camra"; did you mean "camera"?',
        'node.toml: [camera] unknown key "fsp"; did you mean "fps"?',
        "node.toml: [camera] source is missing: where pictures come from",
        "node.toml: [camera] fps = -1: wanted more than 0",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[camera", "not TOML"),
        (
            b"[camera]\nsource = a",
            r"not TOML: Invalid value \(at line 2, column 10\); text stands in double quotes",
        ),
        (b"[camera]\n[camera]", r"the section \[camera\] is there twice"),
        (b"\xff", "not TOML: is not UTF-8 text: byte 0xff in line 1"),
        (b"camera = 1", "wanted a section, found camera = 1"),
        (b'[camera]\nsource = "a\\u0000b"', "NUL character"),
        (b"[x]", "known are camera"),
    ],
)
def test_what_is_no_configuration_is_told(text: bytes, said: str) -> None:
    """In one sentence each."""
    with pytest.raises(ConfigError, match=said):
        read_sections(text, "f", KNOWN)


def test_an_example_names_every_key_and_comments_defaults_out() -> None:
    """What is required or given stands without a comment sign."""
    lines = example_text(KNOWN, {"camera": {"source": "csi:0"}}).splitlines()
    assert lines[1:] == [
        "",
        "# The camera.",
        "[camera]",
        "# where pictures come from",
        'source = "csi:0"',
        "# pictures a second",
        "# fps = 10.0",
        "# for people",
        "# name =",
    ]

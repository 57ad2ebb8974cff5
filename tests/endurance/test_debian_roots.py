"""The operator's guide begins with a virtual environment, and its lines name commands that exist."""

from __future__ import annotations

from edge_node.cli.main import COMMANDS
from tests.endurance.debian_roots import GUIDE, LAST_SECTION, SECTIONS, shell_lines


def test_the_lines_that_run_in_a_root_are_those_of_the_guide() -> None:
    """Debian's own Python refuses pip outside a virtual environment, so it comes first."""
    lines = shell_lines(GUIDE.read_text(encoding="utf-8"), [*SECTIONS, LAST_SECTION])
    assert lines[0].startswith("python3 -m venv ")
    assert lines[1] == ". .venv/bin/activate"
    assert lines[2].startswith("pip install ")
    words = [line.replace("sudo ", "").replace(".venv/bin/", "").split() for line in lines]
    used = [word[1] for word in words if word[0] == "edge-node"]
    begun = ["--version", "init", "check-config", "run"]
    assert used == [*begun, "install", "init", "check-config", "install", "retire"]
    assert {word for word in used if not word.startswith("-")} <= COMMANDS.keys()


def test_only_the_named_sections_count() -> None:
    """Blocks of other sections and of other languages are left out."""
    guide = "# A\n```sh\na\n```\n## B\n```sh\nb # c\n\nd\n```\n"
    guide += "```toml\ne\n```\n## F\n```sh\ng\n```\n"
    assert shell_lines(guide, ["## B"]) == ["b # c", "d"]

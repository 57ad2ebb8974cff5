"""The README's operator lines are found, begin with a virtual environment, and name commands that exist."""

from __future__ import annotations

from edge_node.cli.main import COMMANDS
from tests.endurance.debian_roots import REPOSITORY, operator_lines


def test_the_operators_lines_are_those_of_the_readme() -> None:
    """Debian's own Python refuses pip outside a virtual environment, so it comes first."""
    lines = operator_lines((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert lines[0].startswith("python3 -m venv ")
    assert lines[1] == ". .venv/bin/activate"
    assert lines[2].startswith("pip install ")
    words = [line.replace("sudo .venv/bin/", "").split() for line in lines]
    used = [word[1] for word in words if word[0] == "edge-node"]
    assert used == ["init", "check-config", "run", "install"]
    assert set(used) <= COMMANDS.keys()


def test_only_the_operators_section_counts() -> None:
    """Blocks of other sections and of other languages are left out."""
    readme = "```sh\na\n```\n## For the robot operator\n```sh\nb # c\n\nd\n```\n"
    readme += "```toml\ne\n```\n## F\n```sh\ng\n```\n"
    assert operator_lines(readme) == ["b # c", "d"]

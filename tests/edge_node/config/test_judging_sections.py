"""The sections about judging: values that contradict each other."""

from __future__ import annotations

import pytest

from edge_node.config.sections import parse_config
from edge_node.errors import ConfigError

_LEAST = '[node]\nsite = "quay"\nrobot = "r"\n[mqtt]\nhostname = "b"\n'
_BUNDLE = '[bundle]\npath = "default"\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            f'{_BUNDLE}[inspect]\nmaterial = "aluminium"\nsurface = "painted_steel"\n',
            'surface = "painted_steel" contradicts material = "aluminium"',
        ),
        ('[bundle]\npath = "store"\n', "needs trusted_keys"),
        (
            f"{_BUNDLE}[findings]\nopen_frames = 6\nof_frames = 5\n",
            "open_frames = 6 is more than of_frames = 5",
        ),
        (
            f"{_BUNDLE}[findings]\nenter_confidence = 0.4\n",
            "leave_confidence = 0.5 is more than enter_confidence = 0.4",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused(lines: str, said: str) -> None:
    """Grades of another material, a store that nobody may fill, findings that could never open or close."""
    with pytest.raises(ConfigError, match=said):
        parse_config((_LEAST + lines).encode(), "node.toml")


def test_steel_of_any_name_may_be_painted() -> None:
    """The material is a label of a bundle: what names steel or iron may have the grades of painted steel."""
    text = f'{_LEAST}{_BUNDLE}[inspect]\nmaterial = "structural_steel"\nsurface = "painted_steel"\n'
    assert parse_config(text.encode(), "node.toml").inspect.surface == "painted_steel"

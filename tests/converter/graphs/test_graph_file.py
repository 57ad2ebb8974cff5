"""Files of trained models: what is no graph is called what it is."""

from __future__ import annotations

import pytest

from tests.support.graph_runs import refusal


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x1c\x00\x00\x00TFL3 and so on", "damaged or cut off"),
        (b'node {\n  name: "input"\n}\n', "text form"),
        (b"\xff\xd8\xff\xe0 a picture", "cut off"),
        (b"\x89HDF\r\n\x1a\n and no more", "damaged"),
    ],
)
def test_files_of_other_kinds_are_called_what_they_are(tmp_path, content, said):
    """One sentence each, with the file's name."""
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    assert said in refusal(path)

"""``control-room --check`` says what the start would."""

from __future__ import annotations

import codecs
import socket
from typing import TYPE_CHECKING, Any

import pytest

from edge_node.control_room.service.check import find_notes, find_problems
from edge_node.control_room.service.server import serve
from edge_node.control_room.settings import build_settings
from edge_node.errors import CorrosionError
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path


def settings(folder: Path, **sections: dict[str, Any]) -> Any:
    """Return settings that can be used but for ``sections``; "{}" stands for the folder."""
    given: dict[str, dict[str, Any]] = {"mqtt": {"hostname": "127.0.0.1", "port": 1}, "room": {}, "web": {}}
    given["room"]["state_dir"] = "{}/state"
    for name, values in sections.items():
        given[name] = {**given.get(name, {}), **values}
    filled = {
        name: {
            key: value.format(folder) if isinstance(value, str) else value for key, value in values.items()
        }
        for name, values in given.items()
    }
    return build_settings(**filled)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"room": {"state_dir": "{}/file/x"}}, "[room] state_dir = '{}/file/x': {}/file is a file"),
        ({"web": {"token_file": "{}/absent"}}, "[web] token_file {}/absent: No such file"),
        ({"web": {"token_file": "{}/file"}}, "wanted one line of at least 16 characters"),
        ({"web": {"tls_cert_file": "{}/file", "tls_key_file": "{}/file"}}, "[web] tls_cert_file = "),
        (
            {"web": {"tls_cert_file": "{}/bom.crt", "tls_key_file": "{}/r.key"}},
            "begins with a byte order mark",
        ),
        ({"mqtt": {"username": "u", "password_file": "{}/absent"}}, "[mqtt] password_file = '{}/absent'"),
        ({"mqtt": {"tls": True, "ca_file": "{}/file"}}, "[mqtt] ca_file = '{}/file'"),
        ({"commands": {"key_file": "{}/absent"}}, "[commands] key_file: {}/absent: No such file"),
    ],
)
def test_each_thing_that_cannot_be_used_is_named(
    tmp_path: Path, sections: dict[str, dict[str, Any]], said: str
) -> None:
    """The start refuses the same; to ask changes nothing."""
    (tmp_path / "file").write_text("x\n")
    certificate, _ = Authority(tmp_path).certificate("r")
    (tmp_path / "bom.crt").write_bytes(codecs.BOM_UTF8 + certificate.read_bytes())
    before = sorted(tmp_path.rglob("*"))
    broken = settings(tmp_path, **sections)
    (problem,) = find_problems(broken)
    assert said.replace("{}", str(tmp_path)) in problem
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(CorrosionError):
        serve(broken)


def test_good_settings_have_no_problem_and_a_taken_port_is_a_note(tmp_path: Path) -> None:
    """The port may be this control room's own."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        good = settings(tmp_path, web={"port": port})
        assert list(find_problems(good)) == []
        (note,) = find_notes(good)
        assert f"[web] port {port}: Address already in use" in note

"""What a file must not get past: each attack is refused with its sentence, and nothing has changed."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from edge_node.update.transport_file import HEADER_BYTES, read_head
from tests.support.attacks import make_statement, refused, sign_file, written
from tests.support.releases import default_files


@pytest.mark.parametrize("cut", [0, 100, HEADER_BYTES, 3000, 100_000, -1024, -1])
def test_truncated(robot, good, tmp_path, cut):
    """Wherever it ends."""
    file = written(tmp_path / "f", good.read_bytes()[:cut])
    assert any(text in refused(robot, file) for text in ("cut off", "ends within", "no bundle file"))


def test_something_behind_the_end(robot, good, tmp_path):
    """Bytes that nobody signed."""
    assert "longer than it says" in refused(robot, written(tmp_path / "f", good.read_bytes() + b"x"))


def test_tampered_in_each_region(robot, good, tmp_path):
    """One bit anywhere: statement, signature, each file, their headers and paddings, the end."""
    content = good.read_bytes()
    with tarfile.open(good) as archive:
        members = archive.getmembers()
    places = {}
    for member in members:
        places[f"{member.name} header"] = member.offset + 100
        places[f"{member.name} owner"] = member.offset + 300
        places[f"{member.name} content"] = member.offset_data + member.size // 2
        if member.size % HEADER_BYTES:
            places[f"{member.name} padding"] = member.offset_data + member.size
    places["end"] = len(content) - 1
    assert len(places) > 25
    for place, at in places.items():
        tampered = bytearray(content)
        tampered[at] ^= 1
        assert refused(robot, written(tmp_path / "f", tampered)), place


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", "..", ".hidden", "a\\b", "a\0b", "x" * 101])
def test_names_that_lead_elsewhere(robot, maker, tmp_path, name):
    """Signed even: a name is letters, digits, dots, - and _, and leads nowhere."""
    text = json.loads(make_statement(maker))
    text["files"][0]["name"] = name
    assert "not valid" in refused(robot, sign_file(maker, tmp_path, json.dumps(text).encode()))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("entry", ["model.tflite", "release.json"])
def test_links_and_devices(robot, good, tmp_path, kind, entry):
    """An entry that is no plain file, in a tar that is otherwise as it was signed."""
    file = tmp_path / "f"
    with tarfile.open(good) as source, tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as target:
        for member in source.getmembers():
            content = source.extractfile(member)
            if member.name == entry:
                member.type, member.linkname, member.size = kind, "/etc/passwd", 0
            target.addfile(member, content)
    assert any(text in refused(robot, file) for text in ("cut off", "no bundle file", "longer"))


def test_a_link_of_the_right_length(robot, good, tmp_path):
    """The same with every size as signed: only the type differs."""
    content = bytearray(good.read_bytes())
    with tarfile.open(good) as archive:
        member = archive.getmember("model.tflite")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    content[member.offset : member.offset + 512] = member.tobuf(tarfile.USTAR_FORMAT)
    assert "the entry of model.tflite is not what was signed" in refused(
        robot, written(tmp_path / "f", content)
    )


def test_one_name_twice(robot, maker, tmp_path):
    """Two readers of such a file could see two bundles."""
    text = json.loads(make_statement(maker))
    text["files"] *= 2
    assert "listed twice" in refused(robot, sign_file(maker, tmp_path, json.dumps(text).encode()))


def test_a_file_called_like_the_statement(robot, maker, tmp_path):
    """It would replace what was signed."""
    file = written(tmp_path / "f", maker.raw({**default_files(), "release.json": b"{}"}))
    assert "no file of a bundle may be called release.json" in refused(robot, file)


def test_a_bomb_in_the_statement(robot, maker, tmp_path):
    """Sizes beyond any bundle, and more files than any bundle has: nothing of them is read."""
    text = json.loads(make_statement(maker))
    text["files"][0]["size_bytes"] = 10**15
    assert "not valid" in refused(robot, sign_file(maker, tmp_path, json.dumps(text).encode()))
    text["files"][0]["size_bytes"] = 2
    text["files"] = [{**text["files"][0], "name": f"{n:05}"} for n in range(1000)]
    assert "not valid" in refused(robot, sign_file(maker, tmp_path, json.dumps(text).encode()))
    huge = tarfile.TarInfo("release.json")
    huge.size = 7 * 10**9
    assert "no bundle file" in refused(robot, written(tmp_path / "g", huge.tobuf(tarfile.USTAR_FORMAT)))


@pytest.mark.parametrize("size", [0, 1, 4_006_734, 4_006_736, 10_000_000])
def test_a_declared_size_that_lies(robot, maker, tmp_path, size):
    """A signer whose tool is broken: the statement's sizes bound what is read."""
    import msgspec

    content = maker.raw(default_files())
    with io.BytesIO(content) as source:
        statement = read_head(source, "x").statement
    files = tuple(
        msgspec.structs.replace(entry, size_bytes=size) if entry.name == "model.tflite" else entry
        for entry in statement.files
    )
    assert refused(robot, written(tmp_path / "f", maker.raw(default_files(), files=files)))


@pytest.mark.parametrize("blocks", [(), ("0" * 64,)])
def test_a_list_of_blocks_that_covers_less(robot, maker, tmp_path, blocks):
    """What is fetched is checked block by block, so every block must be there."""
    file = written(tmp_path / "f", maker.raw(default_files(), blocks=blocks))
    assert "does not cover all of it" in refused(robot, file)

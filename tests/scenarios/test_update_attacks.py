"""What must not get in: each attack is tried, each is refused with its sentence, and nothing has changed."""

from __future__ import annotations

import io
import json
import os
import tarfile
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from edge_node.errors import BundleError, ConfigError, UpdateError
from edge_node.signing import load_trusted_keys, make_key_pair
from edge_node.update.bundle_store import BundleStore
from edge_node.update.state import State
from edge_node.update.transport_file import HEADER_BYTES, read_head
from tests.support.releases import NAME, NOW, PACKAGED_VERSION, Maker, Robot, changed_bundle, default_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.runtime


@pytest.fixture(scope="module")
def maker(tmp_path_factory) -> Maker:
    """Keys and files for the whole module."""
    return Maker(tmp_path_factory.mktemp("workstation"))


@pytest.fixture(scope="module")
def good(maker: Maker) -> Path:
    """Version 2, as it should be."""
    return maker.bundle("2")


@pytest.fixture
def robot(tmp_path: Path, maker: Maker) -> Robot:
    """A robot that has the package's bundle, version 1, and nothing else."""
    return Robot(tmp_path / "robot", maker)


def refused(robot: Robot, file: Path) -> str:
    """Return the sentence with which a file is refused; the store holds what it held."""
    before = robot.contents()
    with pytest.raises(BundleError) as caught:
        robot.install(file)
    assert robot.contents() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(path: Path, content: bytes) -> Path:
    """Write a file and return it."""
    path.write_bytes(content)
    return path


def confirmed(robot: Robot, file: Path) -> None:
    """Install a file and end its trial well."""
    robot.install(file)
    with robot.store.locked():
        robot.store.change(lambda state: state.confirm("test", NOW))


def test_unsigned(robot, maker, tmp_path):
    """What nobody signed."""
    file = written(tmp_path / "f", maker.raw(default_files(), sign_it=False))
    assert "is not signed; `converter bundle sign` does" in refused(robot, file)


def test_signed_by_another_key(robot, maker):
    """A good signature of somebody whom this robot does not trust."""
    file = maker.bundle("2", signer=maker.foreign)
    assert f"signed by key {maker.foreign.key_id.hex()[:16]}, which is not among" in refused(robot, file)


def test_another_key_under_the_trusted_ones_name(robot, maker, good, tmp_path):
    """The id of the trusted key with a signature of another one."""
    with good.open("rb") as source:
        head = read_head(source, "good")
    forged = head.signed[:32] + maker.foreign.sign_statement(head.text)[32:]
    file = written(tmp_path / "f", good.read_bytes().replace(head.signed, forged))
    assert "the signature does not hold" in refused(robot, file)


def test_a_signature_of_a_command_is_none_of_a_bundle(robot, maker, good, tmp_path):
    """The same key signs commands: their signatures are over other bytes."""
    with good.open("rb") as source:
        head = read_head(source, "good")
    forged = maker.signer.key_id + maker.signer.sign(b"corrosion/v1 command\0" + head.text)
    file = written(tmp_path / "f", good.read_bytes().replace(head.signed, forged))
    assert "the signature does not hold" in refused(robot, file)


def test_an_older_version(robot, maker, good):
    """Rollback: what was once good and signed has a lower version than the highest confirmed."""
    confirmed(robot, maker.bundle("3"))
    assert f"{NAME}-2 is older than version 3" in refused(robot, good)


def test_older_than_what_was_rolled_back_from(robot, maker, good):
    """The highest version stays remembered when the operator goes back."""
    confirmed(robot, maker.bundle("3"))
    with robot.store.locked():
        robot.store.change(lambda state: state.roll_back("operator", NOW, factory=(NAME, "1")))
    assert "is older than version 3" in refused(robot, good)


def test_the_version_of_the_package(robot, maker):
    """The bundle in the package counts too, even where nothing was installed."""
    packaged = f"version {PACKAGED_VERSION} of {NAME} was here already"
    assert packaged in refused(robot, maker.bundle(PACKAGED_VERSION))
    assert f"version {PACKAGED_VERSION}.0 of" in refused(robot, maker.bundle(f"{PACKAGED_VERSION}.0"))


def test_the_same_version_with_other_content(robot, maker, tmp_path):
    """Two bundles under one version: the second is refused, however good its signature."""
    confirmed(robot, maker.bundle("2"))
    other = changed_bundle(tmp_path / "other", lambda manifest: manifest.update(licence="other"))
    assert f"version 2 of {NAME} was here already" in refused(robot, maker.bundle("2", source=other))


def test_another_name_signed_before_what_is_here(robot, maker, tmp_path):
    """Mix and match: an old bundle of a name that this robot never had."""
    confirmed(robot, maker.bundle("2"))
    other = changed_bundle(tmp_path / "other", lambda manifest: manifest.update(name="other"))
    old = maker.bundle("9", source=other, issued_at=NOW - timedelta(hours=1))
    assert "before what was last confirmed here" in refused(robot, old)


def test_a_version_that_was_rolled_back_does_not_come_back_by_itself(robot, maker, good):
    """Given up on trial is given up, also when it is signed anew; a higher one may come."""
    robot.install(good)
    with robot.store.locked():
        robot.store.change(lambda state: state.roll_back("abstained always", NOW, factory=(NAME, "1")))
    assert "was tried here and given up (abstained always)" in refused(robot, good)
    assert "was tried here" in refused(robot, maker.bundle("2", issued_at=NOW + timedelta(hours=1)))
    robot.install(maker.bundle("2.1"))


def test_below_the_minimum(robot, maker):
    """A confirmed bundle may forbid what came before, also to the operator's rollback."""
    confirmed(robot, maker.bundle("3"))
    confirmed(robot, maker.bundle("5", minimum_version="4"))
    with robot.store.locked(), pytest.raises(UpdateError, match=f"{NAME}-3 may not run any more: 4 is"):
        robot.store.change(lambda state: state.roll_back("operator", NOW, factory=(NAME, "1")))
    assert robot.store.state().floor == {NAME: "4"}


def test_during_a_trial(robot, maker, good):
    """One at a time: else what is behind it would be lost."""
    robot.install(good)
    assert f"{NAME}-2 is still on trial" in refused(robot, maker.bundle("3"))


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


def test_expired(robot, maker):
    """Freeze: what was signed long ago is not new."""
    old = maker.bundle("2", issued_at=NOW - timedelta(days=3), valid_for=timedelta(days=2))
    assert "expired at" in refused(robot, old)


def test_expired_by_the_newest_signature_seen(robot, maker):
    """A robot whose clock is years behind knows at least when its own bundle was signed."""
    confirmed(robot, maker.bundle("2", issued_at=NOW + timedelta(days=30)))
    stale = maker.bundle("3", issued_at=NOW, valid_for=timedelta(days=2))
    assert "expired at" in refused(robot, stale)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", "..", ".hidden", "a\\b", "a\0b", "x" * 101])
def test_names_that_lead_elsewhere(robot, maker, tmp_path, name):
    """Signed even: a name is letters, digits, dots, - and _, and leads nowhere."""
    text = json.loads(_statement(maker))
    text["files"][0]["name"] = name
    assert "not valid" in refused(robot, _signed(maker, tmp_path, json.dumps(text).encode()))


def _statement(maker: Maker) -> bytes:
    return read_head(io.BytesIO(maker.raw({"bundle.json": b"{}"})), "x").text


def _signed(maker: Maker, folder: Path, text: bytes) -> Path:
    """Write a transport file with any statement, signed."""
    from edge_node.update.transport_file import SIGNATURE_NAME, STATEMENT_NAME

    parts = io.BytesIO()
    with tarfile.open(fileobj=parts, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for entry, content in ((STATEMENT_NAME, text), (SIGNATURE_NAME, maker.signer.sign_statement(text))):
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    head = parts.getvalue()
    return written(folder / "f", head[: 2 * 512 + -(-len(text) // 512) * 512 + 512] + bytes(4096))


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
    text = json.loads(_statement(maker))
    text["files"] *= 2
    assert "listed twice" in refused(robot, _signed(maker, tmp_path, json.dumps(text).encode()))


def test_a_file_called_like_the_statement(robot, maker, tmp_path):
    """It would replace what was signed."""
    file = written(tmp_path / "f", maker.raw({**default_files(), "release.json": b"{}"}))
    assert "no file of a bundle may be called release.json" in refused(robot, file)


def test_a_bomb_in_the_statement(robot, maker, tmp_path):
    """Sizes beyond any bundle, and more files than any bundle has: nothing of them is read."""
    text = json.loads(_statement(maker))
    text["files"][0]["size_bytes"] = 10**15
    assert "not valid" in refused(robot, _signed(maker, tmp_path, json.dumps(text).encode()))
    text["files"][0]["size_bytes"] = 2
    text["files"] = [{**text["files"][0], "name": f"{n:05}"} for n in range(1000)]
    assert "not valid" in refused(robot, _signed(maker, tmp_path, json.dumps(text).encode()))
    huge = tarfile.TarInfo("release.json")
    huge.size = 7 * 10**9
    assert "no bundle file" in refused(robot, written(tmp_path / "g", huge.tobuf(tarfile.USTAR_FORMAT)))


def test_larger_than_allowed(maker, good, tmp_path):
    """The robot's own bound, from the list of contents, before any of it is read."""
    assert "max_update_mb allows 4" in refused(Robot(tmp_path / "r", maker, max_update_mb=4), good)


def test_a_bomb_in_the_golden_probe(robot, maker, tmp_path):
    """The only part that is compressed is bounded before it is unpacked, by its sum and by each array."""
    import hashlib
    import zipfile

    import numpy as np

    def with_golden(content: bytes) -> Path:
        files = default_files()
        manifest = json.loads(files["bundle.json"])
        manifest["golden_sha256"] = hashlib.sha256(content).hexdigest()
        files |= {"bundle.json": json.dumps(manifest).encode(), "golden.npz": content}
        return written(tmp_path / "f", maker.raw(files))

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("pictures.npy", bytes(70_000_000))
    assert len(bomb.getvalue()) < 400_000
    assert "unpacks to 70000000 bytes" in refused(robot, with_golden(bomb.getvalue()))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12,)})
    liar = io.BytesIO()
    with zipfile.ZipFile(liar, "w") as archive:
        archive.writestr("pictures.npy", header.getvalue() + b"abc")
    assert "declares an array of shape (1000000000000,)" in refused(robot, with_golden(liar.getvalue()))


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


def test_the_wrong_class_of_robot(robot, maker, tmp_path):
    """A bundle for crawlers on a robot that is none, or does not say what it is."""
    file = maker.bundle("2", robot_classes=("crawler",))
    assert "is for robots of class crawler, this one's class is none" in refused(robot, file)
    diver = Robot(tmp_path / "diver", maker, robot_class="diver")
    assert "this one's class is diver" in refused(diver, file)
    Robot(tmp_path / "crawler", maker, robot_class="crawler").install(file)


def test_a_format_that_is_too_new(robot, maker, tmp_path):
    """Said as that, and not as rubbish: the node must be updated first."""
    text = json.loads(_statement(maker))
    text |= {"format": 2, "novelty": True}
    file = _signed(maker, tmp_path, json.dumps(text).encode())
    assert "is of format 2, this robot knows 1; update the node first" in refused(robot, file)


def test_another_bundle_than_it_says(robot, maker, tmp_path):
    """The manifest inside has another version than what was signed."""
    file = written(tmp_path / "f", maker.raw(default_files("7")))
    assert "its bundle.json says steel-aluminium-7" in refused(robot, file)


def test_a_model_that_is_computed_wrongly_here(robot, maker, tmp_path):
    """Signed by whom we trust, and still: the golden probe decides."""

    def shift(manifest) -> None:
        for output in manifest["models"][0]["outputs"]:
            output["zero_point"] += 20

    file = maker.bundle("2", source=changed_bundle(tmp_path / "b", shift))
    assert "zero point" in refused(robot, file)


def test_swapped_while_it_is_read(robot, maker, good, tmp_path):
    """The bytes that were checked are those that are unpacked: the rest is swapped after the head."""

    class Swapping(io.FileIO):
        """Replaces itself on disk by another file after the first read."""

        def read(self, size=-1, /):
            found = super().read(size)
            if self.tell() == HEADER_BYTES:
                with open(self.name, "r+b") as file:  # noqa: PTH123  a name or a number
                    file.seek(4000)
                    file.write(b"\xff" * 600_000)
            return found

    file = written(tmp_path / "f", good.read_bytes())
    before = robot.contents()
    with Swapping(file) as source, pytest.raises(BundleError):
        robot.installer.install(source, "f")
    assert robot.contents() == before


def test_swapped_between_check_and_load(robot, good):
    """A slot is held against its signature whenever it is loaded; what is loaded is what was hashed."""
    robot.install(good)
    slot = robot.store.state().current
    model = robot.store.slots / slot / "model.tflite"
    content = model.read_bytes()
    bundle = robot.store.bundle(slot)
    model.write_bytes(content[:-1] + b"\xff")
    assert bundle.models["model.tflite"] == content
    with pytest.raises(UpdateError, match=r"model.tflite: is not what was signed"):
        robot.store.bundle(slot)
    model.unlink()
    model.symlink_to("/etc/passwd")
    with pytest.raises(UpdateError, match="Too many levels of symbolic links"):
        robot.store.bundle(slot)


def test_a_slot_under_the_name_of_another(robot, maker, good):
    """Two good bundles, one put in the other's place."""
    confirmed(robot, good)
    robot.install(maker.bundle("3"))
    state = robot.store.state()
    (robot.store.slots / state.current).rename(robot.store.path / "aside")
    (robot.store.slots / state.previous).rename(robot.store.slots / state.current)
    with pytest.raises(UpdateError, match="holds another bundle than it is named for"):
        robot.store.bundle(state.current)


def test_a_key_that_is_not_trusted_any_more(robot, maker, good, tmp_path):
    """Taking a key away takes its bundles away."""
    robot.install(good)
    other = BundleStore(robot.store.path, load_trusted_keys([str(make_key_pair(tmp_path / "new.pem"))]))
    with pytest.raises(UpdateError, match="which is not among"):
        other.bundle(other.state().current)


def test_a_store_of_somebody_else(robot, maker):
    """Whoever owns the folder could change what was checked: owner, group, link."""
    path, keys = robot.store.path, robot.store.keys
    path.chmod(0o777)
    with pytest.raises(ConfigError, match="others can write to it"):
        BundleStore(path, keys)
    path.chmod(0o700)
    link = path.parent / "link"
    link.symlink_to(path)
    with pytest.raises(ConfigError, match="perhaps a link"):
        BundleStore(link, keys)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        with pytest.raises(ConfigError, match="belongs to user 12345"):
            BundleStore(path, keys)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b'{"format": 2}', b'{"current": "' + b"0" * 64 + b'"}', b"[" * 100_000]
)
def test_a_damaged_state_is_never_guessed(robot, good, content):
    """The versions that were seen are in it: without it nothing is installed."""
    (robot.store.path / "state.json").write_bytes(content)
    assert "state.json: " in refused(robot, good)


def test_what_is_good_is_taken(robot, good):
    """The same file that every attack began with."""
    assert robot.install(good).label == f"{NAME}-2"
    state = robot.store.state()
    assert state.slots[state.current].label == f"{NAME}-2"
    assert state.trial is not None
    assert State().current is None

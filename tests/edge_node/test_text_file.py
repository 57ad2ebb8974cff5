"""Text files as Windows editors write them: byte order marks, UTF-16, CRLF; secrets and keys among them."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest

from converter.data.calibration_pictures import read_label_rows
from converter.data.dataset import load_dataset
from converter.graphs.label_names import read_labels
from converter.training.recipe import read_recipe
from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.sections import HttpConfig, example_config, load_config
from edge_node.control_room.people.logins import read_shared_token
from edge_node.control_room.sections import WebConfig
from edge_node.control_room.settings import example_settings, load_settings
from edge_node.errors import CorrosionError
from edge_node.messages.topics import Topics
from edge_node.monitoring.live_view import LiveView
from edge_node.monitoring.local_page import LocalPage
from edge_node.mqtt.endpoint import endpoint
from edge_node.signing import load_private_key, load_trusted_key, make_key_pair
from edge_node.text_file import TextFileError, decode_text, read_secret, read_text_file, read_token
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = example_config(
    node={"site": "quay", "robot": "crawler-1"}, bundle={"path": "default"}, mqtt={"hostname": "h"}
)
RECIPE = """\
root = "a"
[[stage]]
name = "a"
column = "corroded"
labels = ["corroded", "uncorroded"]
"""
TABLE = "file,material\nsteel.jpg,steel\n"
TOKEN = "0123456789abcdefghij"  # noqa: S105  # of nothing
TOPICS = Topics("quay", "crawler-1")


def _key_pair(folder: Path) -> str:
    make_key_pair(folder / "made.pem")
    return (folder / "made.pem").read_text()


def _public_key(folder: Path) -> str:
    return make_key_pair(folder / "made.pem").read_text()


def _authority(folder: Path) -> str:
    return Authority(folder).file.read_text()


def _page(file: Path) -> None:
    LocalPage(HttpConfig(port=8420, host="127.0.0.1", token_file=str(file)), LiveView()).stop()


# file name, its text (or what makes it), what reads it
READERS: dict[str, tuple[str, str | Callable[[Path], str], Callable[[Path], object]]] = {
    "node": ("node.toml", CONFIG, load_config),
    "room": ("room.toml", example_settings(), load_settings),
    "recipe": ("recipe.toml", RECIPE, read_recipe),
    "labels": ("retrained_labels.txt", "steel\naluminium\n", read_labels),
    "table": ("labels.csv", TABLE, lambda file: load_dataset(file.parent)),
    "private key": ("key.pem", _key_pair, load_private_key),
    "public key": ("public.pem", _public_key, lambda file: load_trusted_key(str(file), "[x] key")),
    "authority": (
        "ca.pem",
        _authority,
        lambda file: endpoint(
            MqttConfig(hostname="h", tls=True, ca_file=str(file)), TOPICS
        ).tls.get_ca_certs()[0],
    ),
    "password": (
        "password",
        "s3cret\n",
        lambda file: endpoint(MqttConfig(hostname="::1", username="u", password_file=str(file)), TOPICS),
    ),
    "page's token": ("token", TOKEN, _page),
    "room's token": ("token", TOKEN, lambda file: read_shared_token(WebConfig(token_file=str(file)))),
}


@pytest.mark.parametrize("kind", READERS)
def test_every_file_that_a_user_hands_us_may_come_from_a_windows_editor(kind: str, tmp_path: Path) -> None:
    """With a byte order mark and CRLF it is read; as UTF-16 it is refused in a sentence with what to do."""
    name, text, read = READERS[kind]
    text = text if isinstance(text, str) else text(tmp_path)
    file = tmp_path / name
    (tmp_path / "steel.jpg").touch()
    file.touch(0o600)
    file.write_bytes(text.encode())
    plain = read(file)
    file.write_bytes(codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode())
    found = read(file)
    if kind in ("recipe", "labels", "table", "authority"):
        assert found == plain
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        file.write_bytes(text.encode(encoding))
        with pytest.raises(
            CorrosionError, match=r'Notepad\'s "Unicode" and PowerShell write; save it as UTF-8'
        ):
            read(file)


def test_the_client_certificate_is_named_where_openssl_would_skip_its_first_block(tmp_path: Path) -> None:
    """OpenSSL reads that file itself; behind a byte order mark it says "no start line" at best."""
    authority = Authority(tmp_path)
    certificate, key = authority.certificate("robot")
    certificate.write_bytes(codecs.BOM_UTF8 + certificate.read_bytes())
    files = {"ca_file": str(authority.file), "cert_file": str(certificate), "key_file": str(key)}
    with pytest.raises(CorrosionError, match=r"cert_file = .*robot.*: begins with a byte order mark"):
        endpoint(MqttConfig(hostname="h", tls=True, **files), TOPICS)


@pytest.mark.parametrize("content", [b"", b"\n", codecs.BOM_UTF8, b"no certificate", b"0\x82\x01\x0a"])
def test_a_file_without_authorities_never_means_the_systems(tmp_path: Path, content: bytes) -> None:
    """Empty or of another kind, it is refused: otherwise anybody's certificate would do."""
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(CorrosionError, match=r"\[mqtt\] ca_file = .*ca.pem"):
        endpoint(MqttConfig(hostname="h", tls=True, ca_file=str(tmp_path / "ca.pem")), TOPICS)


def test_of_several_authorities_none_is_lost_behind_a_mark(tmp_path: Path) -> None:
    """With comments in any language between them."""
    one, two = Authority(tmp_path, "one").file, Authority(tmp_path, "two").file
    both = "# Zertifikate für die Röhre\n" + one.read_text() + "# и ещё\n" + two.read_text()
    (tmp_path / "both.pem").write_bytes(codecs.BOM_UTF8 + both.encode())
    found = endpoint(MqttConfig(hostname="h", tls=True, ca_file=str(tmp_path / "both.pem")), TOPICS)
    assert len(found.tls.get_ca_certs()) == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_that_only_tells_which_pictures_are_alike_is_read_in_either(
    tmp_path: Path, encoding: str
) -> None:
    """Calibration takes what it can from ``labels.csv`` and refuses none."""
    (tmp_path / "labels.csv").write_bytes(TABLE.replace("\n", "\r\n").encode(encoding))
    assert read_label_rows(tmp_path) == {"steel.jpg": {"file": "steel.jpg", "material": "steel"}}


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"pa ss ", "pa ss "),
        (b" pass\r\n", " pass"),
        (b"pass\rmore", "pass"),
        ("pa\u2028ss\x0b\n".encode(), "pa\u2028ss\x0b"),
        (codecs.BOM_UTF8 + b"pass\n\n", "pass"),
    ],
)
def test_of_a_password_file_only_mark_and_line_end_are_dropped(
    tmp_path: Path, content: bytes, secret: str
) -> None:
    """Blanks at either end belong to the password; only LF, CR and CRLF end a line."""
    (tmp_path / "p").write_bytes(content)
    assert read_secret(tmp_path / "p") == secret
    assert read_token(tmp_path / "p") == content.decode("utf-8-sig").strip()


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    """Not one byte of a file that is no text stands in the sentence about it."""
    (tmp_path / "p").write_bytes(b"geheim\xe9\n")
    for read in (read_secret, read_token):
        with pytest.raises(TextFileError) as caught:
            read(tmp_path / "p")
        assert str(caught.value) == "is not UTF-8 text; save it as UTF-8"


def test_what_is_no_text_file_is_told_apart(tmp_path: Path) -> None:
    """A folder, nothing, too long, Latin-1: a sentence each, without a traceback."""
    (tmp_path / "long").write_bytes(b"x" * 11)
    for path, said in (
        (tmp_path, "is a folder, wanted a file"),
        (tmp_path / "none", "No such file or directory"),
        (tmp_path / "long", "is longer than 10 bytes"),
        (tmp_path / "long" / "below", "Not a directory"),
    ):
        with pytest.raises(TextFileError, match=said):
            read_text_file(path, 10)
    with pytest.raises(TextFileError, match="byte 0xe4 in line 2; save it as UTF-8"):
        decode_text("eins\nzwei: ä".encode("latin-1"))

"""Signed bundles for tests: good ones, and what an attacker would make of them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from converter.conversion.packing import Terms, pack, sign
from edge_node.config.sections import BundleConfig
from edge_node.inference.bundle import DEFAULT_BUNDLE
from edge_node.signing import Signer, load_trusted_keys, make_key_pair
from edge_node.update.bundle_store import BundleStore
from edge_node.update.installer import Installer
from edge_node.update.release import FileEntry, Release
from edge_node.update.transport_file import encode_body, encode_head, hash_blocks, make_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "steel-aluminium"
PACKAGED_VERSION: str = json.loads((DEFAULT_BUNDLE / "bundle.json").read_bytes())["version"]
NOW = datetime.now(timezone.utc).replace(microsecond=0)


class Maker:
    """A workstation with a key that the robots trust, and one that they do not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public = str(make_key_pair(folder / "release.pem"))
        make_key_pair(folder / "foreign.pem")
        self.signer = Signer(folder / "release.pem")
        self.foreign = Signer(folder / "foreign.pem")

    def bundle(
        self, version: str, *, source: Path = DEFAULT_BUNDLE, signer: Signer | None = None, **terms
    ) -> Path:
        """Return a signed file of ``source`` as ``version``; ``terms`` as in ``Terms``."""
        out = self.folder / f"{len(list(self.folder.iterdir()))}.bundle.tar"
        pack(source, out, version=version)
        given = {"issued_at": NOW, "valid_for": timedelta(days=1), **terms}
        sign(out, signer or self.signer, Terms(**given))
        return out

    def raw(self, content: dict[str, bytes], /, *, sign_it: bool = True, **changes) -> bytes:
        """Return a file with any content; ``changes`` replace fields of the statement after hashing."""
        entries = [
            (FileEntry(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()), data)
            for name, data in sorted(content.items())
        ]
        pieces = list(encode_body((entry, io.BytesIO(data)) for entry, data in entries))
        statement = Release(
            **{
                "name": NAME,
                "version": "2",
                "issued_at": NOW,
                "expires_at": NOW + timedelta(days=1),
                "files": tuple(entry for entry, _ in entries),
                "blocks": hash_blocks(pieces),
                **changes,
            }
        )
        head = make_head(statement)
        if sign_it:
            head = make_head(statement, self.signer.sign_statement(head.text))
        return encode_head(head) + b"".join(pieces)


def changed_bundle(folder: Path, change: Callable[[dict], None]) -> Path:
    """Return a copy of the default bundle whose ``bundle.json`` was changed."""
    shutil.copytree(DEFAULT_BUNDLE, folder)
    manifest = json.loads((folder / "bundle.json").read_bytes())
    change(manifest)
    (folder / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def default_files(version: str = "2") -> dict[str, bytes]:
    """Return the files of the default bundle as ``version``."""
    files = {path.name: path.read_bytes() for path in DEFAULT_BUNDLE.iterdir()}
    manifest = json.loads(files["bundle.json"])
    manifest["version"] = version
    return {**files, "bundle.json": json.dumps(manifest).encode()}


class Robot:
    """A store, and what installs into it."""

    def __init__(self, folder: Path, maker: Maker, *, material: str = "auto", **config) -> None:
        folder.mkdir(exist_ok=True)
        self.config = BundleConfig(path="store", trusted_keys=(maker.public,), **config)
        self.store = BundleStore(folder / "store", load_trusted_keys(self.config.trusted_keys))
        self.installer = Installer(self.store, self.config, material=material)

    def install(self, file: Path, **options):
        """Install a file as ``edge-node bundle install`` does."""
        with file.open("rb") as source:
            return self.installer.install(source, file.name, **options)

    def contents(self) -> dict[str, bytes]:
        """Return every byte in the store."""
        return {
            str(path.relative_to(self.store.path)): path.read_bytes()
            for path in sorted(self.store.path.rglob("*"))
            if path.is_file() and path.name != "lock"
        }

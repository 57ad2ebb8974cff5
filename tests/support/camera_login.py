"""The login of a camera in tests: asks as cameras do, and checks the answer by the text of the standards.

Source: RFC 7616 (Digest), RFC 7617 (Basic).
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

AWKWARD_REALM = 'IP "Camera", 1'
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}

SECRET = "se/cr et9"  # noqa: S105  # of the cameras of tests


class CameraLogin:
    """Ask viewers for ``username`` and ``password``.

    Attributes:
        refused: number of answers that were wrong.
    """

    def __init__(
        self, username: str, password: str, *schemes: str, qop: str | None = "auth", realm: str = "camera"
    ) -> None:
        """Offer ``schemes``, in this order: "Basic", "MD5", "SHA-256", "MD5-sess", ..."""
        self.refused = 0
        self._nonces: set[str] = set()  # of the challenges so far
        self._login = (username, password)
        self._schemes = schemes
        self._qop = qop
        self._realm = realm
        self._counts: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Make all answers so far stale, as cameras do after some minutes."""
        self._nonces.clear()

    def ask(self, method: str, address: str, answer: str | None) -> list[str]:
        """Return the challenges to send, none if the answer is right."""
        if answer is not None and self._is_right(method, address, answer):
            return []
        self.refused += answer is not None
        return [self._challenge(scheme) for scheme in self._schemes]

    def _challenge(self, scheme: str) -> str:
        realm = self._realm.replace('"', '\\"')
        if scheme == "Basic":
            return f'Basic realm="{realm}"'
        nonce = secrets.token_hex(8)
        self._nonces.add(nonce)
        quality = f', qop="{self._qop}"' if self._qop else ""
        return f'Digest realm="{realm}", nonce="{nonce}", opaque="0,a=b", algorithm={scheme}{quality}'

    def _is_right(self, method: str, address: str, answer: str) -> bool:
        scheme, _, rest = answer.partition(" ")
        if scheme == "Basic" and "Basic" in self._schemes:
            return base64.b64decode(rest).decode() == ":".join(self._login)
        found = {
            name: (quoted or plain).replace('\\"', '"')
            for name, quoted, plain in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', rest)
        }
        algorithm = found.get("algorithm", "MD5")
        if scheme != "Digest" or algorithm not in self._schemes or found["nonce"] not in self._nonces:
            return False
        if (found["uri"], found["opaque"], found["realm"]) != (address, "0,a=b", self._realm):
            return False

        def hashed(*parts: str) -> str:
            return _HASHES[algorithm.removesuffix("-sess")](":".join(parts).encode()).hexdigest()

        secret = hashed(self._login[0], self._realm, self._login[1])
        if algorithm.endswith("-sess"):
            secret = hashed(secret, found["nonce"], found.get("cnonce", ""))
        request = hashed(method, address, hashed("")) if self._qop == "auth-int" else hashed(method, address)
        counted = []
        if self._qop:
            counted = [found["nc"], found["cnonce"], found["qop"]]
            if (found["nonce"], found["nc"]) in self._counts or found["qop"] != self._qop:
                return False  # a count is used once
            self._counts.add((found["nonce"], found["nc"]))
        return found["response"] == hashed(secret, found["nonce"], *counted, request)

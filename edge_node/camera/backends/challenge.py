"""Answer a camera's request for a login: Basic and Digest authentication of HTTP and RTSP. Pure.

Source: RFC 7616 (Digest; RFC 2069 for cameras that name no qop), RFC 7617 (Basic), RFC 9110, section 11.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The strongest first. A camera that offers several is asked with the first that is known here.
_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data).hexdigest(),  # noqa: S324  # what cameras ask for
}
_TOKEN = re.compile(r'([A-Za-z0-9!#$%&\'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?')


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password for a camera."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in which a camera can be asked: its scheme in small letters, and its parameters."""

    scheme: str
    parameters: dict[str, str]

    @property
    def algorithm(self) -> str:
        """The hash of a Digest, without "-sess"."""
        return self.parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")

    def answer(self, login: Login, method: str, uri: str, count: int = 1) -> str:
        """Return the value of ``Authorization`` for a request without a body.

        Args:
            login: who asks.
            method: of the request.
            uri: as it stands in the request's first line.
            count: of the requests with this challenge, from 1.
        """
        if self.scheme == "basic":
            both = f"{login.username}:{login.password}".encode()
            return f"Basic {base64.b64encode(both).decode()}"
        return self._digest(login, method, uri, count, secrets.token_hex(8))

    def _digest(self, login: Login, method: str, uri: str, count: int, cnonce: str) -> str:
        def hashed(*parts: str) -> str:
            return _HASHES[self.algorithm](":".join(parts).encode())

        given = self.parameters
        realm, nonce = given.get("realm", ""), given.get("nonce", "")
        secret = hashed(login.username, realm, login.password)
        is_session = given.get("algorithm", "").upper().endswith("-SESS")
        if is_session:
            secret = hashed(secret, nonce, cnonce)
        offered = [quality.strip() for quality in given.get("qop", "").lower().split(",")]
        quality = next((name for name in ("auth", "auth-int") if name in offered), "")
        request = hashed(method, uri, hashed("")) if quality == "auth-int" else hashed(method, uri)
        counter = f"{count:08x}"
        counted = [counter, cnonce, quality] if quality else []
        username = login.username
        if given.get("userhash", "").lower() == "true":
            username = hashed(username, realm)
        fields = {
            "username": username,
            "realm": realm,
            "nonce": nonce,
            "uri": uri,
            "response": hashed(secret, nonce, *counted, request),
        }
        fields |= {name: given[name] for name in ("opaque",) if name in given}
        text = ", ".join(f'{name}="{_quote(value)}"' for name, value in fields.items())
        text += f", algorithm={given['algorithm']}" if "algorithm" in given else ""
        text += f", qop={quality}, nc={counter}" if quality else ""
        text += f', cnonce="{cnonce}"' if quality or is_session else ""
        return f"Digest {text}" + (", userhash=true" if username != login.username else "")


def choose_challenge(headers: Iterable[str]) -> Challenge | None:
    """Return the strongest challenge of ``WWW-Authenticate`` headers that can be answered, or None."""
    known = [challenge for header in headers for challenge in _parse(header) if _is_known(challenge)]
    order = [*_HASHES, ""]
    return min(
        known, key=lambda one: order.index(one.algorithm if one.scheme == "digest" else ""), default=None
    )


def _parse(header: str) -> list[Challenge]:
    """Return the challenges of one header, which may hold several."""
    found: list[Challenge] = []
    for token in _TOKEN.finditer(header):
        name, quoted, plain = token.groups()
        if quoted is None and plain is None:
            found.append(Challenge(name.lower(), {}))
        elif found:
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            found[-1].parameters[name.lower()] = value
    return found


def _is_known(challenge: Challenge) -> bool:
    if challenge.scheme == "digest":
        return challenge.algorithm in _HASHES and "nonce" in challenge.parameters
    return challenge.scheme == "basic"


def _quote(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')

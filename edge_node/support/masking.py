"""Take passwords out of texts: what is known to be one, and what stands where passwords stand. Pure.

In two ways, because neither suffices alone. The values that the configuration and the environment give away
are taken out wherever they occur. Addresses, logins, tokens and the values of keys like ``password`` are
taken out also where nobody knows them.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, urlsplit

from edge_node.camera.source_name import name_of_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TAKEN_OUT = "[taken out]"
_MARK = "\ue000"  # stands for it meanwhile: no blank or bracket that would end the address around it
_LEAST_INSIDE = 6  # characters; a shorter password is taken out as a word only: "abc" is part of others
_LEAST = 3  # a shorter one would take out half of every text
_NO_SECRETS = ("true", "false", "none", "null", "{password}", "{username}", TAKEN_OUT)
_NAMES = (
    r"pass(?:[_-]?(?:word|wort|wd|phrase|code))?|kennwort|pwd|psk|pin|secret|token|credentials?"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key|auth|authorization|signature|sig|cookie"
    r"|session(?:[_-]?id)?|jwt|bearer"
)
# With more behind it: password_2; the path of a file is none.
_LONGER = r"(?:pass[_-]?(?:word|wort|wd|phrase)|pwd|secret|token)(?!\w{0,20}(?:file|path))[\w.-]{0,20}"
# One of these is in every name above.
_NAME_PARTS = (
    *("pass", "pwd", "psk", "pin", "secret", "token", "credential", "key", "auth", "sig"),
    *("cookie", "session", "jwt", "bearer", "basic", "pw", "kennwort"),
)
# Repetitions are bounded, so that a long line takes time in proportion to its length.
_NAME = rf"(?:[\w.-]{{0,40}}[_.-])?(?:[A-Za-z]{{0,20}}(?:{_LONGER}|{_NAMES})|pw|key)"
SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# Quoted, also as JSON within JSON; in brackets; a word.
_VALUE = (
    r"""(?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\\+"[^"\n]*"|[{\[(][^{}\[\]()\n]*[}\])]|["']?[^\s,;&"']+)"""
)
_NAMED = re.compile(
    rf"""(?P<name>\b{_NAME}\\*["']?\s*(?P<by>[=-]>|==?|:|>|\||(?=\[))\s*){_VALUE}""", re.IGNORECASE
)
_SAID = re.compile(
    r"(?P<name>\b(?:password|passwd|passphrase|pwd|secret|token|(?:api|access) key)\s+"
    rf"(?:for\s+\S{{1,40}}\s+)?(?:is\s+|was\s+)?)(?![=:>|-]){_VALUE}",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    r"""(?P<name>\b(?:proxy-)?authorization["']?\s*[:=]\s*)(?P<value>[^\n]+)""", re.IGNORECASE
)
_HEADER = re.compile(r"(?P<name>\b(?:basic|bearer)\s+)(?P<value>[\w+/=.~-]{8,})", re.IGNORECASE)
# Of mosquitto_pub, of plink, of sshpass, of curl.
_OPTION = re.compile(
    r"(?P<name>(?:\A|\s)(?:-P|--?pw[ =]|sshpass\s+-p|(?:-[uU]|--(?:proxy-)?user[ =])\s*[^\s:/]{1,80}:(?=\S))"
    rf"\s*){_VALUE}"
)
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_TOKEN = re.compile(
    r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[a-z]_\w{20,}|\b(?:xox[a-z]|glpat|sk)-[\w-]{16,}"
)
_TOKEN_BEGINS = ("eyJ", "AKIA", "ASIA", "gh", "xox", "glpat", "sk-")
_URL = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s"'<>\x00-\x1f]+""")
_LOGIN = re.compile(r"""[^\s/@:"'=,;]{1,80}:[^\s@"']{1,200}@(?=[\w.\[-])""")
_QUOTED_LOGIN = re.compile(r"""(?<=%3A%2F%2F)[^\s"'<>&]{1,300}%40""", re.IGNORECASE)  # of a quoted address
_LAST_WORD = re.compile(r"""[^\s"'=]+\Z""")
_TAIL = ".,;:)]}!"  # of the sentence around an address


class Mask:
    """Take secrets out of one text after another.

    Attributes:
        count: how many places were taken out so far.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take out ``secrets``, as they are and as addresses and headers write them."""
        self.count = 0
        forms = {form for secret in secrets for form in _forms(secret)}
        parts = [
            re.escape(form) if len(form) >= _LEAST_INSIDE else rf"(?<!\w){re.escape(form)}(?!\w)"
            for form in sorted(forms, key=len, reverse=True)
        ]
        self._known = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def text(self, text: str) -> str:
        """Return ``text`` with ``[taken out]`` in the place of each secret."""
        text = self._replace(_KEY_BLOCK, text.replace(_MARK, "?"))
        before, end, after = text.partition("-----END ")
        if end:  # of a key whose beginning was cut off
            self.count += 1
            text = _MARK + after if "PRIVATE KEY" in after.partition("\n")[0] else before + end + after
        if self._known is not None:
            text = self._replace(self._known, text)
        return "\n".join(map(self._mask_line, text.split("\n"))).replace(_MARK, TAKEN_OUT)

    def _mask_line(self, line: str) -> str:
        """Mask by patterns; each is tried only where a part of it occurs, as logs have many lines."""
        if "://" in line:
            line = _URL.sub(self._name_url, line)
        if "@" in line:
            line = self._replace(_LOGIN, line, f"{_MARK}@")
        if "%40" in line:
            line = self._replace(_QUOTED_LOGIN, line, f"{_MARK}%40")
        if any(word in line for word in _TOKEN_BEGINS):
            line = self._replace(_TOKEN, line)
        if " -" in line:
            line = _OPTION.sub(self._mask_value, line)
        lowered = line.lower()
        if any(word in lowered for word in _NAME_PARTS):
            for pattern in (_AUTHORIZATION, _HEADER, _NAMED, _SAID):
                line = pattern.sub(self._mask_value, line)
        return line

    def _replace(self, pattern: re.Pattern[str], text: str, by: str = _MARK) -> str:
        text, count = pattern.subn(by, text)
        self.count += count
        return text

    def _name_url(self, found: re.Match[str]) -> str:
        address = found[0].rstrip(_TAIL)
        scheme, _, rest = address.partition("://")
        try:
            shown = name_of_url(urlsplit(address))
        except ValueError:
            shown = f"{scheme}://..."
        if "@" in rest.partition("/")[2]:  # of a password with a slash: what looks like a host is its user
            shown = f"{scheme}://..."
        self.count += shown != address and _MARK not in address
        return shown + found[0][len(address) :]

    def _mask_value(self, found: re.Match[str]) -> str:
        before = _LAST_WORD.search(found.string, max(0, found.start() - 300), found.start())
        in_path = before is not None and before[0].startswith("/") and before[0].endswith("/")
        if _unquoted(found["value"]) in ("", _MARK) or (in_path and found.groupdict().get("by") == ":"):
            return found[0]  # nothing, or a path: /etc/password: Permission denied
        self.count += 1
        return found["name"] + _MARK


def find_secrets(text: str) -> Iterator[str]:
    """Yield the passwords in a text: in logins of addresses, and behind names like ``password``."""
    for match in _URL.finditer(text):
        yield from find_url_secrets(match[0].rstrip(_TAIL))
    for match in _LOGIN.finditer(_URL.sub(" ", text)):
        yield match[0].removesuffix("@").partition(":")[2]
    for pattern in (_NAMED, _SAID):
        for match in pattern.finditer(text):
            yield _unquoted(match["value"])


def find_url_secrets(address: str) -> Iterator[str]:
    """Yield the password of an address, and the parts of path and query that may be keys."""
    # Of all before the last @: a password may hold a slash, which ends the host for every parser.
    yield unquote(address.partition("://")[2].rpartition("@")[0].partition(":")[2])
    try:
        parts = urlsplit(address)
        shown = name_of_url(parts)
    except ValueError:
        return
    for pair in re.split("[&;]", parts.query):
        key, _, value = pair.partition("=")
        if SECRET_NAME.fullmatch(key) or len(value) >= _LEAST_INSIDE:
            yield unquote(value)
    for part in parts.path.split("/"):
        if part and part not in shown and len(part) >= _LEAST_INSIDE:
            yield unquote(part)


def _forms(secret: str) -> set[str]:
    """Return how a secret may be written."""
    if len(secret) < _LEAST or secret in _NO_SECRETS:
        return set()
    content = secret.encode("utf-8", "replace")
    written = {
        secret,
        html.escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    written |= {repr(secret)[1:-1], quote(secret, safe=""), quote(secret), quote_plus(secret), content.hex()}
    for before in range(3):  # bytes of a login that is encoded with it
        encoded = base64.b64encode(b" " * before + content).decode().rstrip("=")
        inside = encoded[(0, 2, 3)[before] : len(encoded) if (before + len(content)) % 3 == 0 else -1]
        written |= (
            {inside, inside.replace("+", "-").replace("/", "_")} if len(inside) >= _LEAST_INSIDE else set()
        )
    return written


def _unquoted(value: str) -> str:
    return value[1:].removesuffix(value[0]) if value[:1] in ("'", '"') else value

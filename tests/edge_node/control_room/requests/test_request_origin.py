"""Which requests another site may cause."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette")

from starlette.requests import Request

from edge_node.control_room.requests.request_origin import is_foreign_read


def asked(path: str, root_path: str = "", **headers: str) -> bool:
    """Whether a GET of ``path`` counts as another site's."""
    named = {"host": "room:8430", **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    return is_foreign_read(
        Request({"type": "http", "method": "GET", "path": path, "root_path": root_path, "headers": raw})
    )


@pytest.mark.parametrize(
    ("path", "headers", "is_foreign"),
    [
        ("/api/state", {}, False),  # curl
        ("/api/state", {"sec_fetch_site": "same-origin"}, False),
        ("/api/report.pdf", {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, False),  # typed
        ("/api/report.pdf", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, True),
        ("/api/report.pdf", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, True),
        ("/api/state", {"sec_fetch_site": "same-site"}, True),  # another port or a sister's name
        ("/api/events", {"sec_fetch_site": "sister"}, True),  # what no browser says
        ("/healthz", {"sec_fetch_site": "cross-site"}, True),
        (
            "/",
            {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
            False,
        ),
        ("/login", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, False),
        ("/", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}, True),
        (
            "/",
            {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
            True,
        ),
        ("/api/state", {"origin": "http://evil.example"}, True),
        ("/api/state", {"origin": "null"}, True),
        ("/api/state", {"origin": "http://["}, True),
        ("/api/state", {"origin": "http://ROOM:8430"}, False),
        ("/api/dataset.zip", {"referer": "http://evil.example/x"}, True),  # an old browser's image tag
        ("/api/dataset.zip", {"referer": "http://room:8430/"}, False),
    ],
)
def test_another_site_opens_the_page_and_reads_nothing(
    path: str, headers: dict[str, str], is_foreign: bool
) -> None:
    """By what browsers say of who asks, the old ones too; programs say nothing."""
    assert asked(path, **headers) is is_foreign


def test_the_page_may_lie_below_a_path() -> None:
    """A link leads to it there; the API stays closed."""
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert not asked("/corrosion/", "/corrosion", **link)
    assert asked("/corrosion/api/state", "/corrosion", **link)

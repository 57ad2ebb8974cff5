"""Access to the page: logins, posts from elsewhere, guessing, and what a reverse proxy says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.deeds import Deed
from edge_node.control_room.people.roles import Role
from edge_node.control_room.web import access
from tests.support.room_app import Answer, RoomApp, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105  of this test
FORM = f"token={TOKEN.replace(' ', '+')}".encode()


@pytest.fixture(scope="module")
def locked(tmp_path_factory) -> Iterator[RoomApp]:
    """A control room that asks for a token."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    with RoomApp(folder, token_file=str(folder / "token"), names=["room.example"]) as started:
        yield started


@pytest.fixture(scope="module")
def proxied(tmp_path_factory) -> Iterator[RoomApp]:
    """A control room below /corrosion of a proxy at 10.0.0.1, which names the users."""
    with RoomApp(
        tmp_path_factory.mktemp("proxied"),
        names=["plant.example"],
        root_path="/corrosion",
        trusted_proxies=["10.0.0.1"],
        user_header="X-Remote-User",
        role_header="X-Remote-Groups",
        header_roles={"inspectors": "reviewer"},
    ) as started:
        yield started


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://localhost:8431"])
def test_posts_from_elsewhere_are_refused(locked: RoomApp, origin: str) -> None:
    """Also with the right token in them."""
    answer = locked.request("/login", "POST", FORM, origin=origin)
    assert (answer.status, "set-cookie" in answer.headers) == (403, False)
    assert locked.request("/login", "POST", FORM, sec_fetch_site="cross-site").status == 403


def test_nothing_is_seen_without_the_token(locked: RoomApp) -> None:
    """The page leads to the login, the API says what is wanted, health says only that it is well."""
    answer = locked.request("/")
    assert (answer.status, answer.headers["location"]) == (303, "login")
    for path in ("/api/state", "/api/events", "/page/app.js", "/api", f"/api/pictures/a/b/{'a' * 64}"):
        assert locked.request(path).status == 401
    assert locked.request("/login").status == 200
    assert locked.request("/healthz").status == 503  # no ingest runs here


def test_the_token_is_exchanged_for_a_cookie(locked: RoomApp) -> None:
    """That no script can read and no other site sends; a changed one is none."""
    answer = locked.request("/login", "POST", FORM, origin="http://localhost")
    assert (answer.status, answer.headers["location"]) == (303, "./")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "path=" not in cookie.lower()  # its own folder: another room may lie below another path
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    name, _, secret = answer.cookie.partition("=")
    me = locked.request("/api/state", cookie=answer.cookie).json()["me"]
    assert me == {"name": "", "role": "admin", "origin": "shared_token"}
    for forged in (secret[:-1], f"{secret}A", "", "²", "1800000000.0"):
        assert locked.request("/api/state", cookie=f"{name}={forged}").status == 401
    assert locked.request("/api/state", authorization=f"Bearer {TOKEN}").status == 200
    assert locked.request("/api/state", host="room.example", cookie=answer.cookie).status == 200


def test_guessing_is_slowed_down_and_locks_nobody_out(tmp_path: Path) -> None:
    """Wrong guesses are told to wait; the right token, login and session from the same address go on."""
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    with RoomApp(tmp_path, token_file=str(tmp_path / "token")) as room:
        cookie = room.request("/login", "POST", FORM).cookie
        guesses = [room.request("/api/state", authorization="Bearer guess") for _ in range(12)]
        assert [one.status for one in guesses] == [401] * 3 + [429] * 9
        assert int(guesses[-1].headers["retry-after"]) > 0
        where = [room.request("/login", "POST", b"token=guess").headers["location"] for _ in range(5)]
        assert where[0] == "login?problem=token"
        assert where[-1].startswith("login?problem=wait&wait_s=")
        assert room.request("/api/state", authorization=f"Bearer {TOKEN}").status == 200
        assert room.request("/api/state", cookie=cookie).status == 200
        assert room.request("/login", "POST", FORM).headers["location"] == "./"


def test_a_proxy_says_who_it_is_and_nobody_else_does(proxied: RoomApp) -> None:
    """A header from any other address is worth nothing, and one that the client added makes it void."""
    named = {"x_remote_user": "Zoë", "x_remote_groups": "staff,inspectors", "host": "plant.example"}
    answer = proxied.request("/corrosion/api/state", peer="10.0.0.1", **named)
    assert answer.json()["me"] == {"name": "Zoë", "role": "reviewer", "origin": "proxy"}
    assert answer.json()["logins"] is False  # its login is the proxy's to end
    for peer in ("10.0.0.2", "127.0.0.1", "::1"):
        assert proxied.request("/corrosion/api/state", peer=peer, **named).status == 401
        told = {"x_forwarded_for": "10.0.0.1", **named}
        assert proxied.request("/corrosion/api/state", peer=peer, **told).status == 401
    stranger = {**named, "x_remote_groups": "staff"}
    answer = proxied.request("/corrosion/api/state", peer="10.0.0.1", **stranger)
    assert (answer.status, b"no role" in answer.body) == (403, True)


@pytest.mark.parametrize("prefix", ["/corrosion", ""])
def test_every_address_works_below_a_path_whether_the_proxy_takes_it_off_or_not(
    proxied: RoomApp, prefix: str
) -> None:
    """Page, files, API, login and redirects."""
    named = {"x_remote_user": "Zoë", "x_remote_groups": "inspectors", "host": "plant.example"}
    for path in ("/", "/page/app.js", "/page/icon.svg", "/api", "/login"):
        assert proxied.request(prefix + path, peer="10.0.0.1", **named).status == 200, path
    assert proxied.request(f"{prefix}/nothing", peer="10.0.0.1", **named).status == 404
    assert proxied.request(f"{prefix}/", host="plant.example").headers["location"] == "/corrosion/login"
    told = {"x_forwarded_proto": "https", "x_forwarded_host": "plant.example", "host": "127.0.0.1:8430"}
    slash = proxied.request(f"{prefix}/api/state/", peer="10.0.0.1", **{**named, **told})
    assert slash.headers["location"] == "https://plant.example/corrosion/api/state"
    assert proxied.request("/corrosion", host="plant.example").headers["location"] == "/corrosion/"


def test_the_client_behind_a_proxy_is_the_one_that_is_noted(tmp_path: Path) -> None:
    """By the right-most address that is no proxy's; one that is not trusted is itself the client."""
    with RoomApp(tmp_path, trusted_proxies=["10.0.0.0/24"], user_header="X-User") as room:
        room.add_user("ada", "viewer")
        for peer in ("10.0.0.1", "9.9.9.9"):
            room.log_in("ada", "wrong", peer=peer, x_forwarded_for="6.6.6.6, 1.2.3.4")
        found = room.history.audit_entries(limit=9, action=Deed.FAILED_LOGIN)
        assert [one.address for one in found] == ["9.9.9.9", "1.2.3.4"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://plant.example", "x_forwarded_proto": "https"}, 303),
        ({"origin": "http://plant.example", "x_forwarded_proto": "https"}, 403),  # somebody on the way
        ({"origin": "https://evil.example", "x_forwarded_proto": "https"}, 403),
        ({"origin": "https://plant.example", "x_forwarded_host": "plant.example", "host": "10.0.0.9"}, 303),
        ({"origin": "https://evil.example", "x_forwarded_host": "evil.example", "host": "10.0.0.9"}, 421),
        ({"host": "evil.example", "x_forwarded_host": "plant.example"}, 421),
        # A proxy that passes on a host without its port, or its own: the browser knows whose page it is.
        ({"origin": "https://plant.example:8443", "x_forwarded_proto": "https"}, 403),
        ({"origin": "https://plant.example:8443", "sec_fetch_site": "same-origin"}, 303),
        ({"origin": "https://plant.example:8443", "sec_fetch_site": "same-site"}, 403),
        ({"origin": "https://plant.example", "sec_fetch_site": "same-origin", "host": "10.0.0.9:8430"}, 303),
        ({"origin": "https://evil.example", "sec_fetch_site": "same-origin"}, 403),
    ],
)
def test_a_post_behind_a_proxy_comes_from_the_page_as_the_browser_knows_it(
    proxied: RoomApp, headers: dict[str, str], status: int
) -> None:
    """By the host that the proxy was asked for, which must be one of ours."""
    given = {"host": "plant.example", **headers}
    assert proxied.request("/corrosion/logout", "POST", peer="10.0.0.1", **given).status == status


def test_a_path_in_the_host_header_opens_nothing(locked: RoomApp) -> None:
    """Some versions of starlette take it for the path of the request."""
    for host in ("localhost/healthz?", "localhost/page/style/login.css?"):
        assert locked.request("/api/state", host=host).status in (401, 421)


def test_a_program_acts_by_its_own_role(tmp_path: Path) -> None:
    """What it may not is refused, noted, and no reason to ask for a login."""
    with RoomApp(tmp_path) as room:
        token = room.users.add_token("export", Role.VIEWER)
        bearer = {"authorization": f"bearer {token}"}
        assert room.request("/api/state", **bearer).json()["can"] == {
            "review": False, "command": False, "place": False, "administer": False,
        }  # fmt: skip
        refused = room.request("/api/robots/quay/crawler-1/commands/ping", "POST", **bearer)
        assert (refused.status, "needs the role operator" in refused.json()["problem"]) == (403, True)
        (entry,) = room.history.audit_entries(limit=9)
        assert (entry.user, entry.action, entry.outcome) == ("export", Deed.FORBIDDEN, "refused")
        room.users.remove_token("export")
        assert room.request("/api/state", **bearer).status == 401


def test_an_answer_without_end_ends_for_whom_a_proxy_names(proxied: RoomApp, monkeypatch) -> None:
    """The proxy's login may have ended meanwhile: it is asked again by the page, which comes back."""
    named = {"x_remote_user": "Zoë", "x_remote_groups": "inspectors", "host": "plant.example"}

    monkeypatch.setattr(access, "PROXIED_STREAM_S", 0.0)

    async def listen() -> None:
        begun = asyncio.Event()

        async def send(_message: dict) -> None:
            begun.set()

        scope = scope_of("/corrosion/api/events", "GET", "10.0.0.1", named)
        task = asyncio.ensure_future(proxied.app(scope, asyncio.Event().wait, send))
        await asyncio.wait_for(begun.wait(), 5)
        proxied.events.end_invalid()
        await asyncio.wait_for(task, 5)

    asyncio.run(listen())


def test_a_request_of_two_lengths_is_refused_and_its_connection_closed(tmp_path: Path) -> None:
    """What a proxy takes for its body could be a request of its own here."""
    with RoomApp(tmp_path) as room:
        answer = room.request("/login", "POST", transfer_encoding="chunked", content_length="4")
        assert (answer.status, answer.headers["connection"]) == (400, "close")


def test_a_file_is_not_sent_to_whose_login_ended_meanwhile(tmp_path: Path) -> None:
    """A report takes a minute; the user who asked for it was removed in it."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "viewer")
        cookie = room.log_in("ada").cookie
        jobs = room.services.jobs

        async def ask() -> Answer:
            asked = asyncio.create_task(room.send("/api/report.csv?site=a&robot=b", cookie=cookie))
            for _ in range(20):  # steps of the event loop until it is asked
                await asyncio.sleep(0)
            room.users.remove_user("ada")
            jobs.cancel(next(iter(jobs.jobs)))
            return await asked

        assert asyncio.run(ask()).status == 401
        assert not jobs.jobs

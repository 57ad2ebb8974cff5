"""The local page over real HTTP: what it shows, whom it lets in, and that it never stands in the way."""

from __future__ import annotations

import json
import re
import socket
import time

import pytest

from edge_node.camera.picture import decode_picture
from edge_node.config.sections import HttpConfig
from edge_node.demo.run import CLIP
from edge_node.errors import ConfigError
from edge_node.monitoring.local_page import LocalPage, PageError
from tests.scenarios.test_daemon_field import write_config
from tests.support.http_requests import get
from tests.support.processes import daemon, free_port, wait_for

TOKEN = "0123456789abcdefXYZ"  # noqa: S105  # of a test


@pytest.fixture
def token_file(tmp_path):
    """Return a file with a good token."""
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return str(path)


def test_the_page_and_its_parts_are_served(serve):
    """The page, the state as JSON, and the picture scaled for a phone."""
    port = serve().port
    status, headers, body = get(port, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"Path through the cascade" in body
    assert b'"picture.jpg?" + encodeURIComponent(newest.id)' in body, "numbers begin anew at each start"
    state = json.loads(get(port, "/state.json")[2])
    assert state["verdicts"][0]["seq"] == 7
    assert state["status"]["robot"] == "crawler-1"
    assert decode_picture(get(port, "/picture.jpg")[2], "picture").shape[1] == 640
    assert get(port, "/none")[0] == 404
    assert get(port, "/favicon.ico")[0] == 204


def test_healthz_names_what_hangs(serve, view):
    """Healthy is 200; a part that hangs is 503 with its name."""
    page = serve()
    assert get(page.port, "/healthz")[::2] == (200, b"ok\n")
    status = view.state().status
    view.on_status(status, None, link="connected", hung="the publisher has not run for 20 s")
    code, _, body = get(page.port, "/healthz")
    assert code == 503
    assert b"publisher" in body


@pytest.mark.parametrize("path", ["/", "/state.json", "/picture.jpg", "/metrics"])
def test_with_a_token_nothing_is_shown_without_it(serve, token_file, path):
    """Each path refuses without the token and with a wrong one, and takes it in each of three ways."""
    port = serve(token_file=token_file).port
    assert get(port, path)[0] == 401
    assert get(port, path + "?token=wrong")[0] == 401
    assert get(port, path, Authorization="Bearer " + TOKEN[:-1])[0] == 401
    assert get(port, f"{path}?token={TOKEN}")[0] == 200
    assert get(port, path, Authorization=f"Bearer {TOKEN}")[0] == 200
    cookie = f"corrosion_edge_token={TOKEN}"
    assert get(port, path, Cookie=cookie)[0] == 200
    # Beside those of other programs and robots behind the same proxy; that of this folder comes first.
    for others in (f'a={{"b": 1}}; {cookie}', f"a[b]=@; =; ;{cookie}", f"{cookie}; corrosion_edge_token=old"):
        assert get(port, path, Cookie=others)[0] == 200


def test_the_browser_keeps_the_token_to_itself(serve, token_file):
    """The token that came with the address becomes a cookie that no script reads and no other site sends."""
    _, headers, _ = get(serve(token_file=token_file).port, f"/?token={TOKEN}")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("evil.example", 421),
        ("", 421),
        ("localhost", 200),
        ("robot.local", 200),
        ("ROBOT.local:8420", 200),
        ("[::1]:80", 200),
        ("[", 400),
        ("localhost:x", 400),
        ("me@localhost", 400),
    ],
)
def test_a_foreign_name_is_refused(serve, host, code):
    """A page elsewhere whose name was pointed at this address reads nothing."""
    assert get(serve(names=("robot.local",)).port, "/state.json", Host=host)[0] == code


def test_guesses_at_the_token_are_limited_for_who_guesses(serve, token_file):
    """Ten wrong ones from an address, then 429; a browser's old cookie is one, others have their own ten."""
    port = serve(token_file=token_file).port
    for _ in range(20):
        assert get(port, "/", Cookie="corrosion_edge_token=old")[0] == 401
    assert get(port, "/", Authorization=f"Bearer {TOKEN}")[0] == 200
    codes = [get(port, f"/?token=wrong{number}")[0] for number in range(15)]
    assert codes == [401] * 9 + [429] * 6
    status, headers, _ = get(port, "/", Authorization=f"Bearer {TOKEN}")
    assert status == 429
    assert 0 < int(headers["Retry-After"]) <= 60
    elsewhere = {"X-Forwarded-For": "6.6.6.6, 10.0.0.9", "Authorization": f"Bearer {TOKEN}"}
    assert get(port, "/", **elsewhere)[0] == 200
    assert get(port, "/healthz")[0] == 200


def test_the_page_works_below_a_path_of_a_reverse_proxy(serve, token_file):
    """Nothing that it serves names a path from the root; the cookie belongs to the folder it came from."""
    port = serve(token_file=token_file).port
    _, headers, body = get(port, f"/?token={TOKEN}")
    assert "Path" not in headers["Set-Cookie"]
    assert "Location" not in headers
    assert re.findall(rb"""(?:src|href|action|fetch\(|url\(|\.src =)[=\s]*["'(]?/""", body) == []
    assert b'if (!location.pathname.endsWith("/"))' in body
    assert {b"state.json", b"picture.jpg"} <= set(re.findall(rb"[a-z]+\.(?:json|jpg)", body))


@pytest.mark.parametrize("query", ["?token=%E4%B8%AD", "?token=a%0d%0ab", "?token=%ff", "?%", "?token"])
def test_what_a_token_may_not_be_gives_no_cookie(serve, query):
    """The page without a token is served whatever stands behind the question mark."""
    status, headers, _ = get(serve().port, f"/{query}")
    assert status == 200
    assert "Set-Cookie" not in headers


def test_an_open_address_needs_a_token(tmp_path, view):
    """Listening to others without a token, or with a weak one, is refused before anything is served."""
    with pytest.raises(ConfigError, match="token_file must name"):
        LocalPage(HttpConfig(host="0.0.0.0"), view)  # noqa: S104  # it is refused
    (tmp_path / "weak").write_text("short")
    for name in ("weak", "none"):
        with pytest.raises(ConfigError, match="token_file"):
            LocalPage(HttpConfig(token_file=str(tmp_path / name)), view)


def test_a_port_that_is_taken_is_one_sentence(serve, view):
    """The message names address and reason."""
    page = serve()
    with pytest.raises(PageError, match="in use") as caught:
        LocalPage(HttpConfig(port=page.port), view)
    assert "\n" not in str(caught.value)


def test_a_viewer_that_says_nothing_holds_nobody_up(serve):
    """Twenty open connections that send nothing leave the page answering."""
    port = serve().port
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        assert get(port, "/healthz")[0] == 200
    finally:
        for connection in idle:
            connection.close()


def test_the_daemon_serves_its_page_while_it_decides(tmp_path, mosquitto):
    """The real daemon shows its verdicts and picture, and ends in time while a viewer looks."""
    port = free_port()
    config = write_config(
        tmp_path, CLIP, mosquitto.port, camera={"loop": True}, http={"enabled": True, "port": port}
    )
    with daemon(config) as process:

        def shown():
            try:
                return len(json.loads(get(port, "/state.json")[2])["verdicts"]) >= 3
            except OSError:
                return False

        wait_for(shown, 30, "three verdicts on the page")
        assert get(port, "/healthz")[0] == 200
        assert decode_picture(get(port, "/picture.jpg")[2], "picture").shape[1] <= 640
        assert b"corrosion_edge_part_ok" in get(port, "/metrics")[2]
        looking = socket.create_connection(("127.0.0.1", port))
        started_s = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
        assert time.monotonic() - started_s < 5
        looking.close()

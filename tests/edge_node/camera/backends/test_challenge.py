"""Basic and Digest: the strongest challenge is chosen, and answered as the standards' own examples."""

import pytest

from edge_node.camera.backends.challenge import Challenge, Login, choose_challenge
from tests.support.camera_login import AWKWARD_REALM, CameraLogin

LOGIN = Login("admin", "p@ss/w:1")
# RFC 7616, section 3.9.1.
RFC_LOGIN = Login("Mufasa", "Circle of Life")
RFC_CHALLENGE = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
    ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",'
    ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_standard_come_out(monkeypatch, algorithm, response):
    """The responses that RFC 7616 prints for its challenge are computed."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("edge_node.camera.backends.challenge.secrets.token_hex", lambda _size: cnonce)
    challenge = choose_challenge([RFC_CHALLENGE.format(algorithm=algorithm)])
    answer = challenge.answer(RFC_LOGIN, "GET", "/dir/index.html")
    assert f'response="{response}"' in answer
    assert "qop=auth, nc=00000001" in answer


@pytest.mark.parametrize("qop", ["auth", "auth-int", None])
@pytest.mark.parametrize("scheme", ["Basic", "MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
def test_every_kind_of_login_is_accepted_by_a_camera_that_checks_it(scheme, qop):
    """Awkward realms, passwords and queries, with and without qop; a second request counts on."""
    camera = CameraLogin(LOGIN.username, LOGIN.password, scheme, qop=qop, realm=AWKWARD_REALM)
    address = '/x.cgi?a=b,c="d"'
    challenge = choose_challenge(camera.ask("GET", address, None))
    for count in (1, 2):
        assert camera.ask("GET", address, challenge.answer(LOGIN, "GET", address, count)) == []
    wrong = challenge.answer(Login("admin", "secret9"), "GET", address, 3)
    assert camera.ask("GET", address, wrong) != []


def test_the_strongest_challenge_that_is_known_is_chosen():
    """In one header or in several, in any order, with schemes among them that nobody knows here."""
    basic, weak = 'Basic realm="a, Digest b"', 'Digest realm="r", nonce="n"'
    strong, unknown = f"{weak}, algorithm=SHA-256", f"{weak}, algorithm=SHA3-512"
    assert choose_challenge([basic]).scheme == "basic"
    assert choose_challenge([basic, weak]).algorithm == "MD5"
    assert choose_challenge([f"Negotiate, {basic}, {weak}, {unknown}, {strong}"]).algorithm == "SHA-256"
    assert choose_challenge([unknown, "NTLM TlRMTVNTUAAB=="]) is None
    assert choose_challenge([]) is None


def test_a_login_does_not_show_its_password():
    """Where a login is printed by accident, its password is not."""
    assert "p@ss" not in repr(LOGIN)
    assert Challenge("basic", {}).answer(LOGIN, "GET", "/") == "Basic YWRtaW46cEBzcy93OjE="

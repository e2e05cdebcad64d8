"""What the parser in C leaves open."""

import http.client
from collections.abc import Iterator
from contextlib import closing

import pytest
from served import FORM, Served, encoded, form, scene, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


@pytest.mark.parametrize("begun", [b"GET /", b"GET /livez HTTP/1.1\r\nHost: ", b"x"])
def test_a_head_without_an_end_is_cut_off(served: Served, begun: bytes) -> None:
    with served.connect() as line:
        line.sendall(begun)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += line.send(b"a" * 4096)
        except ConnectionError:
            pass
    assert sent < 50_000_000


def test_each_request_may_have_headers_up_to_the_limit(served: Served) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)) as line:
        for _ in range(3):
            line.request("GET", "/livez", headers={f"x-{n}": "a" * 4000 for n in range(12)})
            assert line.getresponse().read() == b"alive"


def test_longer_headers_are_refused(served: Served) -> None:
    with served.connect() as line:
        line.sendall(b"GET /livez HTTP/1.1\r\n" + b"x: 12345678901234\r\n" * 4000)
        answer = line.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"The headers are too long.")


def test_an_offer_of_another_protocol_is_declined(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    """As Java's client offers HTTP/2 at its first request, also with a body."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAE"}
    body = form(encoded(scene()))
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)) as line:
        line.request("GET", "/livez")
        assert line.getresponse().read() == b"alive"
        for headers in (offer, offer, {}):
            line.request("POST", "/v1/predict", body, {**FORM, **headers})
            answer = line.getresponse()
            assert answer.status == 200
            assert answer.read()
            line.request("GET", "/livez", headers=headers)
            assert line.getresponse().read() == b"alive"
    assert capfd.readouterr().err == ""

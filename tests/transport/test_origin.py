"""An address is a plain root of an API, or it is refused."""

import pytest

from gateway.transport import Origin


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("https://api.example.com/v1", Origin("https", "api.example.com", 443, "/v1"), "api.example.com"),
        ("https://api.example.com:443", Origin("https", "api.example.com", 443, ""), "api.example.com"),
        ("http://API.example.com/", Origin("http", "api.example.com", 80, ""), "api.example.com"),
        ("http://10.0.0.1:8000/a/b/", Origin("http", "10.0.0.1", 8000, "/a/b"), "10.0.0.1:8000"),
        ("http://[::1]:8000/v1", Origin("http", "::1", 8000, "/v1"), "[::1]:8000"),
        ("https://[2001:db8::1]", Origin("https", "2001:db8::1", 443, ""), "[2001:db8::1]"),
        ("http://localhost:443", Origin("http", "localhost", 443, ""), "localhost:443"),
    ],
)
def test_what_is_an_address(url: str, origin: Origin, authority: str) -> None:
    assert Origin.parse(url) == origin
    assert origin.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://x/",
        "file:///etc/passwd",
        "http://",
        "http:///v1",
        "http://user@x/",
        "http://user:pass@x/",
        "http://@x/",
        "http://x/v1?key=1",
        "http://x/v1#part",
        "http://x:0/",
        "http://x:65536/",
        "http://x:http/",
        "http://x:-1/",
        "http://[::1/",
        "http://[zz]/",
        "http://x/a b",
        "http://x/a\r\nb",
        "http://x/\t",
        "http://x/\u20ac",
        "http://m\u00fcnchen.example/",
    ],
)
def test_what_is_none(url: str) -> None:
    with pytest.raises(ValueError):
        Origin.parse(url)

"""Where a deployment is: scheme, host, port and the API's root path."""

from urllib.parse import urlsplit

import msgspec

_USUAL_PORT = {"http": 80, "https": 443}


class Origin(msgspec.Struct, frozen=True):
    """`path` starts with a slash or is empty, and never ends with one."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, base_url: str) -> "Origin":
        """From `https://api.example.com/v1`. Raises ValueError for anything that is not a plain http or https root."""
        if not base_url.isascii() or not base_url.isprintable() or " " in base_url:
            raise ValueError("expected printable ASCII without spaces")
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected http://HOST or https://HOST")
        if parts.username is not None or parts.password is not None:
            raise ValueError("expected no user or password in the address")
        if parts.query or parts.fragment:
            raise ValueError("expected no query and no fragment")
        port = parts.port if parts.port is not None else _USUAL_PORT[parts.scheme]
        if port == 0:
            raise ValueError("expected a port from 1 to 65535")
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORT[self.scheme] else f"{host}:{self.port}"

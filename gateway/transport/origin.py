"""Where a deployment is: scheme, host, port and the API's root path."""

from urllib.parse import urlsplit

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """`path` starts with a slash or is empty, and never ends with one."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, base_url: str) -> "Origin":
        """From `https://api.example.com/v1`. Raises ValueError for anything that is not a plain http or https root."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected http://HOST or https://HOST")
        if parts.username is not None or parts.password is not None:
            raise ValueError("expected no user or password in the address")
        if parts.query or parts.fragment:
            raise ValueError("expected no query and no fragment")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"

"""AWS Signature Version 4: a call is signed with its path, query, body and time, by a secret that never leaves.

Source: AWS, "Signature Version 4 signing process" (General Reference). As every service but S3 wants it, the path is encoded
once more where it is signed than where it is sent; a model's name with `:` and `/` shows the difference.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from gateway.documents import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = ("content-type", "host")  # and all of Amazon's own: what a proxy in between may change is not signed
_AMAZONS = ("x-amz-", "x-amzn-")


class AwsKeys(msgspec.Struct, frozen=True):
    """A key pair; with `session_token` one that ends."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None


class Scope(msgspec.Struct, frozen=True):
    """For which service of which region a signature is."""

    region: str
    service: str


class Unsigned(msgspec.Struct, frozen=True):
    """What is to be signed. `target` is the path as it is sent, with its query; `headers` have lower-case names, and `host`
    among them. `digest` is the body's SHA-256 in hex.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    digest: str


def signed_headers(call: Unsigned, keys: AwsKeys, scope: Scope, at: float) -> dict[str, str]:
    """What the call has to have beside its own headers. `at`: seconds since the epoch."""
    stamp = dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": stamp}
    if keys.session_token is not None:
        added["x-amz-security-token"] = keys.session_token.reveal()
    signed = {name: value for name, value in {**call.headers, **added}.items() if _is_signed(name)}
    names = ";".join(sorted(signed))
    canonical = "\n".join((
        call.method,
        _path(call.target.partition("?")[0]),
        _query(call.target.partition("?")[2]),
        *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
        "",
        names,
        call.digest,
    ))  # fmt: skip
    place = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{place}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_key(keys, stamp[:8], scope), text).hex()
    added["authorization"] = (
        f"{_ALGORITHM} Credential={keys.access_key_id}/{place}, SignedHeaders={names}, Signature={signature}"
    )
    return added


def _is_signed(name: str) -> bool:
    return name in _SIGNED or name.startswith(_AMAZONS)


def _path(path: str) -> str:
    """Without dots and empty segments, and encoded: also where it is already."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments[-1:] = []
        elif segment not in ("", "."):
            segments.append(segment)
    closing = "/" if path.endswith("/") and segments else ""
    return quote("/" + "/".join(segments) + closing, safe="/~")


def _query(query: str) -> str:
    """Sorted by name, then by value; each has a `=`."""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return "&".join(f"{name}={value}" for name, value in pairs)


def _key(keys: AwsKeys, day: str, scope: Scope) -> bytes:
    """It is of one day, region and service."""
    key = f"AWS4{keys.secret_access_key.reveal()}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

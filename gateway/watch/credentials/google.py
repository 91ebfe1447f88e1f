"""Tokens of Google's: of a service account, by a signed grant, or of the machine's metadata server.

Source: Google, "Using OAuth 2.0 for Server to Server Applications" and "Access tokens from the metadata server" (2026-11).
"""

import base64
from urllib.parse import quote

import httpx2
import msgspec

from gateway.transport.sources import GoogleAccount, GoogleMetadata
from gateway.watch.credentials.fetched import CannotRefresh, Fetched, asked, token_of

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 3600
_FORM = {"content-type": "application/x-www-form-urlencoded"}


async def of_account(client: httpx2.AsyncClient, source: GoogleAccount, now: float) -> Fetched:
    """Raises CannotRefresh."""
    form = {"grant_type": _GRANT, "assertion": _assertion(source, int(now))}
    return token_of(await asked(client, "POST", source.token_uri, _FORM, form), now)


async def of_metadata(client: httpx2.AsyncClient, source: GoogleMetadata, now: float) -> Fetched:
    """Raises CannotRefresh."""
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    url = f"http://{source.host}{path}?scopes={quote(source.oauth_scope, safe='')}"
    return token_of(await asked(client, "GET", url, {"metadata-flavor": "Google"}), now)


def _assertion(source: GoogleAccount, now: int) -> str:
    """A JSON Web Token (RFC 7519), signed with RS256."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - only who has such an account needs it
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    head = {"alg": "RS256", "typ": "JWT", **({"kid": source.private_key_id} if source.private_key_id else {})}
    claims = {
        "iss": source.client_email, "scope": source.oauth_scope, "aud": source.token_uri, "iat": now,
        "exp": now + _LIFETIME_S,
    }  # fmt: skip
    text = b".".join(_segment(msgspec.json.encode(part)) for part in (head, claims))
    try:
        key = load_pem_private_key(source.private_key.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CannotRefresh("the service account's private_key is no key") from None
    if not isinstance(key, RSAPrivateKey):
        raise CannotRefresh("the service account's private_key is no RSA key")
    return (text + b"." + _segment(key.sign(text, PKCS1v15(), SHA256()))).decode()


def _segment(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")

"""Tokens of Microsoft Entra: of an application with a secret, or of the machine's managed identity.

Source: Microsoft, "OAuth 2.0 client credentials flow", "How to use managed identities to get a token" (virtual machines,
api-version 2018-02-01) and "Managed identities for App Service" (2019-08-01), as of 2026-11.
"""

import httpx2

from gateway.transport.sources import EntraApplication, EntraIdentity
from gateway.watch.credentials.fetched import Fetched, asked, token_of

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_ALL_OF_IT = "/.default"


async def of_application(client: httpx2.AsyncClient, source: EntraApplication, now: float) -> Fetched:
    """Raises CannotRefresh."""
    form = {
        "grant_type": "client_credentials", "client_id": source.client_id, "scope": source.oauth_scope,
        "client_secret": source.client_secret.reveal(),
    }  # fmt: skip
    url = f"{source.authority}/{source.tenant}/oauth2/v2.0/token"
    return token_of(await asked(client, "POST", url, _FORM, form), now)


async def of_identity(client: httpx2.AsyncClient, source: EntraIdentity, now: float) -> Fetched:
    """Raises CannotRefresh."""
    query = {"resource": source.oauth_scope.removesuffix(_ALL_OF_IT)}
    if source.client_id is not None:
        query["client_id"] = source.client_id
    if source.header is None:
        headers, version = {"metadata": "true"}, "2018-02-01"
    else:
        headers, version = {"x-identity-header": source.header.reveal()}, "2019-08-01"
    url = httpx2.URL(source.endpoint, params={"api-version": version, **query})
    return token_of(await asked(client, "GET", str(url), headers), now)

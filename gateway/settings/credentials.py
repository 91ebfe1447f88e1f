"""The credentials of deployments: entries and secrets become sources, once, when the configuration is loaded."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.catalogue.credential_document import AwsEntry, CredentialEntry, EntraEntry, GoogleEntry
from gateway.documents import Document, Secret, parse_reference
from gateway.settings.keys import Secrets
from gateway.transport.sigv4 import AwsKeys, Scope
from gateway.transport.sources import (
    AwsChain,
    CredentialSource,
    EntraApplication,
    EntraIdentity,
    Environment,
    FixedKeys,
    GoogleAccount,
    GoogleMetadata,
)
from gateway.values.deployment import Deployment

_SERVICE = "bedrock"
_REGION = re.compile(r"\.([a-z]{2,}(?:-[a-z]+)+-[0-9]+)\.")  # of a host: bedrock-runtime.us-east-1.amazonaws.com
_GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
_GOOGLE_METADATA = "metadata.google.internal"
_ENTRA = "https://login.microsoftonline.com"
_AZURE_METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"


class _AccountKey(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str | None = None
    token_uri: str = _GOOGLE_TOKENS


class Sources:
    """Resolves them. What is wrong goes where `secrets` tells it."""

    def __init__(self, document: Document, secrets: Secrets, env: Mapping[str, str]) -> None:
        self._document = document
        self._secrets = secrets
        self._env = env
        self._known: dict[tuple[bytes, str | None], CredentialSource | None] = {}

    def resolve(self, entry: CredentialEntry, deployment: Deployment) -> CredentialSource | None:
        """None, and a problem, where something is missing. Deployments whose entries are the same share one."""
        key = (msgspec.json.encode(entry), _region_of(deployment) if entry.aws is not None else None)
        if key not in self._known:
            self._known[key] = self._resolved(entry, deployment)
        return self._known[key]

    def _resolved(self, entry: CredentialEntry, deployment: Deployment) -> CredentialSource | None:
        at = f"deployments.{deployment.name}.credential"
        if entry.aws is not None:
            return self._aws(entry.aws, f"{at}.aws", deployment)
        if entry.google is not None:
            return self._google(entry.google, f"{at}.google")
        return None if entry.entra is None else self._entra(entry.entra, f"{at}.entra")

    def _secret(self, entry: Any, at: str, name: str) -> Secret | None:
        text = getattr(entry, name)
        reference = None if text is None else parse_reference(text)
        return None if reference is None else self._secrets.resolve(reference, f"{at}.{name}")

    def _aws(self, entry: AwsEntry, at: str, deployment: Deployment) -> CredentialSource | None:
        named = self._env.get("AWS_REGION") or self._env.get("AWS_DEFAULT_REGION")
        region = entry.region or _region_of(deployment) or named
        if region is None:
            expected = "a region: the address names none, and neither does $AWS_REGION"
            self._secrets.problems.append(self._document.problem(f"{at}.region", expected, "nothing"))
            return None
        scope = Scope(region, _SERVICE)
        if entry.access_key_id is None:
            env = Environment(
                {name: value for name, value in self._env.items() if name.startswith("AWS_") or name == "HOME"}
            )
            return AwsChain(scope=scope, profile=entry.profile, env=env)
        key_id = self._secret(entry, at, "access_key_id")
        secret = self._secret(entry, at, "secret_access_key")
        token = self._secret(entry, at, "session_token")
        if key_id is None or secret is None or (token is None and entry.session_token is not None):
            return None
        return FixedKeys(scope=scope, keys=AwsKeys(key_id.reveal(), secret, token))

    def _google(self, entry: GoogleEntry, at: str) -> CredentialSource | None:
        if entry.service_account is None:
            host = self._env.get("GCE_METADATA_HOST") or _GOOGLE_METADATA
            return GoogleMetadata(host=host, oauth_scope=entry.scope)
        reference = parse_reference(entry.service_account)
        secret = None if reference is None else self._secrets.resolve_text(reference, f"{at}.service_account")
        if secret is None:
            return None
        try:
            key = msgspec.json.decode(secret.reveal(), type=_AccountKey)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            expected = "a service account's key as Google gives it: JSON with client_email and private_key"
            self._secrets.problems.append(self._document.problem(f"{at}.service_account", expected, "other text"))
            return None
        return GoogleAccount(
            client_email=key.client_email,
            private_key=Secret(key.private_key),
            private_key_id=key.private_key_id,
            token_uri=key.token_uri,
            oauth_scope=entry.scope,
        )

    def _entra(self, entry: EntraEntry, at: str) -> CredentialSource | None:
        if entry.client_secret is None:
            header = self._env.get("IDENTITY_HEADER")
            return EntraIdentity(
                endpoint=self._env.get("IDENTITY_ENDPOINT") or _AZURE_METADATA,
                header=Secret(header) if header else None,
                client_id=entry.client_id,
                oauth_scope=entry.scope,
            )
        secret = self._secret(entry, at, "client_secret")
        if secret is None or entry.tenant is None or entry.client_id is None:
            return None
        return EntraApplication(
            authority=(self._env.get("AZURE_AUTHORITY_HOST") or _ENTRA).rstrip("/"),
            tenant=entry.tenant,
            client_id=entry.client_id,
            client_secret=secret,
            oauth_scope=entry.scope,
        )


def _region_of(deployment: Deployment) -> str | None:
    """As its address names it."""
    found = _REGION.search(urlsplit(deployment.base_url or "").hostname or "")
    return found[1] if found else None

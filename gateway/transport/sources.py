"""Where the credentials of deployments come from, resolved: what is read once, and what is asked again before it ends."""

from collections.abc import Mapping

import msgspec

from gateway.documents import Secret
from gateway.transport.sigv4 import AwsKeys, Scope


class Environment:
    """Variables that may hold secrets: they are not shown."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = dict(variables)

    def get(self, name: str) -> str | None:
        """None where it is not set, or empty."""
        return self._variables.get(name) or None

    def __repr__(self) -> str:
        return f"Environment({', '.join(sorted(self._variables))})"


class FixedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of AWS that are configured."""

    scope: Scope
    keys: AwsKeys


class AwsChain(msgspec.Struct, frozen=True, kw_only=True):
    """What AWS's own tools would find. `profile`: of the shared files; None is the usual one."""

    scope: Scope
    profile: str | None
    env: Environment


class GoogleAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A service account, by its key."""

    client_email: str
    private_key: Secret
    private_key_id: str | None
    token_uri: str
    oauth_scope: str


class GoogleMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's own account, by its metadata server at `host`."""

    host: str
    oauth_scope: str


class EntraApplication(msgspec.Struct, frozen=True, kw_only=True):
    """An application with a secret. `authority`: where tokens are given."""

    authority: str
    tenant: str
    client_id: str
    client_secret: Secret
    oauth_scope: str


class EntraIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's managed identity, by its endpoint; `client_id`: which, where there are several. `header`: what the endpoint
    of an app service wants to be shown.
    """

    endpoint: str
    header: Secret | None
    client_id: str | None
    oauth_scope: str


CredentialSource = (
    FixedKeys | AwsChain | GoogleAccount | GoogleMetadata | EntraApplication | EntraIdentity
)  # of one deployment, or of several alike

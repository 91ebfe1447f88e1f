"""The section `credential` of a deployment, as an operator writes it: what signs its calls, where that is no key of its own."""

from typing import Annotated

import msgspec
from msgspec import Meta

_REFERENCE = "A reference: ${env:NAME} or ${file:PATH}."


class AwsEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Calls are signed by AWS Signature Version 4. Without keys they are looked for where AWS's own tools look: the environment,
    a web identity, the shared files, a container's endpoint, the machine's metadata.
    """

    region: Annotated[
        Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$", examples=["us-east-1"])] | None,
        Meta(description="Absent: that of the address, else $AWS_REGION."),
    ] = None
    access_key_id: Annotated[str | None, Meta(description=_REFERENCE)] = None
    secret_access_key: Annotated[str | None, Meta(description=_REFERENCE)] = None
    session_token: Annotated[str | None, Meta(description=f"{_REFERENCE} Of keys that end.")] = None
    profile: Annotated[
        Annotated[str, Meta(min_length=1, max_length=128)] | None,
        Meta(description="Of the shared files. Absent: $AWS_PROFILE, else default."),
    ] = None


class GoogleEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Tokens of Google's: of a service account, or where that is absent of the machine's metadata server."""

    service_account: Annotated[str | None, Meta(description=f"Its key, the JSON as Google gives it. {_REFERENCE}")] = (
        None
    )
    scope: Annotated[str, Meta(min_length=1, max_length=512)] = "https://www.googleapis.com/auth/cloud-platform"


class EntraEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Tokens of Microsoft Entra: of an application with a secret, or where that is absent of the machine's managed identity."""

    tenant: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]{1,128}$", examples=["contoso.onmicrosoft.com"])] | None,
        Meta(description="The directory's id or domain."),
    ] = None
    client_id: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,128}$", examples=["00000000-0000-0000-0000-000000000000"])]
        | None,
        Meta(description="The application's; of a managed identity where the machine has several."),
    ] = None
    client_secret: Annotated[str | None, Meta(description=_REFERENCE)] = None
    scope: Annotated[str, Meta(min_length=1, max_length=512)] = "https://cognitiveservices.azure.com/.default"


class CredentialEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Exactly one of these. What ends is replaced before it does, beside requests."""

    aws: AwsEntry | None = None
    google: GoogleEntry | None = None
    entra: EntraEntry | None = None

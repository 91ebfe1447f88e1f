"""What is wrong with a deployment's `credential` that its shape cannot show."""

from collections.abc import Iterable, Iterator

from gateway.catalogue.credential_document import AwsEntry, CredentialEntry, EntraEntry
from gateway.documents import Document, parse_reference
from gateway.values.offer import Offer
from gateway.values.problem import Problem

_REFERENCE = "a reference like ${env:NAME} or ${file:PATH}; a secret itself never stands in a file"
_SECRETS = ("access_key_id", "secret_access_key", "session_token", "service_account", "client_secret")


def credential_problems(
    path: str, entry: CredentialEntry, offer: Offer, document: Document, *, has_key: bool
) -> Iterable[Problem]:
    """All of them. `path`: the deployment's; `has_key`: it has an `api_key`, too."""
    at = f"{path}.credential"
    given = [(name, one) for name in entry.__struct_fields__ if (one := getattr(entry, name)) is not None]
    if len(given) != 1:
        expected = "exactly one of 'aws', 'google' and 'entra'"
        yield document.problem(at, expected, " and ".join(f"'{name}'" for name, _ in given) or "none of them")
    if has_key:
        yield document.problem(at, "either 'api_key' or 'credential'", "both")
    for name, one in given:
        if (name == "aws") is not offer.is_aws:
            expected = (
                "'aws' for a provider on AWS" if offer.is_aws else "'aws' only for a provider on AWS, such as bedrock"
            )
            yield document.problem(f"{at}.{name}", expected, f"{name!r}")
        for secret in _SECRETS:
            reference = getattr(one, secret, None)
            if reference is not None and parse_reference(reference) is None:
                yield document.problem(f"{at}.{name}.{secret}", _REFERENCE, "a value that is not shown")
    if entry.aws is not None:
        yield from _of_aws(f"{at}.aws", entry.aws, document)
    if entry.entra is not None:
        yield from _of_entra(f"{at}.entra", entry.entra, document)


def _of_aws(at: str, entry: AwsEntry, document: Document) -> Iterator[Problem]:
    if (entry.access_key_id is None) is not (entry.secret_access_key is None):
        yield document.problem(at, "both of 'access_key_id' and 'secret_access_key', or neither", "one of them")
    if entry.session_token is not None and entry.access_key_id is None:
        yield document.problem(f"{at}.session_token", "the keys that it belongs to", "none")
    if entry.profile is not None and entry.access_key_id is not None:
        yield document.problem(f"{at}.profile", "either keys or a profile", "both")


def _of_entra(at: str, entry: EntraEntry, document: Document) -> Iterator[Problem]:
    is_application = entry.client_secret is not None
    if is_application and (entry.tenant is None or entry.client_id is None):
        yield document.problem(at, "'tenant' and 'client_id' beside 'client_secret'", "not all of them")
    if not is_application and entry.tenant is not None:
        yield document.problem(
            f"{at}.tenant", "a 'client_secret', or no tenant: a managed identity has its own", "neither"
        )

"""What is wrong with a deployment's `credential`, in words and at its place; and what a good one becomes."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.transport.sources import (
    AwsChain,
    EntraApplication,
    EntraIdentity,
    FixedKeys,
    GoogleAccount,
    GoogleMetadata,
)
from tests.test_settings import CANARY, refused, settings

BEDROCK = (
    "{provider: bedrock, base_url: 'https://bedrock-runtime.eu-west-1.amazonaws.com', model: m, hosting: commercial"
)
OTHER = "{provider: openai_compatible, base_url: 'http://h/v1', model: m, hosting: commercial"


def text(credential: str, head: str = BEDROCK) -> str:
    return f"deployments:\n  a: {head}, credential: {credential}}}\n"


@pytest.mark.parametrize(
    ("credential", "head", "place", "words"),
    [
        ("{}", BEDROCK, "", "exactly one of 'aws', 'google' and 'entra', found none of them"),
        ("{aws: {}, google: {}}", BEDROCK, "", "found 'aws' and 'google'"),
        ("{aws: {}}, api_key: '${env:UP}'", BEDROCK, "", "either 'api_key' or 'credential'"),
        ("{aws: {}}", OTHER, ".aws", "'aws' only for a provider on AWS, such as bedrock"),
        ("{google: {}}", BEDROCK, ".google", "'aws' for a provider on AWS"),
        ("{aws: {access_key_id: '${env:UP}'}}", BEDROCK, ".aws", "both of 'access_key_id' and 'secret_access_key', or neither"),
        (f"{{aws: {{access_key_id: {CANARY}, secret_access_key: '${{env:UP}}'}}}}", BEDROCK, ".aws.access_key_id", "a reference like"),
        ("{aws: {session_token: '${env:UP}'}}", BEDROCK, ".aws.session_token", "the keys that it belongs to"),
        ("{aws: {profile: p, access_key_id: '${env:UP}', secret_access_key: '${env:UP}'}}", BEDROCK, ".aws.profile", "either keys or a profile"),
        ("{aws: {region: 'not a region'}}", BEDROCK, ".aws.region", "text like us-east-1"),
        ("{aws: {key: x}}", BEDROCK, ".aws.key", "one of access_key_id, profile, region, secret_access_key, session_token"),
        ("{google: {service_account: '${env:UP}'}}", OTHER, ".google.service_account", "a service account's key as Google gives it"),
        ("{google: {service_account: '${env:NONE}'}}", OTHER, ".google.service_account", "the environment variable NONE to be set"),
        ("{entra: {client_secret: '${env:UP}'}}", OTHER, ".entra", "'tenant' and 'client_id' beside 'client_secret'"),
        ("{entra: {tenant: t}}", OTHER, ".entra.tenant", "a managed identity has its own"),
        ("{entra: {tenant: 'a/b', client_id: c, client_secret: '${env:UP}'}}", OTHER, ".entra.tenant", "text like contoso"),
        (f"{{entra: {{tenant: t, client_id: c, client_secret: {CANARY}}}}}", OTHER, ".entra.client_secret", "a reference like"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, credential: str, head: str, place: str, words: str) -> None:
    problems = refused(tmp_path, text(credential, head))
    told = {one.path: str(one) for one in problems}
    assert words in told[f"deployments.a.credential{place}"]
    assert len(problems) <= 2  # what is left out because it is wrong may be missed


def test_a_region_is_the_addresss_else_the_environments_else_missing(tmp_path: Path) -> None:
    def region(base_url: str, own: str = "", **env: str) -> str:
        head = f"{{provider: bedrock, base_url: '{base_url}', model: m, hosting: commercial"
        source = settings(tmp_path, text(f"{{aws: {{{own}}}}}", head), **env).credentials["a"]
        assert isinstance(source, AwsChain)
        return source.scope.region

    assert region("https://bedrock-runtime.eu-west-1.amazonaws.com") == "eu-west-1"
    assert region("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", AWS_REGION="x") == "us-gov-west-1"
    assert region("https://vpce-1a2b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com") == "ap-southeast-2"
    assert region("https://bedrock.internal", AWS_REGION="eu-north-1") == "eu-north-1"
    assert region("https://bedrock.internal", AWS_DEFAULT_REGION="eu-north-1") == "eu-north-1"
    assert region("https://bedrock-runtime.eu-west-1.amazonaws.com", "region: us-east-1") == "us-east-1"
    (problem,) = refused(tmp_path, text("{aws: {}}", BEDROCK.replace("bedrock-runtime.eu-west-1.amazonaws.com", "h")))
    assert problem.path == "deployments.a.credential.aws.region"


@pytest.mark.parametrize(
    ("credential", "head", "kind"),
    [
        ("{aws: {access_key_id: '${env:APP}', secret_access_key: '${env:UP}', session_token: '${env:UP}'}}", BEDROCK, FixedKeys),
        ("{aws: {profile: work}}", BEDROCK, AwsChain),
        ("{google: {}}", OTHER, GoogleMetadata),
        ("{google: {service_account: '${file:sa.json}'}}", OTHER, GoogleAccount),
        ("{entra: {tenant: t, client_id: c, client_secret: '${env:UP}'}}", OTHER, EntraApplication),
        ("{entra: {}}", OTHER, EntraIdentity),
    ],
)  # fmt: skip
def test_a_good_one_shows_no_secret(tmp_path: Path, credential: str, head: str, kind: Any) -> None:
    key = {"client_email": "a@b", "private_key": f"-----BEGIN\n{CANARY}\n", "project_id": "p"}
    (tmp_path / "sa.json").write_text(json.dumps(key))
    loaded = settings(tmp_path, text(credential, head), AWS_SECRET_ACCESS_KEY=CANARY)
    assert isinstance(loaded.credentials["a"], kind)
    assert CANARY not in repr(loaded)

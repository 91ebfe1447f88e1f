"""Credentials that end, on virtual time, in front of token endpoints that are real servers: had, replaced before they end, lost
when they cannot be, and had again. No request waits for one.
"""

import asyncio
import datetime as dt
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2 as httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.documents import Secret
from gateway.transport.sigv4 import AwsKeys, Unsigned
from gateway.transport.sources import AwsChain, Environment
from gateway.watch.credentials.aws import of_chain
from gateway.watch.credentials.fetched import CannotRefresh
from tests.dialects.bedrock.support import CLAUDE
from tests.support.in_process import InProcessGateway, InProcessScripted
from tests.support.scripted import Asked, completion, response
from tests.support.virtual_time import VirtualTime
from tests.transport.test_sigv4 import SCOPE, theirs

LIFETIME_S = 3600
Reply = Callable[[Asked], bytes | None]
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
}


def always(reply: Reply) -> Callable[[Asked], Awaitable[bytes | None]]:
    async def answer(asked: Asked) -> bytes | None:
        return reply(asked)

    return answer


class Tokens:
    """A token endpoint: a new token each time, unless it is out of order."""

    def __init__(self, lifetime_s: float = LIFETIME_S) -> None:
        self.lifetime_s = lifetime_s
        self.given = 0
        self.broken: bytes | None = None

    def __call__(self, _: Asked) -> bytes | None:
        if self.broken is not None:
            return self.broken
        self.given += 1
        return response(
            {"access_token": f"token-{self.given}-0123456789", "expires_in": self.lifetime_s, "token_type": "Bearer"}
        )


@contextmanager
def served(
    tmp_path: Path,
    tokens: Reply,
    credential: Callable[[str], dict[str, Any]],
    env: Callable[[str], dict[str, str]],
    **more: Any,
) -> Iterator[tuple[InProcessGateway, InProcessScripted, InProcessScripted]]:
    """The gateway, the token endpoint and the provider. `credential` and `env` get the endpoint's address. A spare deployment
    needs no credential.
    """
    answer = ANSWER if more.get("provider") == "bedrock" else completion()
    with (
        VirtualTime() as virtual,
        InProcessScripted(virtual, always(tokens)) as endpoint,
        InProcessScripted(virtual, always(lambda _: response(answer))) as provider,
        InProcessScripted(virtual, always(lambda _: response(completion("spare")))) as spare,
    ):
        url = endpoint.base_url.removesuffix("/v1")
        base_url = provider.base_url.removesuffix("/v1") if more.get("provider") == "bedrock" else provider.base_url
        first = {"provider": "openai_compatible", "model": "m", "base_url": base_url, **more}
        second = {"provider": "openai_compatible", "model": "m", "base_url": spare.base_url}
        config = {
            "deployments": {
                "a": {"hosting": "commercial", **first, "credential": credential(url)},
                "b": {"hosting": "commercial", **second},
            },
            "models": {"pool": {"deployments": ["a", "b"]}},
        }
        with InProcessGateway(virtual, tmp_path, config, env(url)) as gateway:
            yield gateway, endpoint, provider


APPLICATION = {"tenant": "t", "client_id": "c", "client_secret": "${env:SECRET}"}


def entra(tmp_path: Path, tokens: Reply) -> Any:
    return served(
        tmp_path,
        tokens,
        lambda _: {"entra": APPLICATION},
        lambda url: {"SECRET": "sk-entra-secret", "AZURE_AUTHORITY_HOST": url},
    )


def bearer(provider: InProcessScripted) -> str:
    return provider.asked[-1].headers["authorization"]


def answered_by(gateway: InProcessGateway, model: str = "pool") -> str:
    (answer,) = gateway.chats(model)
    assert answer.status == 200, answer.body
    return answer.headers["x-gateway-deployment"]


def state(gateway: InProcessGateway) -> dict[str, Any]:
    found: dict[str, Any] = gateway.get("/admin/deployments").json()["record"][0]["credential"]
    return found


def wait_until_asked(gateway: InProcessGateway, tokens: Tokens, count: int, within_s: float = 4000) -> float:
    return gateway.virtual.wait_for(lambda: tokens.given >= count, within_s=within_s, every_s=20)


def test_a_token_is_replaced_before_it_ends(tmp_path: Path) -> None:
    tokens = Tokens()
    with entra(tmp_path, tokens) as (gateway, endpoint, provider):
        wait_until_asked(gateway, tokens, 1)
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        assert answered_by(gateway) == "a"
        assert bearer(provider) == "Bearer token-1-0123456789"
        form = parse_qs(endpoint.asked[0].body.decode())
        assert endpoint.asked[0].path == "/t/oauth2/v2.0/token"
        assert form["client_secret"] == ["sk-entra-secret"]
        assert form["scope"] == ["https://cognitiveservices.azure.com/.default"]
        after_s = wait_until_asked(gateway, tokens, 2)
        assert 0.5 * LIFETIME_S < after_s < LIFETIME_S - 500
        assert answered_by(gateway) == "a"
        assert bearer(provider) == "Bearer token-2-0123456789"
        assert state(gateway)["is_valid"]
        assert gateway.metric('gateway_credential_refreshes_total{deployment="a",result="ok"}') == 2


def test_a_refresh_that_fails_is_seen_and_the_old_one_serves_until_it_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens()
    with entra(tmp_path, tokens) as (gateway, _, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        tokens.broken = response({"error": "invalid_client", "error_description": "sk-entra-secret is wrong"}, 401)
        gateway.virtual.sleep(LIFETIME_S - 200)
        assert answered_by(gateway) == "a"  # the old one serves
        told = state(gateway)
        assert told["is_valid"]
        assert told["failures"] > 3
        assert told["error"] == "127.0.0.1 answered HTTP 401 (invalid_client)"
        assert (
            "could not be refreshed: 127.0.0.1 answered HTTP 401 (invalid_client); the one before serves" in caplog.text
        )
        gateway.virtual.sleep(300)
        sent = len(provider.asked)
        assert answered_by(gateway) == "b"  # at once: it is not asked
        assert len(provider.asked) == sent
        assert gateway.states()["a"] == "down"
        assert not state(gateway)["is_valid"]
        assert gateway.metric('gateway_credential_valid{deployment="a"}') == 0
        (alone,) = gateway.chats("a")
        assert (alone.status, alone.all_s < 0.5) == (503, True)
        tokens.broken = None
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=70, every_s=1)
        assert answered_by(gateway) == "a"
        assert state(gateway)["failures"] == 0
        assert "sk-entra-secret" not in caplog.text
        assert "token-1" not in caplog.text


def test_what_was_decided_before_it_ended_is_refused_and_the_fallback_is_taken(tmp_path: Path) -> None:
    tokens = Tokens()
    with entra(tmp_path, tokens) as (gateway, _, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        kept = gateway.app._credentials.of("a")
        assert kept is not None
        kept.replace(Secret("another-token"), ends_at=time.time() - 1)
        (answer,) = gateway.chats("pool")
        record = gateway.decision(answer.headers["x-gateway-decision"])["record"]
        assert [(one["deployment"], one["outcome"]) for one in record["attempts"]] == [
            ("a", "no_credential"),
            ("b", "ok"),
        ]
        assert not provider.asked


NO_TOKENS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}x",
    response({}),
    response({"access_token": 7, "expires_in": 3600}),
    response({"access_token": "a\nb", "expires_in": 3600}),
    response({"access_token": "", "expires_in": 3600}),
    response({"access_token": "good", "expires_in": -5}),
    response({"access_token": "good", "expires_in": "soon"}),
    response(b'{"access_token": "good", "expires_in": 1e400}'),
    response({"access_token": "good"}),
    response(b"\xff\xfe"),
    response(b"[" * 5000),
    response(b" " * 300_000),
    response("moved", 302, location="http://127.0.0.1:1/"),
    response("no", 500),
    None,
]


def test_what_is_no_token_is_none(tmp_path: Path) -> None:
    tokens = Tokens()
    left = list(NO_TOKENS)
    with entra(tmp_path, lambda asked: left.pop() if tokens.given and left else tokens(asked)) as (gateway, _, __):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        gateway.virtual.wait_for(lambda: not left, within_s=4000, every_s=5)
        told = state(gateway)
        assert told["failed_refreshes"] >= len(NO_TOKENS) - 1
        assert tokens.given == 1
        assert told["is_valid"]
        assert "bug" not in (told["error"] or "")
        assert answered_by(gateway) == "a"


def test_an_endpoint_that_says_nothing_holds_no_request(tmp_path: Path) -> None:
    async def silent(_: Asked) -> bytes | None:
        await asyncio.sleep(1e6)
        return None

    with VirtualTime() as virtual, InProcessScripted(virtual, silent) as endpoint:
        config = {
            "deployments": {
                "a": {"hosting": "commercial", "provider": "openai_compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1",
                      "credential": {"google": {}}},
                "b": {"hosting": "commercial", "provider": "openai_compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
            }
        }  # fmt: skip
        host = endpoint.base_url.removeprefix("http://").removesuffix("/v1")
        with InProcessGateway(virtual, tmp_path, config, {"GCE_METADATA_HOST": host}) as gateway:
            (answer,) = gateway.chats("a")
            assert (answer.status, answer.all_s < 0.5) == (503, True)
            virtual.sleep(60)
            assert state(gateway)["failures"] > 1
            assert "could not be asked" in state(gateway)["error"]


def test_a_provider_that_refuses_it_has_it_refreshed_early(tmp_path: Path) -> None:
    tokens = Tokens()
    with entra(tmp_path, tokens) as (gateway, _, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        provider._reply = always(lambda _: response({"error": {"message": "revoked"}}, 401))
        gateway.virtual.sleep(120)
        assert answered_by(gateway) == "b"
        wait_until_asked(gateway, tokens, 2, within_s=5)
        for _ in range(5):
            gateway.chats("pool")
        gateway.virtual.sleep(5)
        assert tokens.given == 2  # not with each request


def test_deployments_with_the_same_credential_share_it(tmp_path: Path) -> None:
    tokens = Tokens()
    with VirtualTime() as virtual, InProcessScripted(virtual, always(tokens)) as endpoint:
        one = {
            "hosting": "commercial",
            "provider": "openai_compatible",
            "model": "m",
            "base_url": "http://127.0.0.1:1/v1",
        }
        config = {"deployments": {name: {**one, "credential": {"entra": APPLICATION}} for name in "abc"}}
        url = endpoint.base_url.removesuffix("/v1")
        with InProcessGateway(
            virtual, tmp_path, config, {"SECRET": "sk-entra-secret", "AZURE_AUTHORITY_HOST": url}
        ) as gateway:
            virtual.wait_for(lambda: "down" not in gateway.states().values(), within_s=5)
            assert tokens.given == 1


# -- each kind of source


def test_a_google_service_account_signs_its_grant(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    tokens = Tokens()
    account = {
        "type": "service_account",
        "client_email": "x@y.iam.gserviceaccount.com",
        "private_key": pem,
        "private_key_id": "k1",
    }

    def credential(url: str) -> dict[str, Any]:
        (tmp_path / "sa.json").write_text(json.dumps({**account, "token_uri": f"{url}/token"}))
        return {"google": {"service_account": "${file:sa.json}"}}

    with served(tmp_path, tokens, credential, lambda _: {}) as (gateway, endpoint, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        form = parse_qs(endpoint.asked[0].body.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        told = jwt.decode(
            form["assertion"][0], key.public_key(), algorithms=["RS256"], audience=f"{endpoint.base_url[:-3]}/token",
            options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
        assert told["iss"] == account["client_email"]
        assert told["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        assert told["exp"] - told["iat"] == 3600
        assert jwt.get_unverified_header(form["assertion"][0])["kid"] == "k1"
        assert answered_by(gateway) == "a"
        assert bearer(provider) == "Bearer token-1-0123456789"


def test_a_google_key_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "sa.json").write_text(json.dumps({"client_email": "x", "private_key": "nonsense"}))
    source = {"google": {"service_account": "${file:sa.json}"}}
    with served(tmp_path, Tokens(), lambda _: source, lambda _: {}) as (gateway, _, __):
        gateway.virtual.wait_for(lambda: state(gateway)["failures"] > 0, within_s=5)
        assert state(gateway)["error"] == "the service account's private_key is no key"
        assert answered_by(gateway) == "b"


def test_googles_metadata_server(tmp_path: Path) -> None:
    tokens = Tokens()
    host = lambda url: {"GCE_METADATA_HOST": url.removeprefix("http://")}  # noqa: E731
    with served(tmp_path, tokens, lambda _: {"google": {}}, host) as (gateway, endpoint, _):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        asked = endpoint.asked[0]
        assert asked.path.startswith(
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2F"
        )
        assert asked.headers["metadata-flavor"] == "Google"


@pytest.mark.parametrize("header", [None, "an-app-services"])
def test_a_managed_identity(tmp_path: Path, header: str | None) -> None:
    def tokens(_: Asked) -> bytes:
        return response({"access_token": "t" * 20, "expires_on": str(int(time.time()) + 3600), "resource": "x"})

    env = lambda url: {"IDENTITY_ENDPOINT": f"{url}/msi", **({"IDENTITY_HEADER": header} if header else {})}  # noqa: E731
    with served(tmp_path, tokens, lambda _: {"entra": {"client_id": "me"}}, env) as (gateway, endpoint, _):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        path, _, query = endpoint.asked[0].path.partition("?")
        version = "2018-02-01" if header is None else "2019-08-01"
        assert path == "/msi"
        assert parse_qs(query) == {
            "api-version": [version], "resource": ["https://cognitiveservices.azure.com"], "client_id": ["me"],
        }  # fmt: skip
        assert endpoint.asked[0].headers.get("x-identity-header") == header
        assert endpoint.asked[0].headers.get("metadata") == ("true" if header is None else None)


# -- AWS


def signed_by(asked: Asked) -> str:
    """Which key pair signed a call; the signature is right."""
    pairs = {
        "AKIAENV": AwsKeys("AKIAENV", Secret("env-secret")),
        "AKIATEMP": AwsKeys("AKIATEMP", Secret("temp/secret+"), Secret("session-token-0123456789")),
    }
    given = asked.headers["authorization"]
    keys = pairs[given.partition("Credential=")[2].partition("/")[0]]
    at = dt.datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
    named = {name: asked.headers[name] for name in ("content-type", "host")}
    call = Unsigned("POST", asked.path, named, "")
    expected = theirs(call, asked.body, keys, SCOPE, at, host=asked.headers["host"])
    assert given == expected["authorization"]
    assert asked.headers.get("x-amz-security-token") == expected.get("x-amz-security-token")
    return keys.access_key_id


def bedrock(tmp_path: Path, keys: Reply, aws: dict[str, Any], env: Callable[[str], dict[str, str]]) -> Any:
    more = {"provider": "bedrock", "model": CLAUDE}
    return served(tmp_path, keys, lambda _: {"aws": {"region": "us-east-1", **aws}}, env, **more)


def temporary(**more: Any) -> dict[str, Any]:
    ends = dt.datetime.fromtimestamp(time.time() + 3600, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "AccessKeyId": "AKIATEMP",
        "SecretAccessKey": "temp/secret+",
        "Token": "session-token-0123456789",
        "Expiration": ends,
        **more,
    }


def sts(action: str) -> bytes:
    ends = temporary()["Expiration"]
    return response(
        f"<{action}Response><{action}Result><Credentials><AccessKeyId>AKIATEMP</AccessKeyId>"
        f"<SecretAccessKey>temp/secret+</SecretAccessKey><SessionToken>session-token-0123456789</SessionToken>"
        f"<Expiration>{ends}</Expiration></Credentials></{action}Result></{action}Response>".encode()
    )  # fmt: skip


def nobody(_: Asked) -> bytes:
    return response("no", 404)


def test_keys_of_the_configuration_sign_from_the_first_request_on(tmp_path: Path) -> None:
    aws = {"access_key_id": "${env:ID}", "secret_access_key": "${env:KEY}"}
    with bedrock(tmp_path, nobody, aws, lambda _: {"ID": "AKIAENV", "KEY": "env-secret"}) as (
        gateway,
        endpoint,
        provider,
    ):
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[0]) == "AKIAENV"
        assert provider.asked[0].path == "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
        gateway.virtual.sleep(7200)
        assert not endpoint.asked
        assert state(gateway)["source"] == "AWS keys"


def test_the_chain_finds_keys_in_the_environment(tmp_path: Path) -> None:
    env = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
    with bedrock(tmp_path, nobody, {}, lambda _: env) as (gateway, _, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[0]) == "AKIAENV"


def test_the_chain_finds_a_web_identity(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.web.identity\n")
    env = lambda url: {  # noqa: E731
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ENDPOINT_URL_STS": url,
    }  # fmt: skip
    with bedrock(tmp_path, lambda _: sts("AssumeRoleWithWebIdentity"), {}, env) as (gateway, endpoint, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        form = parse_qs(endpoint.asked[0].body.decode())
        assert form["Action"] == ["AssumeRoleWithWebIdentity"]
        assert form["WebIdentityToken"] == ["a.web.identity"]
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[0]) == "AKIATEMP"


def test_the_chain_finds_a_profile_and_sees_it_change(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[work]\naws_access_key_id = AKIAENV\naws_secret_access_key = env-secret\n")
    env = lambda _: {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_CONFIG_FILE": str(tmp_path / "none")}  # noqa: E731
    with bedrock(tmp_path, nobody, {"profile": "work"}, env) as (gateway, _, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[-1]) == "AKIAENV"
        file.write_text(
            "[work]\naws_access_key_id = AKIATEMP\naws_secret_access_key = temp/secret+\n"
            "aws_session_token = session-token-0123456789\n"
        )
        gateway.virtual.sleep(65)
        gateway.chats("a")
        assert signed_by(provider.asked[-1]) == "AKIATEMP"
        file.write_text("not a file of profiles")
        gateway.virtual.sleep(65)
        assert state(gateway)["failures"] > 0
        assert "cannot be read" in state(gateway)["error"]
        assert answered_by(gateway) == "a"


def test_the_chain_takes_a_role_by_another_profile(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = AKIAENV\naws_secret_access_key = env-secret\n"
    )
    env = lambda url: {  # noqa: E731
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL_STS": url, "AWS_PROFILE": "work",
    }  # fmt: skip
    with bedrock(tmp_path, lambda _: sts("AssumeRole"), {}, env) as (gateway, endpoint, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        assert "Credential=AKIAENV/" in endpoint.asked[0].headers["authorization"]
        assert "/us-east-1/sts/aws4_request" in endpoint.asked[0].headers["authorization"]
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[0]) == "AKIATEMP"


def test_the_chain_finds_a_containers_keys(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pod-token")
    env = lambda url: {  # noqa: E731
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }  # fmt: skip
    with bedrock(tmp_path, lambda _: response(temporary()), {}, env) as (gateway, endpoint, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        assert endpoint.asked[0].headers["authorization"] == "pod-token"
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[0]) == "AKIATEMP"


def test_the_chain_finds_the_machines_role(tmp_path: Path) -> None:
    def metadata(asked: Asked) -> bytes:
        match asked.path:
            case "/latest/api/token":
                return (
                    response(b"imds-token")
                    if "x-aws-ec2-metadata-token-ttl-seconds" in asked.headers
                    else response("no", 400)
                )
            case "/latest/meta-data/iam/security-credentials/":
                return response(b"my-role")
            case "/latest/meta-data/iam/security-credentials/my-role":
                is_asked_well = asked.headers.get("x-aws-ec2-metadata-token") == "imds-token"
                return response(
                    temporary(Code="Success", Type="AWS-HMAC") if is_asked_well else "no", 200 if is_asked_well else 401
                )
        return response("no", 404)

    env = lambda url: {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}  # noqa: E731
    with bedrock(tmp_path, metadata, {}, env) as (gateway, endpoint, provider):
        gateway.virtual.wait_for(lambda: gateway.states()["a"] != "down", within_s=5)
        assert answered_by(gateway) == "a"
        assert signed_by(provider.asked[0]) == "AKIATEMP"
        asked = len(endpoint.asked)
        gateway.virtual.sleep(3500)
        assert len(endpoint.asked) > asked
        assert answered_by(gateway) == "a"


@pytest.mark.parametrize(
    ("profile", "env", "error"),
    [
        ("gone", {}, "no shared file has the profile gone"),
        (None, {"AWS_EC2_METADATA_DISABLED": "true"}, "$AWS_EC2_METADATA_DISABLED"),
        (None, {"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent"}, "/nonexistent cannot be read"),
        (None, {"AWS_ACCESS_KEY_ID": "a b", "AWS_SECRET_ACCESS_KEY": "x"}, "no header can carry"),
        ("sso", {}, "has sso_session, which the gateway does not use"),
        ("loop", {}, "no source_profile that ends"),
        ("half", {}, "profile half has no keys"),
    ],
)
async def test_a_chain_without_keys_says_why(
    tmp_path: Path, profile: str | None, env: dict[str, str], error: str
) -> None:
    (tmp_path / "config").write_text(
        "[profile sso]\nsso_session = x\n[profile loop]\nrole_arn = a\nsource_profile = pool\n"
        "[profile pool]\nrole_arn = a\nsource_profile = loop\n[profile half]\naws_access_key_id = a\n"
    )
    named = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), **env}
    source = AwsChain(scope=SCOPE, profile=profile, env=Environment(named))
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(CannotRefresh, match=re.escape(error)):
            await of_chain(client, source, time.time())
    assert "x" not in repr(source.env).replace("nonexistent", "").split()


def test_a_session_token_that_the_provider_repeats_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aws = {"access_key_id": "${env:ID}", "secret_access_key": "${env:KEY}", "session_token": "${env:TOKEN}"}
    env = {"ID": "AKIATEMP", "KEY": "temp/secret+", "TOKEN": "session-token-0123456789"}
    said = {
        "message": "The Canonical String should have been x-amz-security-token:session-token-0123456789 temp/secret+"
    }
    with bedrock(tmp_path, nobody, aws, lambda _: env) as (gateway, _, provider):
        for status, kind in ((403, "InvalidSignatureException"), (400, "ValidationException")):
            provider._reply = always(lambda _, s=status, k=kind: response(said, s, **{"x-amzn-errortype": k}))
            (answer,) = gateway.chats("a")
            record = gateway.decision(answer.headers["x-gateway-decision"])
            for told in (answer.body.decode(), json.dumps(record), caplog.text):
                assert "session-token-0123456789" not in told
                assert "temp/secret+" not in told

"""Keys of AWS that are given over HTTP: by a security token service, a container's endpoint, or a machine's metadata.

Source: AWS, Security Token Service API reference 2011-06-15, "Container credential provider" and "IMDS credential provider" of
the SDKs and Tools Reference Guide, and "Use IMDSv2" of the EC2 user guide (2026-11). IMDSv1 is not asked.
"""

import datetime as dt
import hashlib
import re
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec

from gateway.documents import Secret
from gateway.transport.sigv4 import AwsKeys, Scope, Unsigned, signed_headers
from gateway.transport.sources import Environment
from gateway.watch.credentials.aws_files import text_of
from gateway.watch.credentials.fetched import CannotRefresh, Fetched, asked, header_safe

_STS_VERSION = "2011-06-15"
_CONTAINER = "http://169.254.170.2"
_MACHINE = "http://169.254.169.254"
_MACHINE_KEYS = "/latest/meta-data/iam/security-credentials/"
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,128}")
_FORM = "application/x-www-form-urlencoded"
_TAGS = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


class _Keys(msgspec.Struct, rename="pascal"):
    access_key_id: str
    secret_access_key: str
    expiration: str | None = None
    token: str | None = None


class Role(msgspec.Struct, frozen=True):
    """Which role is taken, and under what name of a session."""

    arn: str
    session: str = "gateway"


async def of_web_identity(
    client: httpx2.AsyncClient, env: Environment, region: str, role: Role, token_file: str
) -> Fetched:
    """The keys of a role, for a token that the platform keeps in a file. Raises CannotRefresh."""
    form = _form("AssumeRoleWithWebIdentity", role) | {"WebIdentityToken": text_of(token_file)}
    body = await asked(client, "POST", _sts(env, region), {"content-type": _FORM, "accept": "text/xml"}, form)
    return _of_xml(body)


async def of_role(  # noqa: PLR0913, PLR0917 - what a signed call takes
    client: httpx2.AsyncClient, env: Environment, region: str, role: Role, keys: AwsKeys, now: float
) -> Fetched:
    """The keys of a role that others may take. Raises CannotRefresh."""
    url = _sts(env, region)
    form = _form("AssumeRole", role)
    digest = hashlib.sha256(urlencode(form).encode()).hexdigest()
    headers = {"host": urlsplit(url).netloc, "content-type": _FORM}
    call = Unsigned("POST", urlsplit(url).path or "/", headers, digest)
    signed = signed_headers(call, keys, Scope(region, "sts"), now)
    return _of_xml(await asked(client, "POST", url, {"content-type": _FORM, "accept": "text/xml", **signed}, form))


async def of_container(client: httpx2.AsyncClient, env: Environment) -> Fetched | None:
    """None where the process is in no such container. Raises CannotRefresh."""
    relative = env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") if relative is None else f"{_CONTAINER}{relative}"
    if url is None:
        return None
    token, file = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if file is not None:
        token = text_of(file)
    if token is not None and not token.isprintable():
        raise CannotRefresh("the container's authorization token has a line break")
    headers = {} if token is None else {"authorization": token}
    return _of_json(await asked(client, "GET", url, headers))


async def of_machine(client: httpx2.AsyncClient, env: Environment) -> Fetched:
    """The keys of the role of this machine. Raises CannotRefresh."""
    if (env.get("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
        raise CannotRefresh("no keys were found, and $AWS_EC2_METADATA_DISABLED says not to ask the machine for any")
    root = (env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _MACHINE).rstrip("/")
    ttl = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
    token = (await asked(client, "PUT", f"{root}/latest/api/token", ttl)).decode("latin-1").strip()
    if not header_safe(token):
        raise CannotRefresh("the machine's metadata gave no token")
    headers = {"x-aws-ec2-metadata-token": token}
    listed = (await asked(client, "GET", f"{root}{_MACHINE_KEYS}", headers)).decode("utf-8", "replace").split()
    if not listed or not _ROLE_NAME.fullmatch(listed[0]):
        raise CannotRefresh("this machine has no role")
    return _of_json(await asked(client, "GET", f"{root}{_MACHINE_KEYS}{listed[0]}", headers))


def _form(action: str, role: Role) -> dict[str, str]:
    return {"Action": action, "Version": _STS_VERSION, "RoleArn": role.arn, "RoleSessionName": role.session}


def _sts(env: Environment, region: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return env.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.{suffix}/"


def _of_json(body: bytes) -> Fetched:
    try:
        found = msgspec.json.decode(body, type=_Keys)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CannotRefresh("the answer holds no keys") from None
    return _fetched(found.access_key_id, found.secret_access_key, found.token, found.expiration)


def _of_xml(body: bytes) -> Fetched:
    text = body.decode("utf-8", "replace")
    found = [re.search(rf"<{tag}>\s*([^<\s]+)\s*</{tag}>", text) for tag in _TAGS]
    key_id, secret, token, ends = (None if one is None else one[1] for one in found)
    if key_id is None or secret is None:
        raise CannotRefresh("the answer holds no keys")
    return _fetched(key_id, secret, token, ends)


def _fetched(key_id: str, secret: str, token: str | None, ends: str | None) -> Fetched:
    if not all(map(header_safe, (key_id, secret, *(() if token is None else (token,))))):
        raise CannotRefresh("the answer holds keys that no header can carry")
    keys = AwsKeys(key_id, Secret(secret), Secret(token) if token else None)
    try:
        date = dt.datetime.fromisoformat(ends or "")
    except ValueError:
        raise CannotRefresh("the answer does not say when its keys end") from None
    return Fetched(keys, (date if date.tzinfo is not None else date.replace(tzinfo=dt.UTC)).timestamp())

"""Signatures are those that botocore makes, of whatever is sent."""

import datetime as dt
import hashlib
import string
from unittest.mock import patch

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents import Secret
from gateway.transport.sigv4 import AwsKeys, Scope, Unsigned, signed_headers

AT = 1_795_000_000.0
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
SCOPE = Scope("us-east-1", "bedrock")
KEYS = AwsKeys("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
UNRESERVED = string.ascii_letters + string.digits + "-._~"
SEGMENTS = st.text(UNRESERVED + "%:@!$&'()*+,;=", max_size=12) | st.sampled_from(["..", ".", "", "a%2Fb", "%3A"])
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda parts: "/" + "/".join(parts)).filter(lambda path: path[:2] != "//")
PARTS = st.text(UNRESERVED + "%+:", max_size=6)
QUERIES = st.lists(st.tuples(PARTS, st.none() | PARTS), max_size=4).map(
    lambda pairs: "&".join(name if value is None else f"{name}={value}" for name, value in pairs)
)
VALUES = st.text(string.ascii_letters + string.digits + " \t,;=\"'/:", max_size=16)
OWN = st.dictionaries(st.sampled_from(["x-amz-a", "x-amzn-bedrock-trace", "x-amz-z-1"]), VALUES, max_size=3)
KEY_PAIRS = st.builds(
    AwsKeys,
    st.text(string.ascii_uppercase + string.digits, min_size=4, max_size=12),
    st.text(string.ascii_letters + "+/=", min_size=1, max_size=40).map(Secret),
    st.none() | st.text(string.ascii_letters + "+/=", min_size=1, max_size=60).map(Secret),
)


def theirs(call: Unsigned, body: bytes, keys: AwsKeys, scope: Scope, at: float, host: str = HOST) -> dict[str, str]:
    """What botocore adds to the headers that are signed here."""
    token = keys.session_token and keys.session_token.reveal()
    headers = {name: value for name, value in call.headers.items() if name not in ("host", "accept", "x-request-id")}
    request = AWSRequest(call.method, f"https://{host}{call.target}", headers=headers, data=body)
    signer = botocore.auth.SigV4Auth(
        Credentials(keys.access_key_id, keys.secret_access_key.reveal(), token), scope.service, scope.region
    )
    with patch("botocore.auth.get_current_datetime", return_value=dt.datetime.fromtimestamp(at, dt.UTC)):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items() if name.lower() not in headers}


def unsigned(target: str, body: bytes = b"{}", **more: str) -> Unsigned:
    headers = {"host": HOST, "content-type": "application/json", "accept": "*/*", "x-request-id": "r"}
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return Unsigned("POST", target, {**headers, **named}, hashlib.sha256(body).hexdigest())


@given(PATHS, QUERIES, OWN, st.binary(max_size=40), KEY_PAIRS, st.integers(0, 4_000_000_000))
def test_a_signature_is_botocores(
    path: str, query: str, own: dict[str, str], body: bytes, keys: AwsKeys, at: int
) -> None:
    call = unsigned(f"{path}?{query}" if query else path, body, **own)
    assert signed_headers(call, keys, SCOPE, at) == theirs(call, body, keys, SCOPE, at)


def test_a_models_name_is_encoded_once_where_it_is_sent_and_twice_where_it_is_signed() -> None:
    arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v2%3A1/converse"
    call = unsigned(arn)
    assert signed_headers(call, KEYS, SCOPE, AT) == theirs(call, b"{}", KEYS, SCOPE, AT)


def test_what_a_proxy_may_change_is_not_signed() -> None:
    found = signed_headers(unsigned("/x"), KEYS, SCOPE, AT)
    assert "SignedHeaders=content-type;host;x-amz-date," in found["authorization"]
    assert set(found) == {"authorization", "x-amz-date"}


def test_what_is_signed_shows_no_secret() -> None:
    keys = AwsKeys("AKIDEXAMPLE", Secret("the-secret-itself"), Secret("the-session-token"))
    found = signed_headers(unsigned("/x"), keys, SCOPE, AT)
    assert "the-secret-itself" not in str(found)
    assert found["x-amz-security-token"] == "the-session-token"
    assert "the-" not in repr(keys)

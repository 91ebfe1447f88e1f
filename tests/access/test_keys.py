"""Keys are found by the hash of the whole token, and a caller's token is never a guess."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import ConflictingCredentials, Key, Keyring, digest, parse_credentials
from gateway.values.caller import Caller, Role

TOKEN = "canary-8c1f0e-" + "x" * 50
APP = Caller(key="app", role=Role.APPLICATION, models=frozenset({"chat"}))
BOSS = Caller(key="boss", role=Role.OPERATOR)


def test_a_digest_is_sha256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest("\u00e9") == hashlib.sha256("\u00e9".encode()).hexdigest()


def test_callers_are_found_by_the_whole_token() -> None:
    keyring = Keyring([Key(digest(TOKEN), APP), Key(digest(TOKEN + "y"), BOSS)])
    assert keyring.find(TOKEN) is APP
    assert keyring.find(TOKEN + "y") is BOSS
    for wrong in ("", TOKEN[:-1], TOKEN[:20], TOKEN + "z", TOKEN.upper(), digest(TOKEN), f" {TOKEN}"):
        assert keyring.find(wrong) is None


@given(st.text(), st.text())
def test_only_the_same_token_is_found(one: str, other: str) -> None:
    assert Keyring([Key(digest(one), APP)]).find(other) == (APP if one == other else None)


def test_an_empty_keyring_knows_no_one() -> None:
    assert Keyring([]).is_empty()
    assert Keyring([]).find("") is None
    assert not Keyring([Key(digest(TOKEN), APP)]).is_empty()


def test_the_token_is_held_nowhere() -> None:
    keyring = Keyring([Key(digest(TOKEN), APP)])
    for shown in (repr(Key(digest(TOKEN), APP)), repr(keyring), repr(vars(keyring))):
        assert TOKEN[:14] not in shown


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer a"}, "a"),
        ({"authorization": "BEARER   a  "}, "a"),
        ({"authorization": "Bearer a b"}, "a b"),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Bearer "}, None),
        ({"authorization": ""}, None),
        ({"authorization": "a"}, None),
        ({"authorization": "Basic YTpi"}, None),
        ({"authorization": "Bearera"}, None),
        ({"x-api-key": "a"}, "a"),
        ({"x-api-key": " a "}, "a"),
        ({"x-api-key": ""}, None),
        ({"x-api-key": "a", "authorization": "Bearer a"}, "a"),
        ({"x-api-key": "a", "authorization": "Bearer "}, "a"),
        ({"x-api-key": "", "authorization": "Bearer a"}, "a"),
        ({"x-api-key": "a", "authorization": "Basic YTpi"}, "a"),
        ({"cookie": "a", "api-key": "a"}, None),
    ],
)
def test_credentials(headers: dict[str, str], token: str | None) -> None:
    assert parse_credentials(headers) == token


def test_two_different_tokens_are_no_guess() -> None:
    with pytest.raises(ConflictingCredentials) as caught:
        parse_credentials({"x-api-key": TOKEN, "authorization": "Bearer b"})
    assert TOKEN not in repr(caught.value)


def test_what_a_caller_may() -> None:
    assert (APP.may_use("chat"), APP.may_use("other"), BOSS.may_use("other")) == (True, False, True)
    assert (APP.has_role(Role.OPERATOR), APP.has_role(Role.APPLICATION)) == (False, True)
    assert (BOSS.has_role(Role.OPERATOR), BOSS.has_role(Role.APPLICATION)) == (True, True)
    assert Caller.anonymous().has_role(Role.OPERATOR)

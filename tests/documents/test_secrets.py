"""A secret shows itself to no one who does not ask for it by `reveal`."""

import copy
import pprint

import msgspec
import pytest

from gateway.documents import Secret, SecretReference, parse_reference

CANARY = "canary-8c1f0e-secret"


class Holder(msgspec.Struct):
    secret: Secret


def test_it_is_revealed_on_request() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert copy.copy(Secret(CANARY)).reveal() == CANARY


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        format,
        pprint.pformat,
        "{!r:>40}".format,
        "%s".__mod__,
        lambda secret: f"{secret}",
        lambda secret: repr(Holder(secret)),
        lambda secret: repr({"api_key": [secret]}),
        lambda secret: str(ValueError(secret)),
        lambda secret: str(dir(secret)),
    ],
)
def test_it_is_not_shown(show: object) -> None:
    shown = show(Secret(CANARY))  # type: ignore[operator]
    assert CANARY not in shown
    assert shown


def test_it_has_no_json_and_no_attributes() -> None:
    for value in (Secret(CANARY), Holder(Secret(CANARY))):
        with pytest.raises(TypeError) as caught:
            msgspec.json.encode(value)
        assert CANARY not in str(caught.value)
    with pytest.raises(TypeError):
        vars(Secret(CANARY))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("${env:OPENAI_API_KEY}", SecretReference("env", "OPENAI_API_KEY")),
        ("${file:/run/secrets/key}", SecretReference("file", "/run/secrets/key")),
        ("${file:keys/a.key}", SecretReference("file", "keys/a.key")),
    ],
)
def test_references(text: str, reference: SecretReference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "text",
    ["", CANARY, "$OPENAI_API_KEY", "${OPENAI_API_KEY}", "${env:}", "${ENV:A}", "${env:A", "x${env:A}", "${env:A}x",
     "${env:A}${env:B}", "${env:A B}", "${vault:A}", "${env:A}\n", "env:A"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    assert parse_reference(text) is None

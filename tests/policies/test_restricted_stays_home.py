"""Restricted stays home: declared or found, wherever in the request it stands; secrets are refused."""

from typing import Any

import pytest

from tests.policies.sensitive import ACCOUNT, API_KEY, MAIL, OF_TOOLS, PLACES
from tests.support.example import Example, words

EXAMPLE = "restricted-stays-home"


def PATCH(document: dict[str, Any]) -> None:  # noqa: N802 - read by the fixture
    """Everywhere, so that capabilities do not keep at home what its sensitivity should."""
    for entry in document["deployments"].values():
        entry["capabilities"] = ["tools", "forced_tools", "vision"]


def test_public_requests_go_by_the_order_of_the_pool(example: Example) -> None:
    assert example.ask().by == "cloud"
    assert example.ask(sensitivity="internal").by == "cloud"
    example.play(cloud="error_500")
    assert example.ask().tried == ["cloud", "home"]


@pytest.mark.parametrize("sensitivity", ["confidential", "restricted"])
@pytest.mark.parametrize("stream", [False, True])
def test_declared(example: Example, sensitivity: str, stream: bool) -> None:
    answer = example.ask(sensitivity=sensitivity, stream=stream)
    assert (answer.by, answer.rule) == ("home", "sensitive-stays-home")
    assert set(answer.against("cloud")) == {"clearance", "requirement"}
    example.play(home="error_500")
    assert example.ask(sensitivity=sensitivity, stream=stream).tried == ["home", "home-2"]
    example.play(home_2="error_500")
    answer = example.ask(sensitivity=sensitivity, stream=stream)
    assert answer.status == 502
    assert answer.tried == ["home", "home-2"]
    assert "cloud" not in example.calls()


@pytest.mark.parametrize("place", [*PLACES, *OF_TOOLS])
@pytest.mark.parametrize(
    ("found", "kind", "sensitivity"), [(MAIL, "email", "confidential"), (ACCOUNT, "iban", "restricted")]
)
def test_found_wherever_it_stands(example: Example, place: str, found: str, kind: str, sensitivity: str) -> None:
    answer = example.ask(**{**PLACES, **OF_TOOLS}[place](found))
    assert answer.by == "home"
    facts = answer.decision["facts"]
    assert facts["sensitivity"] == sensitivity
    assert kind in facts["found"]
    assert example.calls() == {"home": 1}
    assert f"{sensitivity} (found: {', '.join(facts['found'])})" in answer.sentences[0]
    assert found not in repr(answer.record) + repr(answer.sentences)


@pytest.mark.parametrize("place", [*PLACES, *OF_TOOLS])
def test_keys_are_refused_and_never_repeated(example: Example, place: str) -> None:
    answer = example.ask(**{**PLACES, **OF_TOOLS}[place](API_KEY))
    assert answer.status == 403
    assert answer.error["code"] == "sensitive_content_refused"
    assert "restricted" in answer.error["message"]
    assert "api_key" in answer.error["message"]
    assert API_KEY not in answer.body.decode() + repr(answer.headers) + repr(answer.record) + repr(answer.sentences)
    assert answer.rule == "secrets-are-refused"
    assert answer.tried == []
    assert example.calls() == {}


def test_a_large_body_is_looked_at_to_its_end(example: Example) -> None:
    """Beyond 64 KiB on a thread of its own."""
    assert example.ask(words(25_000) + MAIL).by == "home"
    assert example.ask(words(25_000)).by == "cloud"
    assert example.calls(MAIL) == {"home": 1}


def test_a_declaration_lowers_nothing(example: Example) -> None:
    answer = example.ask(f"Write to {MAIL}", sensitivity="public")
    assert answer.by == "home"


def test_asking_for_the_cloud_by_its_name_helps_nobody(example: Example) -> None:
    answer = example.ask(f"Write to {MAIL}", model="cloud")
    assert answer.status == 403
    assert example.calls() == {}

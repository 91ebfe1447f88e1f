"""What the documents say that rows name, where a row once said otherwise."""

import pytest

from gateway.providers.vendor import StreamUsage, Verified
from gateway.providers.vendors import VENDORS
from gateway.values.deployment import Capability
from gateway.values.surface import Serves


@pytest.mark.parametrize("name", VENDORS)
def test_a_row_says_what_it_was_checked_against(name: str) -> None:
    row = VENDORS[name]
    assert row.verified is not Verified.NOT or "not checked" in row.source


@pytest.mark.parametrize(
    ("name", "streams"),
    [("cohere", StreamUsage.ASKED), ("databricks", StreamUsage.UNASKED), ("fireworks", StreamUsage.ASKED),
     ("huggingface", StreamUsage.ASKED), ("lm_studio", StreamUsage.ASKED), ("mistral", StreamUsage.UNASKED),
     ("ollama", StreamUsage.ASKED), ("openrouter", StreamUsage.UNASKED)],
)  # fmt: skip
def test_how_streams_come_to_say_what_was_used(name: str, streams: StreamUsage) -> None:
    assert VENDORS[name].stream_usage is streams


@pytest.mark.parametrize(
    ("name", "can", "cannot"),
    [
        ("cohere", Capability.JSON_OBJECT, Capability.FORCED_TOOLS),
        ("cohere", Capability.TOOLS, Capability.JSON_SCHEMA),
        ("cerebras", Capability.LOGPROBS, Capability.VISION),
        ("fireworks", Capability.LOGPROBS, Capability.VISION),
        ("groq", Capability.JSON_OBJECT, Capability.LOGPROBS),
        ("groq", Capability.FORCED_TOOLS, Capability.MULTIPLE_CHOICES),
        ("lm_studio", Capability.JSON_SCHEMA, Capability.JSON_OBJECT),
        ("ollama", Capability.TOOLS, Capability.FORCED_TOOLS),
        ("tgi", Capability.LOGPROBS, Capability.JSON_OBJECT),
        ("together", Capability.MULTIPLE_CHOICES, Capability.LOGPROBS),
    ],
)
def test_what_models_can_do(name: str, can: Capability, cannot: Capability) -> None:
    assert can in VENDORS[name].capabilities
    assert cannot not in VENDORS[name].capabilities


@pytest.mark.parametrize(
    ("name", "serves", "field"),
    [("cohere", Serves.EMBEDDINGS, "dimensions"), ("cohere", Serves.EMBEDDINGS, "input_type"),
     ("ollama", Serves.CHAT, "logit_bias"), ("ollama", Serves.COMPLETIONS, "echo"), ("tgi", Serves.CHAT, "logit_bias")],
)  # fmt: skip
def test_what_they_lack(name: str, serves: Serves, field: str) -> None:
    assert not VENDORS[name].takes.on(serves).lets_pass(field)


def test_azure_has_no_moderations() -> None:
    """OpenAI's SDK has no path of a deployment for them."""
    for name in ("azure", "azure_deployments"):
        assert Serves.MODERATIONS not in VENDORS[name].translators
        assert Serves.SPEECH in VENDORS[name].translators

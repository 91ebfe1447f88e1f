"""Entries become values: what an operator leaves out, and what stays unknown."""

from typing import Any

import pytest

from gateway.catalogue import CompiledCatalogue, compile_catalogue
from gateway.documents import Document, SecretReference, load_struct, parse
from gateway.providers.vendors import OFFERS
from gateway.settings import GatewayFile
from gateway.values.deployment import Capability, Deployment, EmbeddedServer, Hosting, Model, Price, Timeouts
from gateway.values.problem import Problem
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import SURFACES, Serves

LEAST = "provider: vllm, model: m, hosting: self_hosted, base_url: 'http://h:1/v1'"


def compiled(text: str) -> tuple[CompiledCatalogue, list[Problem]]:
    document: Document = parse(text, "f")
    parsed, problems = load_struct(document, GatewayFile)
    assert parsed is not None, problems
    return compile_catalogue(
        parsed.deployments, parsed.models, {name: OFFERS[name] for name in ("vllm", "openai")}, document
    )


def one(fields: str) -> Deployment:
    made, problems = compiled(f"deployments: {{a: {{{fields}}}}}")
    assert problems == []
    return made.catalogue.deployments["a"]


def test_the_least() -> None:
    assert one(LEAST) == Deployment(
        name="a",
        provider="vllm",
        model="m",
        base_url="http://h:1/v1",
        hosting=Hosting.SELF_HOSTED,
        region=None,
        clearance=Sensitivity.RESTRICTED,
        capabilities=OFFERS["vllm"].capabilities,
        context_tokens=None,
        max_output_tokens=None,
        price=None,
        timeouts=Timeouts(connect_s=3.0, first_output_s=60.0, idle_s=30.0, total_s=600.0),
        embedded=None,
        surfaces=SURFACES[Serves.CHAT] | SURFACES[Serves.COMPLETIONS],
        gauges=True,
        continues=True,
    )


def test_the_most() -> None:
    deployment = one(
        "provider: openai, model: m, hosting: commercial, base_url: 'https://h/v1/', region: no, clearance: internal, "
        "capabilities: [tools, vision], context_tokens: 9, max_output_tokens: 8, "
        "price: {input_usd_per_mtok: 0, output_usd_per_mtok: 1.5, cached_input_usd_per_mtok: 0.1}, "
        "timeouts: {connect_s: 1, first_output_s: 2, idle_s: 3, total_s: 4}"
    )
    assert (deployment.base_url, deployment.region) == ("https://h/v1", "no")
    assert deployment.clearance is Sensitivity.INTERNAL
    assert deployment.capabilities == {Capability.TOOLS, Capability.VISION}
    assert (deployment.context_tokens, deployment.max_output_tokens) == (9, 8)
    assert deployment.price == Price(input_usd_per_mtok=0.0, output_usd_per_mtok=1.5, cached_input_usd_per_mtok=0.1)
    assert deployment.timeouts == Timeouts(connect_s=1.0, first_output_s=2.0, idle_s=3.0, total_s=4.0)


@pytest.mark.parametrize(
    ("hosting", "clearance"), [("self_hosted", Sensitivity.RESTRICTED), ("commercial", Sensitivity.PUBLIC)]
)
def test_the_clearance_that_is_not_written(hosting: str, clearance: Sensitivity) -> None:
    assert one(LEAST.replace("self_hosted", hosting)).clearance is clearance


def test_an_absent_price_is_not_zero() -> None:
    assert one(LEAST).price is None
    free = one(LEAST + ", price: {input_usd_per_mtok: 0, output_usd_per_mtok: 0}").price
    assert free is not None
    assert (free.input_usd_per_mtok, free.cached_input_usd_per_mtok) == (0.0, None)


def test_embedded() -> None:
    deployment = one("provider: vllm, model: m, hosting: self_hosted, embedded: {slots: 3}")
    assert deployment.embedded == EmbeddedServer(context_tokens=8192, slots=3)
    assert deployment.base_url is None


def test_models_keep_their_order_and_keys_stay_references() -> None:
    made, problems = compiled(
        f"deployments: {{b: {{{LEAST}, api_key: '${{env:B}}'}}, a: {{{LEAST}, api_key: '${{file:k/a}}'}}, c: {{{LEAST}}}}}\n"
        "models: {m: {deployments: [c, a]}, n: {deployments: [b]}}"
    )
    assert problems == []
    assert made.api_keys == {"b": SecretReference("env", "B"), "a": SecretReference("file", "k/a")}
    assert made.catalogue.models == {
        "m": Model(name="m", deployments=("c", "a")),
        "n": Model(name="n", deployments=("b",)),
    }
    assert list(made.catalogue.deployments) == ["b", "a", "c"]


@pytest.mark.parametrize("name", ["a", "gpt-4.1", "org/model:tag", "A_1", "0", "a" * 128, "no"])
def test_names(name: str) -> None:
    made, problems = compiled(
        f"deployments: {{'{name}': {{{LEAST}}}}}\nmodels: {{'m{name[:99]}': {{deployments: ['{name}']}}}}"
    )
    assert problems == []
    assert list(made.catalogue.deployments) == [name]


@pytest.mark.parametrize("name", ["", " a", "a ", "a b", "-a", "/a", "\u00e9", "a\\n", "a" * 129, "a'' b"])
def test_wrong_names(name: str) -> None:
    quoted = f'"{name}"'
    _, problems = compiled(f"deployments: {{{quoted}: {{{LEAST}}}}}")
    assert [problem.expected for problem in problems] == ["a name of letters, digits and . _ : / - , at most 128"]


@pytest.mark.parametrize(
    "base_url",
    ["http://h", "https://h/", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1", "https://api.example.com/a/b/v1", "http://h:65535"],
)  # fmt: skip
def test_addresses(base_url: str) -> None:
    assert one(LEAST.replace("http://h:1/v1", base_url)).base_url == base_url.rstrip("/")


@pytest.mark.parametrize(
    "base_url",
    ["", "h", "h:1/v1", "//h/v1", "http://", "http:///v1", "ws://h/v1", "file:///etc/passwd", "http://h:99999", "http://h:-1",
     "http://[::1", "http://u@h", "http://u:p@h", "http://:p@h", "http://@h", "http://h?a=b", "http://h#a",
     "http://h /v1", "http://h/v 1", "http://h/v1\\r\\nx: y", "http://h\\tb/v1", "http://b\u00fccher/v1", "http://h/\u00e9"],
)  # fmt: skip
def test_wrong_addresses(base_url: str) -> None:
    _, problems = compiled(
        f'deployments: {{a: {{provider: vllm, model: m, hosting: self_hosted, base_url: "{base_url}"}}}}'
    )
    assert [problem.path for problem in problems] == ["deployments.a.base_url"]
    assert problems[0].found == "another form of address"


def test_what_is_wrong_is_said_of_every_entry() -> None:
    bad: dict[str, Any] = {name: LEAST.replace("vllm", f"v{name}") for name in "abc"}
    entries = ", ".join(f"{name}: {{{fields}}}" for name, fields in bad.items())
    _, problems = compiled(f"deployments: {{{entries}}}")
    assert [problem.path for problem in problems] == [f"deployments.{name}.provider" for name in "abc"]


def of_vendor(entry: str) -> tuple[CompiledCatalogue, list[Problem]]:
    document = parse(f"deployments: {{a: {{{entry}}}}}", "gateway.yaml")
    parsed, problems = load_struct(document, GatewayFile)
    assert parsed is not None, problems
    return compile_catalogue(parsed.deployments, parsed.models, OFFERS, document)


def test_what_a_vendor_says_where_a_deployment_does_not() -> None:
    """Its one address, its capabilities, the version of its addresses."""
    made, problems = of_vendor("provider: groq, model: m, hosting: commercial")
    assert problems == []
    found = made.catalogue.deployments["a"]
    assert found.addresses == ("https://api.groq.com/openai/v1",)
    assert Capability.TOOLS in found.capabilities
    made, problems = of_vendor("provider: groq, model: m, hosting: commercial, capabilities: []")
    assert problems == []
    assert made.catalogue.deployments["a"].capabilities == frozenset()
    place = "base_url: 'https://r.openai.azure.com/openai'"
    for more, version in (("", "2024-10-21"), (", api_version: '2025-04-01-preview'", "2025-04-01-preview")):
        made, problems = of_vendor(f"provider: azure_deployments, model: m, hosting: commercial, {place}{more}")
        assert problems == []
        assert made.catalogue.deployments["a"].api_version == version


def test_a_vendor_in_several_places_is_named_with_them() -> None:
    """In which country a prompt is read is nobody's choice but the operator's."""
    _, (problem,) = of_vendor("provider: alibaba, model: qwen-plus, hosting: commercial")
    assert "https://dashscope-intl.aliyuncs.com/compatible-mode/v1 (international)" in problem.expected
    assert "https://dashscope.aliyuncs.com/compatible-mode/v1 (china)" in problem.expected
    _, (problem,) = of_vendor("provider: azure, model: m, hosting: commercial")
    assert problem.expected.startswith("exactly one of 'base_url'")
    _, (problem,) = of_vendor("provider: groq, model: m, hosting: commercial, api_version: '1'")
    assert problem.path == "deployments.a.api_version"

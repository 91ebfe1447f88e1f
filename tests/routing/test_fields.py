"""What becomes of a body's less common members at each candidate: what is sent is the body less what the decision says."""

import json
from collections.abc import Sequence
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.errors import ApiError
from gateway.insight.chooser import Planned
from gateway.providers.request_fields import ESSENTIAL, EXTRA, without
from gateway.providers.vendor import StreamUsage
from gateway.providers.vendors import FIELDS, VENDORS
from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Fallback, Policy, Rule
from gateway.routing.plan import Plan
from gateway.routing.replay import replay
from gateway.surfaces.table import CHAT
from gateway.values.caller import Caller
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Catalogue, Model
from gateway.values.request import Request
from gateway.values.snapshot import Snapshot
from gateway.values.surface import Serves
from tests.insight.worlds import arrivals, catalogue, deployment, simulated, steady
from tests.insight.worlds import facts as facts_of
from tests.support.openai_spec import schemas

WORLD = Snapshot(1_700_000_000.0, {})
TOP = sorted(name for name in EXTRA if "." not in name)
values = st.sampled_from([None, False, True, 0, 1.5, "x", "", [], ["x"], {}, {"a": 1}])
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": st.just("h\u00e9")},
        optional={
            "reasoning": st.just("r"),
            "reasoning_content": st.just("c"),
            "prefix": st.booleans(),
            "name": st.just("n"),
        },
    ),
    min_size=1,
    max_size=3,
)
bodies = st.builds(
    lambda said, extra, other: {"model": "chat", "messages": said, **extra, **other},
    messages,
    st.dictionaries(st.sampled_from(TOP), values, max_size=5),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.just(0.5),
            "no_such": values,
            "stream": st.just(True),
            "stream_options": st.fixed_dictionaries(
                {}, optional={"continuous_usage_stats": st.booleans(), "x": st.just(1)}
            ),
        },
    ),
)
providers = st.sampled_from(
    sorted(
        name for name, vendor in VENDORS.items() if vendor.chat.name == "openai" and Serves.CHAT in vendor.translators
    )
)


def asked(body: dict[str, Any]) -> Request:
    try:
        made = CHAT.read(json.dumps(body, ensure_ascii=False).encode(), {}, Caller.anonymous(), "r")
    except ApiError:
        hypothesis.reject()  # what the gateway refuses itself
    facts = msgspec.structs.replace(made.facts, needs=frozenset(), service_tier=None)
    return msgspec.structs.replace(made, facts=facts)


def plan_of(pool: Sequence[str], last: Sequence[str] = ()) -> Plan:
    """A plan of a pool of these providers, in this order, and of those that its rule falls back to."""
    deployments = {f"d{at}": deployment(f"d{at}", provider=name) for at, name in enumerate([*pool, *last])}
    names = tuple(deployments)
    models = {"chat": Model(name="chat", deployments=names[: len(pool)])}
    rule = Rule(name="all", fallback=Fallback(to=list(names[len(pool) :])))
    of = Catalogue(deployments=deployments, models=models)
    return compile_plan(Policy(rules=[rule]), of, number=1, default_deadline_s=60, vendors=FIELDS)


def decided(plan: Plan, request: Request) -> Decision:
    return decide(plan, request.facts, WORLD, decision_id="d", seed=1)


@given(bodies, st.lists(providers, min_size=1, max_size=3), st.lists(providers, max_size=2))
def test_what_is_sent_is_the_body_less_what_is_said_to_be_lost(
    body: dict[str, Any], pool: list[str], last: list[str]
) -> None:
    plan, request = plan_of(pool, last), asked(body)
    decision = decided(plan, request)
    recorded = msgspec.json.decode(msgspec.json.encode(decision), type=Decision)
    assert replay(plan_of(pool, last), recorded) == decision
    rows = [FIELDS[name] for name in pool]
    for candidate in decision.candidates:
        at = int(candidate.deployment[1:])
        row, lost = FIELDS[[*pool, *last][at]], decision.lost_at(candidate.deployment)
        assert lost == tuple(sorted(lost))
        assert not request.facts.essential_fields.intersection(lost)
        for name in lost:  # another one of the pool would have taken it
            assert not row.lets_pass(name)
            assert name in row.lacks or any(one.lets_pass(name) for one in rows)
        against = [reason for reason in candidate.against if reason.cause is Cause.FIELD]
        assert bool(against) is any(
            name in row.lacks or (not row.heeds(name) and any(one.heeds(name) for one in rows))
            for name in request.facts.essential_fields
        )
        if against:
            continue
        left = without(request, lost) if lost else request
        vendor = VENDORS[[*pool, *last][at]]
        translator = vendor.translators[Serves.CHAT]
        target = deployment("d", provider="openai")
        sent = json.loads(translator.encode(left, target).body)
        expected = {**body, "model": "m"}
        expected["messages"] = [
            {name: value for name, value in one.items() if f"messages.{name}" not in lost} for one in body["messages"]
        ]
        if "stream_options" in body:
            options = {
                name: one for name, one in body["stream_options"].items() if f"stream_options.{name}" not in lost
            }
            expected["stream_options"] = options
        expected = {name: value for name, value in expected.items() if name not in lost}
        own = {name: expected[name] for name in vendor.renames.values() if name in expected}
        expected = {vendor.renames.get(name, name): value for name, value in expected.items()} | own
        if vendor.stream_usage is StreamUsage.UNASKED:
            expected.pop("stream_options", None)
        sent.get("stream_options", {}).pop("include_usage", None)  # asked for by the gateway
        if "stream_options" not in body:
            sent.pop("stream_options", None)
        assert sent == expected


@given(bodies)
def test_facts_name_only_what_a_vendor_knows(body: dict[str, Any]) -> None:
    facts = asked(body).facts
    assert facts.essential_fields <= facts.extra_fields <= EXTRA
    assert facts.essential_fields <= ESSENTIAL
    assert "no_such" not in msgspec.json.encode(facts).decode()


def lost_of(pool: Sequence[str], last: Sequence[str] = (), **fields: Any) -> list[list[str] | None]:
    """By candidate what is left out there; None where the candidate is left out."""
    request = asked({"model": "chat", "messages": [{"role": "user", "content": "x"}], **fields})
    found = sorted(decided(plan_of(pool, last), request).candidates, key=lambda one: one.deployment)
    return [None if one.against else list(one.lost) for one in found]


@pytest.mark.parametrize(
    ("pool", "fields", "lost"),
    [
        (["vllm", "openai"], {"top_k": 1}, [[], ["top_k"]]),
        (["openai", "vllm"], {"top_k": 1}, [["top_k"], []]),
        (["openai"], {"top_k": 1}, [[]]),
        (["openai", "openai"], {"top_k": 1, "guided_json": {}}, [[], []]),
        (["openai", "openai_compatible"], {"top_k": 1}, [["top_k"], []]),
        (["vllm", "openai"], {"guided_json": {}}, [[], None]),
        (["vllm", "openai"], {"guided_json": None}, [[], ["guided_json"]]),
        (["llama_cpp", "openai"], {"guided_json": {}}, [[], []]),  # neither heeds it: no choice loses it
        (["vllm", "llama_cpp"], {"guided_json": {}}, [[], None]),
        (["vllm", "llama_cpp"], {"stop_token_ids": [1]}, [[], []]),  # passed over there, and sent
        (["llama_cpp", "openai"], {"n_predict": 9, "cache_prompt": True}, [[], None]),
        (["openai", "vllm"], {"web_search_options": {}}, [[], None]),
        (["openai", "vllm"], {"store": True, "metadata": {"a": "b"}, "verbosity": "low"}, [[], []]),
        (["vllm", "openai"], {"reasoning_effort": "low", "logit_bias": {"1": 1}, "service_tier": "auto"}, [[], []]),
        (
            ["vllm", "openai"],
            {"ignore_eos": True, "repetition_penalty": 1.1},
            [[], ["ignore_eos", "repetition_penalty"]],
        ),
    ],
)
def test_lost_at_each_candidate(pool: list[str], fields: dict[str, Any], lost: list[list[str] | None]) -> None:
    assert lost_of(pool, **fields) == lost


def test_a_last_resort_is_measured_by_the_pool() -> None:
    assert lost_of(["vllm"], ["openai"], top_k=1) == [[], ["top_k"]]
    assert lost_of(["vllm"], ["openai"], guided_json={}) == [[], None]
    assert lost_of(["openai"], ["openai", "vllm"], top_k=1) == [[], [], []]


def test_the_simulator_says_the_same() -> None:
    plan = plan_of(["openai", "vllm"])
    facts = facts_of(extra_fields=frozenset({"top_k"}))
    of = catalogue(*(deployment(f"d{at}", provider=name) for at, name in enumerate(["openai", "vllm"])))
    (record,) = simulated(Planned(plan), of, {"d0": steady(), "d1": steady()}, arrivals([0.0], of=facts))
    assert [(one.deployment, one.lost) for one in record.attempts] == [("d0", ("top_k",))]
    assert record.decision.lost_at("d0") == ("top_k",)


def test_openais_row_is_its_description() -> None:
    found = schemas()

    def members(node: dict[str, Any]) -> set[str]:
        own = set(node.get("properties", {}))
        parts = [*node.get("allOf", []), *([found[node["$ref"].rpartition("/")[2]]] if "$ref" in node else [])]
        return own.union(*map(members, parts))

    assert FIELDS["openai"].names == members(found["CreateChatCompletionRequest"])

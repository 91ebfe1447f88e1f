"""What becomes of the members of completions and embeddings that not every vendor takes, at each candidate."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from gateway.providers.fields_beside_chat import LLAMA_CPP, OPENAI, VLLM
from gateway.providers.request_fields import ESSENTIAL, without
from gateway.providers.vendors import FIELDS
from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Rule
from gateway.surfaces.table import COMPLETIONS, EMBEDDINGS
from gateway.values.caller import Caller
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Capability, Catalogue, Model
from gateway.values.request import Request
from gateway.values.snapshot import Snapshot
from gateway.values.surface import SURFACES, Serves
from tests.insight.worlds import deployment
from tests.support.openai_spec import schemas

ROWS = {Serves.COMPLETIONS: COMPLETIONS, Serves.EMBEDDINGS: EMBEDDINGS}
GIVEN: dict[Serves, dict[str, Any]] = {Serves.COMPLETIONS: {"prompt": "x"}, Serves.EMBEDDINGS: {"input": "x"}}


def asked(serves: Serves, **fields: Any) -> Request:
    body = {"model": "pool", **GIVEN[serves], **fields}
    return ROWS[serves].read(json.dumps(body).encode(), {}, Caller.anonymous(), "r")


def decided(serves: Serves, pool: Sequence[str], request: Request) -> Decision:
    deployments = {
        f"d{at}": msgspec.structs.replace(
            deployment(f"d{at}", provider=name), surfaces=SURFACES[serves], capabilities=frozenset(Capability)
        )
        for at, name in enumerate(pool)
    }
    of = Catalogue(deployments=deployments, models={"pool": Model(name="pool", deployments=tuple(deployments))})
    plan = compile_plan(Policy(rules=[Rule(name="all")]), of, number=1, default_deadline_s=60, vendors=FIELDS)
    return decide(plan, request.facts, Snapshot(1_700_000_000.0, {}), decision_id="d", seed=1)


def lost_of(serves: Serves, pool: Sequence[str], **fields: Any) -> list[list[str] | None]:
    """By candidate what is left out there; None where the candidate is left out."""
    found = sorted(decided(serves, pool, asked(serves, **fields)).candidates, key=lambda one: one.deployment)
    return [None if one.against else list(one.lost) for one in found]


TEXTS: list[tuple[list[str], dict[str, Any], list[list[str] | None]]] = [
    (["openai", "vllm", "llama_cpp"], {"suffix": "end"}, [[], None, None]),
    (["vllm"], {"suffix": "end"}, [None]),
    (["llama_cpp"], {"suffix": "end"}, [None]),
    (["openai_compatible", "vllm"], {"suffix": "end"}, [[], None]),
    (["vllm", "llama_cpp"], {"suffix": None}, [["suffix"], ["suffix"]]),  # an old llama.cpp refuses the name itself
    (["vllm", "llama_cpp"], {"suffix": ""}, [["suffix"], ["suffix"]]),
    (["openai", "vllm", "llama_cpp"], {"echo": True}, [[], [], None]),
    (["llama_cpp"], {"echo": True}, [None]),
    (["llama_cpp"], {"echo": False}, [["echo"]]),
    (["openai", "vllm", "llama_cpp"], {"best_of": 3}, [[], None, None]),
    (["vllm", "llama_cpp"], {"best_of": 3, "n": 3}, [["best_of"], ["best_of"]]),  # all that are made are chosen
    (["vllm"], {"best_of": 1}, [["best_of"]]),
    (["vllm"], {"best_of": 3, "n": 2}, [None]),
    (["openai"], {"suffix": "end", "echo": True, "best_of": 2, "logprobs": 3}, [[]]),
    (["vllm", "openai"], {"top_k": 4, "min_p": 0.1}, [[], ["min_p", "top_k"]]),
    (["openai"], {"top_k": 4}, [[]]),  # nobody in the pool takes it: the provider's own 400
    (["vllm", "openai", "llama_cpp"], {"guided_json": {}}, [[], None, None]),
    (["llama_cpp", "vllm"], {"grammar": "root ::= x"}, [[], None]),
    (["vllm", "openai"], {"stream": True, "stream_options": {"continuous_usage_stats": True}},
     [[], ["stream_options.continuous_usage_stats"]]),
    (["openai", "vllm", "llama_cpp"], {"temperature": 0, "seed": 1, "stop": "x", "user": "u"}, [[], [], []]),
]  # fmt: skip
VECTORS: list[tuple[list[str], dict[str, Any], list[list[str] | None]]] = [
    (["openai", "vllm", "llama_cpp"], {"dimensions": 8}, [[], [], None]),
    (["llama_cpp"], {"dimensions": 8}, [None]),
    (["llama_cpp"], {"dimensions": None}, [["dimensions"]]),
    (["openai", "vllm", "llama_cpp"], {"encoding_format": "base64", "user": "u"}, [[], [], []]),
    (["vllm", "openai"], {"priority": 1}, [[], ["priority"]]),
    (["vllm", "openai"], {"truncate_prompt_tokens": 8}, [[], None]),
    (["openai_compatible", "openai"], {"input_type": "query"}, [[], None]),
    (["openai"], {"input_type": "query"}, [[]]),
]


@pytest.mark.parametrize(("pool", "fields", "lost"), TEXTS)
def test_of_completions(pool: list[str], fields: dict[str, Any], lost: list[list[str] | None]) -> None:
    assert lost_of(Serves.COMPLETIONS, pool, **fields) == lost


@pytest.mark.parametrize(("pool", "fields", "lost"), VECTORS)
def test_of_embeddings(pool: list[str], fields: dict[str, Any], lost: list[list[str] | None]) -> None:
    assert lost_of(Serves.EMBEDDINGS, pool, **fields) == lost


def test_what_is_lacking_is_named() -> None:
    (one,) = decided(Serves.COMPLETIONS, ["llama_cpp"], asked(Serves.COMPLETIONS, suffix="a", echo=True)).candidates
    (reason,) = one.against
    assert (reason.cause, reason.needed, reason.has) == (Cause.FIELD, "echo, suffix", "llama_cpp")


def test_an_inner_member_is_left_out_of_its_own_object() -> None:
    request = asked(
        Serves.COMPLETIONS, stream=True, stream_options={"include_usage": True, "continuous_usage_stats": True}
    )
    left = without(request, ["stream_options.continuous_usage_stats"])
    assert json.loads(bytes(left.fields["stream_options"])) == {"include_usage": True}


@pytest.mark.parametrize(
    ("serves", "name"), [(Serves.COMPLETIONS, "CreateCompletionRequest"), (Serves.EMBEDDINGS, "CreateEmbeddingRequest")]
)
def test_openais_row_is_its_description(serves: Serves, name: str) -> None:
    assert set(OPENAI[serves].names or ()) == set(schemas()[name]["properties"])


@pytest.mark.parametrize("serves", [Serves.COMPLETIONS, Serves.EMBEDDINGS])
def test_what_a_vendor_lacks_it_does_not_take_and_answers_depend_on_it(serves: Serves) -> None:
    for row in (VLLM, LLAMA_CPP):
        assert row[serves].names is not None
        assert not row[serves].lacks & (row[serves].names or frozenset())
        assert row[serves].lacks <= ESSENTIAL

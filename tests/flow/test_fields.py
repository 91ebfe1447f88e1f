"""Fields of a request that not every vendor takes, on virtual time: the gateway's choice of a deployment never makes a
good request a bad one.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.fleet import Stand
from tests.support.gateway import REPOSITORY, deployment
from tests.support.in_process import InProcess, in_front_of

TUNING = {"top_k": 40, "min_p": 0.05}
SCHEMA = {"type": "object"}


def served_by(stand: Stand, provider: str, **more: Any) -> dict[str, Any]:
    return deployment(stand.base_url, "any", provider=provider, **more)


def configuration(stands: list[Stand]) -> dict[str, Any]:
    own, cloud, other, second = stands
    return {
        "deployments": {
            "own": served_by(own, "vllm"),
            "cloud": served_by(cloud, "openai"),
            "other": served_by(other, "openai_compatible"),
            "second": served_by(second, "openai"),
            "local": served_by(second, "llama_cpp"),
        },
        "models": {
            "chat": {"deployments": ["own", "cloud"]},
            "turned": {"deployments": ["cloud", "own"]},
            "commercial": {"deployments": ["cloud", "second"]},
            "unknown": {"deployments": ["own", "other"]},
            "unknown-first": {"deployments": ["other", "own"]},
            "locals": {"deployments": ["own", "local"]},
            "three": {"deployments": ["own", "cloud", "other"]},
        },
        "policy": {
            "rules": [
                {"name": "hedged", "when": {"tags": {"hedge": "yes"}},
                 "limits": {"hedge": {"after_s": 0.15, "share": 1.0}}, "fallback": {"retries": 0}},
                {"name": "elsewhere", "when": {"tags": {"to": "cloud"}}, "fallback": {"to": ["cloud"], "retries": 0}},
                {"name": "home", "when": {"tags": {"to": "own"}}, "fallback": {"to": ["own"], "retries": 0}},
                {"name": "rest", "fallback": {"retries": 0, "after_output": "continue"}},
            ]
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with in_front_of(4, tmp_path_factory.mktemp("fields"), configuration) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(here: InProcess) -> None:
    """All answer, and the gateway has seen it: what failed before is over."""
    for stand in here.stands:
        stand.play("ok")
    for name in ("own", "cloud", "other", "second"):
        here.virtual.wait_for(lambda name=name: ask(here, name)[0].status_code == 200, within_s=10)
    here.stands[1].play("strict")
    for stand in here.stands:
        stand.forget()


def ask(here: InProcess, model: str, *, tags: str = "", **more: Any) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer and its record."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    headers = {"x-gateway-tags": tags} if tags else {}
    answer = here.gateway.client().post("/v1/chat/completions", json=body, headers=headers)
    return answer, here.gateway.decision(answer.headers["x-gateway-decision"])


def sent(stand: Stand) -> dict[str, Any]:
    """The newest body that came there."""
    body: dict[str, Any] = json.loads(stand.rows()[-1]["body"])
    return body


def said(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error


@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback_is_sent_without_the_fields_that_its_vendor_refuses(here: InProcess, stream: bool) -> None:
    here.stands[0].play("error_500")
    answer, told = ask(here, "chat", stream=stream, temperature=0.5, **TUNING)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-deployment"] == "cloud"
    assert answer.headers["x-gateway-lost"] == "min_p, top_k"
    assert sent(here.stands[0]).items() >= TUNING.items()
    expected = {"model", "messages", "stream", "temperature"} | ({"stream_options"} if stream else set())
    assert sent(here.stands[1]).keys() == expected
    record = told["record"]
    lost = {one["deployment"]: one.get("lost", []) for one in record["decision"]["candidates"]}
    assert lost == {"own": [], "cloud": ["min_p", "top_k"]}
    assert [one.get("lost", []) for one in record["attempts"]] == [[], ["min_p", "top_k"]]
    assert any("cloud: eligible" in line and "sent without min_p, top_k" in line for line in told["sentences"])
    assert any("Attempt 2, cloud" in line and "sent without min_p, top_k" in line for line in told["sentences"])


def test_a_first_choice_that_refuses_what_another_takes_is_sent_without_it(here: InProcess) -> None:
    answer, _ = ask(here, "turned", **TUNING)
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "1")
    assert answer.headers["x-gateway-lost"] == "min_p, top_k"


def test_bytes_are_as_the_caller_sent_them_where_nothing_is_left_out(here: InProcess) -> None:
    body = b'{"model":"own", "messages":[ {"role":"user","content":"h\\u0069"} ],"top_k" : 40,  "temperature":5e-1}'
    answer = here.gateway.client().post("/v1/chat/completions", content=body)
    assert answer.status_code == 200
    assert "x-gateway-lost" not in answer.headers
    text = here.stands[0].rows()[-1]["body"]
    assert text == '{"model":"any","messages":[ {"role":"user","content":"h\\u0069"} ],"top_k":40,"temperature":5e-1}'


@pytest.mark.parametrize(
    ("more", "name"),
    [({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "A", "reasoning_content": "Hm"},
                    {"role": "user", "content": "on"}]}, "messages.reasoning_content"),
     ({"stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}},
      "stream_options.continuous_usage_stats"),
     ({"guided_json": None}, "guided_json"),
     ({"chat_template_kwargs": {"enable_thinking": False}}, "chat_template_kwargs")],
)  # fmt: skip
def test_inner_fields_and_those_switched_off_are_left_out(here: InProcess, more: dict[str, Any], name: str) -> None:
    here.stands[0].play("error_500")
    answer, _ = ask(here, "chat", **more)
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-gateway-deployment"], answer.headers["x-gateway-lost"]) == ("cloud", name)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("field", ["guided_json", "structured_outputs"])
def test_one_that_the_answer_depends_on_leaves_the_candidate_out(here: InProcess, field: str, stream: bool) -> None:
    here.stands[0].play("error_500")
    answer, told = ask(here, "chat", stream=stream, **{field: SCHEMA})
    assert answer.status_code == 502
    assert told["record"]["fault"] == "provider"
    assert not here.stands[1].rows()
    assert any("cloud: left out" in line and field in line for line in told["sentences"])
    here.stands[0].play("ok")
    answer, _ = ask(here, "turned", **{field: SCHEMA})  # the other one takes it
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "own")


def test_one_that_is_passed_over_in_silence_counts_where_the_answer_depends_on_it(here: InProcess) -> None:
    answer, _ = ask(here, "locals", grammar='root ::= "a"')
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "local")
    answer, _ = ask(here, "locals", repetition_penalty=1.1)  # llama.cpp would pass over it: nothing is left out
    assert answer.headers["x-gateway-deployment"] == "own"


@pytest.mark.parametrize("model", ["cloud", "commercial"])
def test_what_none_of_a_models_deployments_takes_is_the_callers_mistake(here: InProcess, model: str) -> None:
    answer, told = ask(here, model, **TUNING)
    assert answer.status_code == 400
    assert said(answer)["message"] == "Unrecognized request arguments supplied: top_k, min_p"
    record = told["record"]
    assert (record["outcome"], record["fault"], len(record["attempts"])) == ("bad_request", "caller", 1)


def test_a_deployment_that_the_caller_named_gives_its_own_answer_though_the_rule_would_fall_back(
    here: InProcess,
) -> None:
    for field in (TUNING, {"no_such_field": 1}):
        answer, told = ask(here, "cloud", tags="to=own", **field)
        assert (answer.status_code, told["record"]["outcome"]) == (400, "bad_request")
    assert not here.stands[0].rows()


def test_a_last_resort_is_sent_without_them_too(here: InProcess) -> None:
    here.stands[0].play("error_500")
    answer, _ = ask(here, "own", tags="to=cloud", **TUNING)
    assert (answer.status_code, answer.headers["x-gateway-lost"]) == (200, "min_p, top_k")


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_by_one_of_whom_nothing_is_known_is_not_the_callers(here: InProcess, stream: bool) -> None:
    here.stands[0].play("error_500")
    here.stands[2].play("strict_groq")
    answer, told = ask(here, "unknown", stream=stream, **TUNING)
    assert (answer.status_code, said(answer)["code"]) == (502, "server_error")
    assert said(answer)["message"] == "The provider failed (own)."
    record = told["record"]
    assert (record["outcome"], record["fault"]) == ("server_error", "provider")
    assert [one["outcome"] for one in record["attempts"]] == ["server_error", "field_refused"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_first_choice_that_refuses_one_is_followed_by_one_that_takes_it(here: InProcess, stream: bool) -> None:
    here.stands[2].play("strict_groq")
    answer, told = ask(here, "unknown-first", stream=stream, **TUNING)
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "own")
    assert [one["outcome"] for one in told["record"]["attempts"]] == ["field_refused", "ok"]


def test_one_that_every_candidate_refuses_is_the_callers_mistake(here: InProcess) -> None:
    here.stands[0].play("strict_groq")
    here.stands[2].play("strict_groq")
    answer, told = ask(here, "unknown-first", **TUNING)
    assert (answer.status_code, said(answer)["message"]) == (400, "property 'top_k' is unsupported")
    assert (told["record"]["outcome"], told["record"]["fault"]) == ("bad_request", "caller")


def test_a_name_that_no_vendor_has_is_not_the_callers_fault_at_a_fallback(here: InProcess) -> None:
    here.stands[0].play("error_500")
    answer, told = ask(here, "chat", no_such_field=1)
    assert (answer.status_code, said(answer)["code"]) == (502, "server_error")
    assert "no_such_field" not in json.dumps(told)
    answer, told = ask(here, "three", no_such_field=1)  # and one that takes it is asked
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "other")


@pytest.mark.parametrize("first", ["own", "cloud"])
def test_the_bound_of_an_answer_goes_by_the_vendors_name_for_it(here: InProcess, first: str) -> None:
    here.stands[1].play("reasoning_model")
    if first == "own":
        here.stands[0].play("error_500")
    answer, told = ask(here, "chat" if first == "own" else "turned", max_tokens=20)
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "cloud")
    assert told["record"]["fault"] is None


def test_a_model_that_wants_max_completion_tokens(here: InProcess) -> None:
    here.stands[2].play("reasoning_model")  # of a vendor whose name for it nobody knows
    answer, told = ask(here, "unknown-first", max_tokens=20)
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "own")
    answer, told = ask(here, "other", max_tokens=20)
    assert (answer.status_code, said(answer)["param"], told["record"]["fault"]) == (400, "max_tokens", "caller")


def test_a_value_that_is_out_of_range_stays_the_callers_mistake(here: InProcess) -> None:
    here.stands[2].play("bad_param_400")
    answer, told = ask(here, "unknown-first", temperature=9)
    assert answer.status_code == 400
    assert len(told["record"]["attempts"]) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_hedge_keeps_the_same_rule(here: InProcess, stream: bool) -> None:
    here.stands[0].play("slow@1200")
    answer, told = ask(here, "chat", tags="hedge=yes", stream=stream, **TUNING)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-deployment"] == "cloud"
    assert answer.headers["x-gateway-lost"] == "min_p, top_k"
    here.stands[2].play("strict_groq")  # what a second attempt is refused ends nothing
    here.stands[0].play("slow@400")
    answer, told = ask(here, "unknown", tags="hedge=yes", stream=stream, **TUNING)
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, "own")
    assert {one["outcome"] for one in told["record"]["attempts"]} == {"ok", "field_refused"}


def test_explain_says_it_and_replay_makes_it_again(here: InProcess) -> None:
    body = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], **TUNING, "guided_json": None}
    told = here.gateway.client().post("/admin/explain", json=body).json()
    assert any(
        "cloud: eligible" in line and "sent without guided_json, min_p, top_k" in line for line in told["sentences"]
    )
    ask(here, "chat", **TUNING)
    ask(here, "chat", guided_json=SCHEMA)
    command = [
        sys.executable,
        "-m",
        "gateway",
        "replay",
        "--config",
        str(here.gateway.directory / "gateway.yaml"),
        "--json",
    ]
    command += ["--journal", str(here.gateway.state / "journal.db")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["same"] >= 2
    assert found["differing"] == 0

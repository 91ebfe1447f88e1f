"""Sound, images, rankings and judgements from outside, on virtual time: answers, faults, costs, rules, detection, departures."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support import media
from tests.support.gateway import deployment
from tests.support.in_process import InProcessGateway, InProcessScripted
from tests.support.openai_spec import check, schemas
from tests.support.scripted import Asked, response
from tests.support.virtual_time import VirtualTime

CARD = "4111 1111 1111 1111"
SERVES = ("rerank", "score", "moderations", "transcriptions", "translations", "speech", "images", "image_edits")
PRICE = {
    "audio_minute_usd": 0.006, "input_usd_per_mchar": 15, "image_usd": {"1024x1024/high": 0.17, "any": 0.04},
    "search_usd": 0.002, "input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0,
}  # fmt: skip
TOKENS = {
    "input_usd_per_mtok": 5.0, "output_usd_per_mtok": 10.0, "input_audio_usd_per_mtok": 6.0,
    "input_image_usd_per_mtok": 8.0, "output_image_usd_per_mtok": 32.0,
}  # fmt: skip
FILE = ("note.mp3", b"ID3sound", "audio/mpeg")
PICTURE = ("cat.png", b"\x89PNG", "image/png")
SERVED_BY = {
    "rerank": "rerank", "score": "score", "moderations": "moderations", "speech": "speech", "images": "images",
    "transcript": "transcriptions", "translation": "translations", "edits": "image_edits",
}  # fmt: skip
# by name: path, whether a form, what is asked
ASKED: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "rerank": ("/v1/rerank", {"query": "q", "documents": ["a", "b", "c"]}, None),
    "score": ("/v1/score", {"text_1": "q", "text_2": ["a", "b"]}, None),
    "moderations": ("/v1/moderations", {"input": ["a", "b"]}, None),
    "speech": ("/v1/audio/speech", {"input": "hello", "voice": "alloy"}, None),
    "speech-events": ("/v1/audio/speech", {"input": "hello", "voice": "alloy", "stream_format": "sse"}, None),
    "transcript": ("/v1/audio/transcriptions", {"response_format": "json"}, {"file": FILE}),
    "transcript-text": ("/v1/audio/transcriptions", {"response_format": "text"}, {"file": FILE}),
    "transcript-srt": ("/v1/audio/transcriptions", {"response_format": "srt"}, {"file": FILE}),
    "transcript-events": ("/v1/audio/transcriptions", {"stream": "true"}, {"file": FILE}),
    "translation": ("/v1/audio/translations", {}, {"file": FILE}),
    "images": ("/v1/images/generations", {"prompt": "a cat", "n": 2}, None),
    "images-events": ("/v1/images/generations", {"prompt": "a cat", "stream": True}, None),
    "edits": ("/v1/images/edits", {"prompt": "a hat"}, {"image": PICTURE, "mask": PICTURE}),
    "edits-json": ("/v1/images/edits", {"prompt": "a hat", "images": [{"image_url": "https://x/y.png"}]}, None),
    "edits-events": ("/v1/images/edits", {"prompt": "a hat", "stream": "true"}, {"image[]": PICTURE}),
}
ENDS = {
    "ok": ("ok", 200), "fails_500": ("server_error", 502), "limited_429": ("rate_limited", 429),
    "refused_400": ("bad_request", 400), "unauthorized_401": ("credential_refused", 502),
    "closes": ("connection_lost", 502), "cut": ("truncated", 502), "empty": ("empty_answer", 502),
    "null": ("malformed_answer", 502), "html": ("malformed_answer", 502), "error_200": ("error_in_answer", 502),
    "garbage": ("malformed_answer", 502),
}  # fmt: skip
STREAMED = ("speech", "speech-events", "transcript-events", "images-events", "edits-events")


def configuration(base_url: str) -> dict[str, Any]:
    """Of each fault a deployment of its own for each request: what one teaches must not keep another out."""

    def one(model: str, **more: Any) -> dict[str, Any]:
        settings = {
            "price": PRICE,
            "surfaces": list(SERVES),
            "capabilities": ["vision"],
            "provider": "openai_compatible",
            **more,
        }
        return deployment(base_url, model, **settings)

    deployments = {
        "good": one("ok"), "by-token": one("ok", price=TOKENS), "unpriced": one("ok", price=None),
        "home": one("ok", clearance="restricted"), "cloud": one("ok", clearance="internal"),
        "chat": deployment(base_url, "ok"), "blind": one("ok", capabilities=[]),
        "vllm": one("ok", provider="vllm", surfaces=["rerank", "transcriptions"]), "silent": one("silent", timeouts={"total_s": 60, "first_output_s": 30}),
        "context": one("ok", context_tokens=1000, max_output_tokens=50),
        "omni-moderation-latest": one("ok"),
    }  # fmt: skip
    models: dict[str, Any] = {
        "sensitive": {"deployments": ["cloud", "home"]},
        "pool": {"deployments": ["good", "context"]},
    }
    for fault in ENDS:
        for asked in ASKED:
            deployments[f"{fault}-{asked}"] = one(
                fault, surfaces=[SERVED_BY[asked.partition("-")[0]]], price=None, capabilities=None
            )
            models[f"pool-{fault}-{asked}"] = {"deployments": [f"{fault}-{asked}", "good"]}
    rules: list[dict[str, Any]] = [
        {"name": "sounds", "when": {"surface": ["audio.transcriptions"]}, "fallback": {"retries": 0}},
        {"name": "others", "fallback": {"retries": 0}},
    ]
    policy = {"detection": {"mode": "enforce"}, "rules": rules}
    deployments = {
        name: {key: value for key, value in told.items() if value is not None} for name, told in deployments.items()
    }
    return {"deployments": deployments, "models": models, "policy": policy, "server": {"max_upload_bytes": 4_000_000}}


class Here:
    def __init__(self, gateway: InProcessGateway, upstream: InProcessScripted) -> None:
        self.gateway, self.upstream = gateway, upstream

    def ask(self, name: str, asked_for: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        path, fields, files = ASKED[name]
        fields = {"model": asked_for, **fields, **more}
        if files is None:
            return self.gateway.client().post(path, json=fields, headers=headers)
        return self.gateway.client().post(path, data=fields, files=files, headers=headers)

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        told: dict[str, Any] = self.gateway.decision(answer.headers["x-gateway-decision"])["record"]
        return told


async def _reply(asked: Asked) -> bytes | None:
    if "content-type" not in asked.headers:
        return response({"object": "list", "data": []})  # a probe
    if media.model_of(asked) == "silent":
        await asyncio.sleep(10_000)
    return media.badly(asked)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    directory: Path = tmp_path_factory.mktemp("media")
    with (
        VirtualTime() as virtual,
        InProcessScripted(virtual, _reply) as upstream,
        InProcessGateway(virtual, directory, configuration(upstream.base_url), {}) as gateway,
    ):
        yield Here(gateway, upstream)


def outcome_of(fault: str, name: str) -> str:
    """Where it is another than for most."""
    if fault == "cut" and name == "transcript-text":
        return "truncated"
    if name.endswith("-events") and fault == "null":
        return "malformed_answer"
    return ENDS[fault][0]


@pytest.mark.parametrize("name", ASKED)
def test_every_fault_on_every_surface(here: Here, name: str) -> None:
    """Alone the caller is told; with a spare the spare answers, unless the caller is at fault or had some of the answer."""
    for fault, (_, status) in ENDS.items():
        expected = outcome_of(fault, name)
        if (fault, name) == ("cut", "speech"):
            continue  # its connection is broken off: below
        shown = fault == "cut" and name in STREAMED
        answer = here.ask(name, f"{fault}-{name}")
        record = here.record(answer)
        if name == "speech" and fault in ("empty", "error_200"):
            expected = "malformed_answer"
        if name == "transcript-srt" and fault == "null":
            expected = "malformed_answer"
        if name == "transcript-srt" and fault == "empty":  # silence
            expected = "ok"
        assert record["outcome"] == expected, fault
        if not shown:
            assert answer.status_code == (200 if expected == "ok" else status), fault
        if expected != "ok" and not shown:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        spared = here.ask(name, f"pool-{fault}-{name}")
        record = here.record(spared)
        if expected in ("ok", "bad_request") or shown:
            assert record["outcome"] == expected, fault
        else:
            assert (spared.status_code, record["answered_by"]) == (200, "good"), fault
            attempts = [(one["deployment"], one["outcome"]) for one in record["attempts"]]
            assert attempts[-1] == ("good", "ok"), fault


def test_the_file_is_sent_again_whole_to_the_next(here: Here) -> None:
    sound = bytes(range(256)) * 10_000  # larger than what is held in memory
    files = {"file": ("talk.WAV", sound, "audio/wav")}
    before = len(here.upstream.asked)
    answer = here.gateway.client().post(
        "/v1/audio/transcriptions", data={"model": "pool-fails_500-transcript"}, files=files
    )
    assert answer.json()["text"] == media.TEXT
    sent = here.upstream.asked[before:]
    assert [media.form_of(one)["file"] for one in sent] == [("upload.WAV", sound)] * len(sent)
    assert len(sent) >= 1
    assert {int(one.headers["content-length"]) for one in sent} == {len(one.body) for one in sent}


def test_forms_are_sent_on_as_they_are_meant(here: Here) -> None:
    fields = {"language": "de", "timestamp_granularities[]": ["word", "segment"], "temperature": "0.2"}
    assert here.ask("transcript", "good", **fields).status_code == 200
    assert media.form_of(here.upstream.asked[-1]) == {
        "model": "ok", "response_format": "json", **fields, "file": ("upload.mp3", b"ID3sound"),
    }  # fmt: skip
    here.ask("edits", "good")
    form = media.form_of(here.upstream.asked[-1])
    assert (form["image"], form["mask"]) == (("upload.png", b"\x89PNG"),) * 2


def test_answers_are_those_of_the_published_schemas(here: Here) -> None:
    spec = schemas()
    for name, schema in (
        ("moderations", "CreateModerationResponse"), ("transcript", "CreateTranscriptionResponseJson"),
        ("translation", "CreateTranslationResponseJson"), ("images", "ImagesResponse"), ("edits", "ImagesResponse"),
    ):  # fmt: skip
        body = here.ask(name, "good").json()
        if name != "moderations":  # the fake one has fewer categories
            check(spec, schema, body)
    listed = here.gateway.client().get("/v1/models").json()
    check(spec, "ListModelsResponse", listed)


COSTS = {
    "rerank": 0.002, "score": 7e-6, "speech": 5 * 15e-6, "speech-events": 5 * 15e-6, "transcript": 0.003,
    "transcript-text": 0.003, "transcript-srt": 12.5 * 0.0001, "images": 0.08, "edits": 0.04,
    "images-events": 0.17, "translation": 0.003, "moderations": 2e-6,
}  # fmt: skip
BY_TOKEN = {
    "transcript-events": (4 * 5 + 10 * 6 + 45 * 10) / 1e6, "images": (10 * 5 + 40 * 8 + 50 * 32) / 1e6,
    "speech-events": (14 * 5 + 101 * 10) / 1e6, "speech": None, "transcript": None, "rerank": None,
}  # fmt: skip


def test_costs_by_the_unit_and_by_the_token(here: Here) -> None:
    """What was used and has no price is unknown, never free."""
    for model, table in (("good", COSTS), ("by-token", BY_TOKEN), ("unpriced", dict.fromkeys(COSTS))):
        for name, usd in table.items():
            answer = here.ask(name, model)
            attempt = here.record(answer)["attempts"][0]
            assert attempt["cost_usd"] == (None if usd is None else pytest.approx(usd)), (model, name)
            if name not in STREAMED:
                told = answer.headers["x-gateway-cost-usd"]
                assert told == ("unknown" if usd is None else f"{usd:.9f}"), (model, name)


def test_units_are_counted(here: Here) -> None:
    before = here.gateway.metric('gateway_units_total{deployment="unpriced",kind="audio_seconds"}')
    here.ask("transcript", "unpriced")
    here.ask("transcript-srt", "unpriced")
    assert here.gateway.metric('gateway_units_total{deployment="unpriced",kind="audio_seconds"}') - before == 42.5


def test_a_ceiling_holds_where_the_cost_is_known_before(here: Here) -> None:
    def under(name: str, usd: str) -> int:
        return here.ask(name, "good", {"x-gateway-max-cost-usd": usd}).status_code

    assert under("speech", "0.0001") == 200
    assert under("speech", "0.00001") == 400
    assert under("images", "0.09") == 200
    assert under("images", "0.07") == 400
    assert under("transcript", "100") == 400  # how long it is, nobody knows


def test_sound_keeps_its_type_and_breaks_off_where_it_breaks(here: Here) -> None:
    whole = here.ask("speech", "good")
    assert (whole.content, whole.headers["content-type"]) == (media.SOUND, "audio/mpeg")
    sent: list[dict[str, Any]] = []
    body = json.dumps({"model": "cut-speech", "input": "hi", "voice": "alloy"}).encode()
    scope = {"type": "http", "method": "POST", "path": "/v1/audio/speech", "headers": [], "query_string": b""}

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    here.gateway.virtual.run(asyncio.sleep(120))  # its breaker may be open
    with pytest.raises(Exception, match=""):
        here.gateway.virtual.run(here.gateway.app.asgi(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 200
    assert all(message.get("more_body", True) for message in sent[1:])  # nothing says that it is whole
    assert not any(b"error" in message.get("body", b"") for message in sent[1:])


def test_what_stands_behind_the_file_decides_where_it_goes(here: Here) -> None:
    """Law 1: the text of a form is looked at before anything of it is sent."""
    boundary = "b0undary"
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nID3\r\n',
        f'--{boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\nsensitive\r\n',
        f'--{boundary}\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nmy card is {CARD}\r\n',
        f"--{boundary}--\r\n",
    ]
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    answer = here.gateway.client().post("/v1/audio/transcriptions", content="".join(parts).encode(), headers=headers)
    record = here.record(answer)
    assert (answer.status_code, record["answered_by"]) == (200, "home"), answer.text
    assert record["decision"]["facts"]["sensitivity"] == "restricted"
    assert here.record(here.ask("transcript", "sensitive"))["answered_by"] == "cloud"
    for name, field in (("rerank", "query"), ("moderations", "input"), ("speech", "input"), ("images", "prompt")):
        assert here.record(here.ask(name, "sensitive", **{field: f"my card is {CARD}"}))["answered_by"] == "home", name
    split = ["my card is 4111 1111", {"text": "1111 1111"}]  # some documents are texts, others are objects
    assert here.record(here.ask("rerank", "sensitive", documents=split))["answered_by"] == "home"


def test_only_who_serves_it_and_can_is_asked(here: Here) -> None:
    assert here.ask("transcript", "chat").json()["error"]["code"] == "unsupported_surface"
    chat = {"model": "good", "messages": [{"role": "user", "content": "hi"}]}
    assert here.gateway.client().post("/v1/chat/completions", json=chat).status_code == 400
    shown = [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
    assert here.ask("moderations", "blind", input=shown).json()["error"]["code"] == "unsupported_feature"
    assert here.ask("moderations", "good", input=shown).status_code == 200
    answer = here.gateway.client().post("/v1/moderations", json={"input": "hi"})  # without a model
    assert answer.headers["x-gateway-deployment"] == "omni-moderation-latest"


def test_rules_tell_surfaces_apart_and_explain_needs_no_file(here: Here) -> None:
    assert here.record(here.ask("transcript", "good"))["decision"]["rule"] == "sounds"
    assert here.record(here.ask("translation", "good"))["decision"]["rule"] == "others"
    body = {"model": "good", "language": "de"}
    told = here.gateway.client().post("/admin/explain?surface=audio.transcriptions", json=body)
    assert told.status_code == 200, told.text
    assert told.json()["record"]["decision"]["rule"] == "sounds"


def test_deadlines_and_departures_stop_the_work(here: Here) -> None:
    late = here.ask("transcript", "silent", {"x-gateway-deadline-ms": "2000"})
    assert late.status_code == 504
    assert here.record(late)["outcome"] == "deadline_exceeded"
    gateway = here.gateway

    async def leave() -> None:
        leaves = asyncio.Event()
        body = {"model": "silent", "input": "hi", "voice": "alloy"}
        asking = asyncio.ensure_future(gateway.ask("/v1/audio/speech", body, leaves=leaves))
        await asyncio.sleep(1)
        leaves.set()
        await asking

    gateway.virtual.run(leave())
    assert gateway.newest("silent", "caller_left")["surface"] == "audio.speech"


def test_vllms_documents_are_texts_and_its_streams_say_usage(here: Here) -> None:
    answer = here.ask(
        "rerank",
        "vllm",
        documents=["a", {"text": "b", "title": 7, "sk-secret": 1}, "c"],
        return_documents=True,
        rank_fields=["x"],
    )
    assert json.loads(here.upstream.asked[-1].body)["documents"] == ["a", "b", "c"]
    assert answer.json()["results"][1]["document"] == {"text": "b", "title": 7, "sk-secret": 1}
    assert set(answer.headers["x-gateway-lost"].split(", ")) >= {"documents[].title", "other", "rank_fields"}
    here.ask("transcript-events", "vllm")
    assert media.form_of(here.upstream.asked[-1])["stream_include_usage"] == "true"


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank", "/v1/score", "/score"])
def test_paths_of_others(here: Here, path: str) -> None:
    body = ASKED["score" if "score" in path else "rerank"][1]
    assert here.gateway.client().post(path, json={"model": "good", **body}).status_code == 200


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("rerank", {"query": 5}, "query"), ("rerank", {"documents": []}, "documents"), ("rerank", {"documents": "a"}, "documents"),
    ("rerank", {"documents": [5]}, "documents[0]"), ("rerank", {"top_n": -1}, "top_n"), ("rerank", {"top_n": "a"}, "top_n"),
    ("rerank", {"query": None}, "query"), ("rerank", {"return_documents": "x"}, "return_documents"),
    ("rerank", {"stream": True}, "stream"), ("rerank", {"documents": [None]}, "documents[0]"),
    ("score", {"text_1": ["a", "b", "c"]}, "text_1"), ("score", {"text_2": []}, "text_2"), ("score", {"text_2": None}, "text_2"),
    ("moderations", {"input": []}, "input"), ("moderations", {"input": ["a", {"type": "text"}]}, "input"),
    ("moderations", {"input": 5}, "input"), ("moderations", {"model": ""}, "model"),
    ("speech", {"input": ""}, "input"), ("speech", {"input": None}, "input"), ("speech", {"stream_format": "x"}, "stream_format"),
    ("images", {"n": 0}, "n"), ("images", {"n": 1e300}, "n"), ("images", {"prompt": None}, "prompt"), ("images", {"stream": "yes"}, "stream"),
    ("transcript", {"response_format": "pdf"}, "response_format"), ("transcript", {"stream": "maybe"}, "stream"),
    ("transcript", {"model": ["good", "good"]}, "model"), ("transcript", {"language": "a", "model": ""}, "model"),
    ("transcript-srt", {"stream": "true"}, "stream"), ("edits", {"n": "many"}, "n"), ("edits", {"prompt": ["a", "b"]}, "prompt"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "param"), BAD, ids=[f"{one[0]}-{at}" for at, one in enumerate(BAD)])
def test_bad_bodies_are_told_where(here: Here, name: str, fields: dict[str, Any], param: str) -> None:
    answer = here.ask(name, "good", **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_no_prompt_and_no_file_gets_on_record(here: Here) -> None:
    """Law 11."""
    secret = "canary-0123456789"
    files = {"file": (f"{secret}.mp3", secret.encode(), "audio/mpeg")}
    client = here.gateway.client()
    client.post("/v1/audio/transcriptions", data={"model": "good", "prompt": secret, "x": secret}, files=files)
    client.post("/v1/audio/transcriptions", data={"model": "good", "response_format": secret}, files=files)
    client.post("/v1/audio/transcriptions", data={"model": "fails_500-transcript", "prompt": secret}, files=files)
    for name, field in (("rerank", "query"), ("moderations", "input"), ("speech", "input"), ("images", "prompt")):
        here.ask(name, "good", **{field: secret})
        here.ask(name, f"refused_400-{name}", **{field: secret})
    here.ask("images", "good", size=secret, quality=secret)
    for path in ("/admin/decisions", "/metrics"):
        assert secret not in client.get(path).text


def test_models_say_what_they_can_do(here: Here) -> None:
    client = here.gateway.client()
    pool = client.get("/v1/models/pool").json()
    assert (pool["context_window"], pool["max_output_tokens"], pool["capabilities"]) == (1000, 50, ["vision"])
    assert "audio.transcriptions" in pool["surfaces"]
    assert pool["available"] is True
    assert client.get("/v1/models/chat").json()["context_window"] is None
    assert {one["id"] for one in client.get("/v1/models").json()["data"]} >= {"pool", "sensitive"}

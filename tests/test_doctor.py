"""`gateway doctor` in front of fake providers, and of the embedded model: what works, what does not and why."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.doctor import models_list
from tests.conftest import Upstream
from tests.support.scripted import Asked, Scripted, response

KEY = "sk-doctor-canary-0123456789"
ALL = ["tools", "json_schema"]


def entry(base_url: str, model: str, **more: Any) -> dict[str, Any]:
    return {
        "provider": "openai_compatible", "model": model, "base_url": base_url, "hosting": "commercial", "capabilities": [], **more,
    }  # fmt: skip


def examined(
    tmp_path: Path, deployments: dict[str, Any], *words: str, **env: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and by deployment and check what was found."""
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump({"deployments": deployments}))
    asked = ["doctor", "-c", str(file), "--json", "-q", "--timeout", "20", *words]
    done = CliRunner().invoke(main, asked, env={"DOCTOR_KEY": KEY, **env})
    assert KEY not in done.output
    found: dict[str, dict[str, Any]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["deployment"], {})[one["check"]] = one
    return done.exit_code, found


def results(found: dict[str, Any]) -> dict[str, str]:
    return {check: one["result"] for check, one in found.items()}


def test_what_works_works(tmp_path: Path, upstream: Upstream) -> None:
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
    deployments = {
        "plain": entry(upstream.base_url, "ok", price=price, api_key="${env:DOCTOR_KEY}"),
        "texts": entry(upstream.base_url, "ok", surfaces=["completions"]),
        "vectors": entry(upstream.base_url, "vectors", surfaces=["embeddings"]),
        "tools": entry(upstream.base_url, "tools", capabilities=["tools"]),
    }
    status, found = examined(tmp_path, deployments)
    assert status == 0
    assert results(found["plain"]) == dict.fromkeys(("list", "answer", "stream", "tools", "schema"), "ok")
    assert found["plain"]["answer"]["cost_usd"] > 0
    assert found["plain"]["answer"]["took_s"] > 0
    assert "ok among them" in found["plain"]["list"]["said"]
    assert results(found["texts"]) == {"list": "ok", "completion": "ok"}
    assert results(found["vectors"]) == {"list": "ok", "embedding": "ok"}
    assert found["tools"]["tools"]["result"] == "ok"


def test_what_a_provider_repeats_is_not_shown(tmp_path: Path) -> None:
    """Providers name the key that they refuse; a report ends up in a build's log."""

    def refuse(asked: Asked) -> bytes:
        said = f"Incorrect API key provided: {KEY}\x1b[2J, in {asked.headers['authorization']}"
        return response({"error": {"message": said, "type": "x", "code": "invalid_api_key"}}, 401)

    with Scripted(refuse) as upstream:
        _, found = examined(tmp_path, {"up": entry(upstream.base_url, "m", api_key="${env:DOCTOR_KEY}")})
    said = " ".join(one["said"] for one in found["up"].values())
    assert "Incorrect API key provided" in said
    assert "\x1b" not in said


def test_what_is_there_and_not_declared_and_the_other_way(tmp_path: Path, upstream: Upstream) -> None:
    deployments = {
        "undeclared": entry(upstream.base_url, "tools"),
        "silent": entry(upstream.base_url, "ok", capabilities=ALL),
        "schema": entry(upstream.base_url, "json_schema"),
    }
    status, found = examined(tmp_path, deployments)
    assert status == 0
    assert found["undeclared"]["tools"]["result"] == "note"
    assert "add tools to capabilities" in found["undeclared"]["tools"]["advice"]
    assert results(found["silent"])["tools"] == results(found["silent"])["schema"] == "warning"
    status, _ = examined(tmp_path, deployments, "--strict", "silent")
    assert status == 1


def test_what_is_wrong_is_said_in_words(tmp_path: Path, upstream: Upstream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    root = upstream.base_url.removesuffix("/v1")
    deployments = {
        "key": entry(upstream.base_url, "unauthorized_vllm_401", api_key="${env:DOCTOR_KEY}"),
        "no-key": entry(upstream.base_url, "unauthorized_vllm_401"),
        "unset": entry(upstream.base_url, "ok", api_key="${env:DOCTOR_UNSET}"),
        "no-v1": entry(root, "ok"),
        "too-much": entry(f"{upstream.base_url}/v1", "ok"),
        "model": entry(upstream.base_url, "okk"),
        "down": entry(f"http://127.0.0.1:{nobody}/v1", "ok"),
        "tls": entry(f"https://127.0.0.1:{upstream.port}/v1", "ok"),
        "refused": entry(upstream.base_url, "bad_param_400", capabilities=ALL),
    }
    status, found = examined(tmp_path, deployments)
    assert status == 1
    assert found["key"]["answer"]["result"] == "failed"
    assert "is api_key the one of this account" in found["key"]["answer"]["advice"]
    assert found["no-key"]["answer"]["advice"].startswith("no api_key is configured")
    assert "DOCTOR_UNSET" in found["unset"]["key"]["said"]
    assert found["no-v1"]["answer"]["advice"] == f"base_url must end with /v1: {upstream.base_url}"
    assert found["model"]["answer"]["advice"].startswith("model: okk is not among those that it lists; nearest: ok")
    assert found["down"]["list"]["result"] == "failed"
    assert "no connection could be made" in found["down"]["list"]["said"]
    assert found["down"]["the rest"]["result"] == "skipped"
    assert found["tls"]["list"]["result"] == "failed"
    assert found["too-much"]["answer"]["result"] == "failed"
    assert found["refused"]["answer"]["result"] == "failed"


@pytest.mark.parametrize("model", ["silent", "endless_headers", "html_200", "redirect", "gzip_bomb"])
def test_it_ends_whatever_a_provider_does(tmp_path: Path, upstream: Upstream, model: str) -> None:
    status, found = examined(tmp_path, {"odd": entry(upstream.base_url, model)}, "--timeout", "0.5")
    assert status == 1
    assert found["odd"]["answer"]["result"] == "failed"


def test_a_name_that_is_none_is_refused(tmp_path: Path, upstream: Upstream) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump({"deployments": {"a": entry(upstream.base_url, "ok")}}))
    done = CliRunner().invoke(main, ["doctor", "-c", str(file), "b"])
    assert done.exit_code == 1
    assert "there are a" in done.output


def test_the_table_says_it_to_people(tmp_path: Path, upstream: Upstream) -> None:
    """With its progress on stderr."""
    file = tmp_path / "gateway.yaml"
    file.write_text(
        yaml.safe_dump({"deployments": {"a": entry(upstream.base_url, "ok"), "b": entry("http://127.0.0.1:9/v1", "x")}})
    )
    done = CliRunner().invoke(main, ["doctor", "-c", str(file)])
    assert done.exit_code == 1
    assert "2 of 2 deployments" in done.stderr
    assert "-> is the server up, and the host and port of base_url right?" in done.stdout
    assert "known cost 0.000000 USD" in done.stdout


def test_the_embedded_model(tmp_path: Path) -> None:
    own = {
        "provider": "llama_cpp", "model": "smollm2-135m-instruct", "hosting": "self_hosted", "embedded": {"context_tokens": 2048},
    }  # fmt: skip
    status, found = examined(tmp_path, {"home": own}, "--timeout", "60")
    assert status == 0, found
    assert {"list", "answer", "stream", "tools", "schema", "completion"} <= found["home"].keys()
    assert found["home"]["answer"]["result"] == "ok"


LISTS = [
    (b'{"object":"list","data":[{"id":"a"},{"id":"b"}]}', ["a", "b"]),
    (b'{"models":[{"name":"models/gemini-2.5-pro"}]}', ["models/gemini-2.5-pro"]),
    (b'[{"id":"a"},{"no":1},7]', ["a"]),
    (b'{"data":{"id":"a"}}', None),
    (b'{"data":[{"id":5}]}', []),
    (b"<html>", None),
    (b"\xff\xfe", None),
    (b"[" * 5000, None),
]


@pytest.mark.parametrize(("body", "names"), LISTS)
def test_lists_of_models(body: bytes, names: list[str] | None) -> None:
    assert models_list.names_in(body) == names


def test_a_model_may_be_in_a_collection() -> None:
    assert models_list.is_named("gemini-2.5-pro", ["models/gemini-2.5-pro"])
    assert not models_list.is_named("gemini", ["models/gemini-2.5-pro"])

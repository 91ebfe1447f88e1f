"""`GET /v1/models` of a configuration without `models:`: deployments are what can be asked for, so they are listed."""

from pathlib import Path
from typing import Any

from tests.support.gateway import deployment
from tests.support.in_process import in_front_of


def listed(directory: Path, **more: Any) -> list[str]:
    def config(base_url: str) -> dict[str, Any]:
        return {"deployments": {"a": deployment(base_url, "ok"), "b": deployment(base_url, "ok")}, **more}

    with in_front_of(1, directory, lambda stands: config(stands[0].base_url)) as here:
        client = here.gateway.client()
        names = [one["id"] for one in client.get("/v1/models").json()["data"]]
        for name in names:
            assert client.get(f"/v1/models/{name}").json()["id"] == name
            body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
            assert client.post("/v1/chat/completions", json=body).status_code == 200
        anthropics = client.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
        assert [one["id"] for one in anthropics["data"]] == names
        assert (anthropics["first_id"], anthropics["last_id"]) == (names[0], names[-1])
    return names


def test_without_models_deployments_are_listed(tmp_path: Path) -> None:
    assert listed(tmp_path) == ["a", "b"]


def test_with_models_only_they_are(tmp_path: Path) -> None:
    assert listed(tmp_path, models={"chat": {"deployments": ["a", "b"]}}) == ["chat"]

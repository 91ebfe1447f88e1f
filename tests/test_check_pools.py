"""`gateway check` warns of a pool whose embeddings are by two models, and stays silent about one model."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_check import check

ONE = "hosting: commercial, provider: openai, base_url: 'https://api.example.com/v1'"


def warned(tmp_path: Path, *deployments: str) -> list[dict[str, Any]]:
    file = tmp_path / "gateway.yaml"
    lines = [f"  d{at}: {{{ONE}, {one}}}" for at, one in enumerate(deployments)]
    names = ", ".join(f"d{at}" for at in range(len(deployments)))
    text = ["deployments:", *lines, "models:", "  pool:", f"    deployments: [{names}]", "policy: {rules: [{name: a}]}"]
    file.write_text("\n".join(text))
    told = json.loads(check("--json", str(file)).stdout)
    assert told["valid"] is True
    return [one for one in told["problems"] if one["kind"] == "pool"]


@pytest.mark.parametrize(
    ("deployments", "paths"),
    [
        (["model: a, surfaces: [embeddings]", "model: b, surfaces: [embeddings]"], ["models.pool.deployments[1]"]),
        (["model: a", "model: b, surfaces: [embeddings]", "model: c, surfaces: [embeddings, chat]"], ["models.pool.deployments[2]"]),
        (["model: a, surfaces: [embeddings]", "model: a, surfaces: [embeddings]"], []),
        (["model: a", "model: b"], []),
        (["model: a, surfaces: [embeddings]", "model: b"], []),
    ],
)  # fmt: skip
def test_two_models_of_embeddings_in_a_pool(tmp_path: Path, deployments: list[str], paths: list[str]) -> None:
    found = warned(tmp_path, *deployments)
    assert [one["path"] for one in found] == paths
    assert all(one["severity"] == "warning" and "cannot be compared" in one["sentence"] for one in found)

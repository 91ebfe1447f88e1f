"""`gateway check` warns of prices that are probably a slip of the pen, and stays silent about usual ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_check import check

VENDOR = "hosting: commercial, provider: openai, base_url: 'https://api.example.com/v1', model: m"
OWN = "hosting: self_hosted, provider: vllm, base_url: 'http://127.0.0.1:1/v1', model: m"


def warned(tmp_path: Path, deployment: str) -> list[dict[str, Any]]:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f"deployments:\n  d: {{{deployment}}}\nmodels: {{chat: {{deployments: [d]}}}}\npolicy: {{rules: [{{name: a}}]}}\n"
    )
    told = json.loads(check("--json", str(file)).stdout)
    assert told["valid"] is True
    return [one for one in told["problems"] if one["kind"] == "price"]


@pytest.mark.parametrize(
    ("deployment", "field"),
    [
        (f"{VENDOR}, price: {{input_usd_per_mtok: 2500000, output_usd_per_mtok: 10000000}}", "input_usd_per_mtok"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1000}}", "output_usd_per_mtok"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 0.0000025, output_usd_per_mtok: 0.00001}}", "input_usd_per_mtok"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 0, output_usd_per_mtok: 1}}", "input_usd_per_mtok"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 10, output_usd_per_mtok: 2.5}}", "input_usd_per_mtok"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 1, output_usd_per_mtok: 2, cached_input_usd_per_mtok: 10}}", "cached_input_usd_per_mtok"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 1, output_usd_per_mtok: 2, request_usd: 5}}", "request_usd"),
        (f"{VENDOR}, price: {{input_usd_per_mtok: 1, output_usd_per_mtok: 2, reasoning_usd_per_mtok: 2000}}", "reasoning_usd_per_mtok"),
        (f"{OWN}, price: {{input_usd_per_mtok: 500, output_usd_per_mtok: 500}}", "input_usd_per_mtok"),
        (f"{OWN}, own_cost: {{gpu_hour_usd: 2500}}", "gpu_hour_usd"),
    ],
)  # fmt: skip
def test_a_price_that_is_probably_a_slip_is_warned_of_at_its_place(tmp_path: Path, deployment: str, field: str) -> None:
    found = warned(tmp_path, deployment)
    assert found
    assert {one["severity"] for one in found} == {"warning"}
    assert found[0]["path"].endswith(f".{field}")
    assert found[0]["line"] == 2


@pytest.mark.parametrize(
    "deployment",
    [
        f"{VENDOR}, price: {{input_usd_per_mtok: 2.5, output_usd_per_mtok: 10, cached_input_usd_per_mtok: 1.25}}",
        f"{VENDOR}, price: {{provider: openai, model: o1-pro}}",
        f"{OWN}, price: {{input_usd_per_mtok: 0.001, output_usd_per_mtok: 0.001}}",
        f"{OWN}, own_cost: {{gpu_hour_usd: 12}}",
    ],
)
def test_a_usual_price_is_not(tmp_path: Path, deployment: str) -> None:
    assert warned(tmp_path, deployment) == []

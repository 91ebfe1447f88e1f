"""What the simulator says and what the gateway does, on virtual time, in front of upstreams that behave as the model."""

from pathlib import Path
from typing import Any

import pytest

from gateway.app import load_plan
from gateway.insight.fit_batching import fit_batching
from gateway.insight.journaled import read_journal
from gateway.journal.journal import every
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from tests.support.agreement import Figures, agreement, off, poisson

SECONDS, PER_S, SEED = 50, 14.0, 6
UNDER_S = 0.6
WORLD: dict[str, Any] = {
    "deployments": {
        "home": {
            "self_hosted": {
                "prefill_tokens_per_s": 8000, "step_s": 0.012, "step_per_sequence_s": 0.0005, "max_running": 20,
                "overhead_s": 0.2,
            }
        },
        "cloud": {
            "commercial": {
                "first_output": {"median_s": 0.3, "sigma": 0.2, "per_prompt_token_s": 0.0001},
                "output_token": {"median_s": 0.01, "sigma": 0.2},
            }
        },
        "cloud-2": {
            "commercial": {
                "first_output": {"median_s": 0.35, "sigma": 0.2, "per_prompt_token_s": 0.0001},
                "output_token": {"median_s": 0.012, "sigma": 0.2},
            }
        },
    }
}  # fmt: skip
WITHIN = 0.2


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Figures, Figures]:
    """The folder with the journal of a short run, what came of it for real, and as simulated."""
    folder = tmp_path_factory.mktemp("agreement")
    real, simulated = agreement(folder, WORLD, UNDER_S, poisson(int(SECONDS * PER_S), PER_S, SEED))
    return folder, real, simulated


def test_the_gateway_does_what_was_simulated(played: tuple[Path, Figures, Figures]) -> None:
    _, real, simulated = played
    assert max(off(real, simulated).values()) <= WITHIN, (real, simulated)


def test_what_it_recorded_shows_how_the_server_behaves(played: tuple[Path, Figures, Figures]) -> None:
    folder, _, _ = played
    settings = load(str(folder / "gateway.yaml"), {}, OFFERS, without_secrets=True)
    plan = load_plan(settings)
    recorded = read_journal(every(settings.journal_path), "the journal", lambda _: plan)
    found = fit_batching(recorded.samples["home"])
    its, was = found.self_hosted, WORLD["deployments"]["home"]["self_hosted"]
    assert its is not None
    assert its.prefill_tokens_per_s == pytest.approx(was["prefill_tokens_per_s"], rel=WITHIN)
    usual = 10  # sequences at once
    step_s = was["step_s"] + usual * was["step_per_sequence_s"]
    assert its.step_s + usual * its.step_per_sequence_s == pytest.approx(step_s, rel=WITHIN)
    assert its.overhead_s == pytest.approx(was["overhead_s"], rel=WITHIN)

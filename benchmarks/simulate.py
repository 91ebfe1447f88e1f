"""`python -m benchmarks.simulate`: does the gateway, on virtual time and in front of upstreams that behave as the model, do what
the simulator says? And how long does the simulator take for an hour of the Azure trace, twice?
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.insight.test_agreement import PER_S, SEED, UNDER_S, WORLD
from tests.insight.test_azure import ROUND_ROBIN, TRACE
from tests.insight.test_azure import WORLD as AZURE_WORLD
from tests.support.agreement import Request, agreement, off, poisson
from tests.support.gateway import REPOSITORY

WITHIN, WITHIN_S = 0.1, 20.0
FAILING = {
    "home": {"failures": {"share": 0.03, "outcome": "server_error", "after_s": 0.1}},
    "cloud": {
        "failures": {"share": 0.1, "outcome": "overloaded", "after_s": 0.2},
        "commercial": {**WORLD["deployments"]["cloud"]["commercial"], "limits": {"requests_per_minute": 120}},
    },
}
SCENARIOS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # a world, and the rule's limits
    "all is well": (WORLD, {}),
    "failures, a rate limit, hedges": (
        {"deployments": {name: {**one, **FAILING.get(name, {})} for name, one in WORLD["deployments"].items()}},
        {"hedge": {"percentile": 95, "share": 0.1}, "first_output_s": 1.5},
    ),
}


def main() -> int:
    """Tables; exit status 1 if a bound is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=50.0, help="of traffic in each scenario")
    options.add_argument("--scenario", choices=list(SCENARIOS), help="only this one")
    given = options.parse_args()
    requests = poisson(int(given.seconds * PER_S), PER_S, SEED)
    missed = False
    for name in [given.scenario] if given.scenario else SCENARIOS:
        missed |= _apart(name, requests) > WITHIN
    if TRACE.exists():
        took_s = _hour()
        print(f"an hour of the Azure trace under two policies: {took_s:.1f} s")
        missed |= took_s > WITHIN_S
    print(f"bounds ({WITHIN:.0%}, {WITHIN_S:.0f} s): {'missed' if missed else 'kept'}")
    return int(missed)


def _apart(name: str, requests: list[Request]) -> float:
    """The largest difference."""
    world, limits = SCENARIOS[name]
    with tempfile.TemporaryDirectory() as folder:
        real, simulated = agreement(Path(folder), world, UNDER_S, requests, limits)
    apart = off(real, simulated)
    print(f"{name}: {len(requests)} requests")
    print(f"{'':26} {'real':>10} {'simulated':>10} {'apart':>8}")
    for figure, value in real.items():
        print(f"{figure:26} {value:10.4f} {simulated[figure]:10.4f} {apart[figure]:8.1%}")
    return max(apart.values())


def _hour() -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as draft:
        draft.write(ROUND_ROBIN)
        draft.flush()
        command = [sys.executable, "-m", "gateway", "simulate", "-c", "policies/spill-over.yaml", "--trace", str(TRACE)]
        since = time.monotonic()
        subprocess.run(
            [*command, "--world", str(AZURE_WORLD), "--policy", draft.name],
            cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return time.monotonic() - since


if __name__ == "__main__":
    sys.exit(main())

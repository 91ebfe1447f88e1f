"""`python -m benchmarks.simulate`: does the real gateway, over sockets and in front of upstreams that behave as the model,
do what the simulator says? And how long does the simulator take for an hour of the Azure trace, twice?
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.insight.test_agreement import PER_S, SEED, UNDER_S, WORLD
from tests.insight.test_azure import ROUND_ROBIN, TRACE
from tests.insight.test_azure import WORLD as AZURE_WORLD
from tests.support.agreement import agreement, off, poisson
from tests.support.gateway import REPOSITORY

WITHIN, WITHIN_S = 0.1, 20.0


def main() -> int:
    """Tables; exit status 1 if a bound is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=50.0, help="of real traffic")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        requests = poisson(int(given.seconds * PER_S), PER_S, SEED)
        real, simulated, late_s = agreement(Path(folder), WORLD, UNDER_S, requests)
        took_s = _hour(Path(folder)) if TRACE.exists() else None
    apart = off(real, simulated)
    print(f"{len(requests)} requests in {given.seconds:.0f} s; this machine's timers were {late_s * 1e3:.1f} ms late")
    print(f"{'':20} {'real':>10} {'simulated':>10} {'apart':>8}")
    for name, value in real.items():
        print(f"{name:20} {value:10.4f} {simulated[name]:10.4f} {apart[name]:8.1%}")
    missed = max(apart.values()) > WITHIN or (took_s is not None and took_s > WITHIN_S)
    if took_s is not None:
        print(f"an hour of the Azure trace under two policies: {took_s:.1f} s")
    print(f"bounds ({WITHIN:.0%}, {WITHIN_S:.0f} s): {'missed' if missed else 'kept'}")
    return int(missed)


def _hour(folder: Path) -> float:
    (folder / "draft.yaml").write_text(ROUND_ROBIN)
    command = [sys.executable, "-m", "gateway", "simulate", "-c", "policies/spill-over.yaml", "--trace", str(TRACE)]
    since = time.monotonic()
    subprocess.run(
        [*command, "--world", str(AZURE_WORLD), "--policy", str(folder / "draft.yaml")],
        cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.monotonic() - since


if __name__ == "__main__":
    sys.exit(main())

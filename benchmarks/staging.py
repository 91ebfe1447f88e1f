"""`python -m benchmarks.staging`: after how many requests a staged revision that doubles errors is withdrawn, and how
often one that changes nothing is. Simulated through the code that counts, with fixed seeds; about a minute.
"""

import argparse
import random
import sys
from functools import partial
from multiprocessing import Pool

from gateway.policies.evidence import STAGED, Evidence
from gateway.policies.trial import is_worse

RUNS = 100
BASES, SHARES = (0.02, 0.05, 0.1, 0.3), (0.05, 0.1, 0.2, 0.5)
MOST = 4_000  # requests, over the base rate
HARMLESS = 10_000


def withdrawn_after(base: float, share: float, times: float, most: int, seed: int) -> int | None:
    """Requests until the staged revision is withdrawn; None if it is not within `most`."""
    chance, evidence = random.Random(f"{base} {share} {times} {seed}"), Evidence()
    for number in range(1, most + 1):
        arm = int(chance.random() < share)
        evidence.count(arm, chance.random() < min(base * (times if arm == STAGED else 1), 1.0))
        if is_worse(evidence):
            return number
    return None


def main() -> int:
    """Two tables; exit status 1 if a doubling is missed, or a harmless one is withdrawn."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    missed = 0
    with Pool() as pool:
        print(f"errors doubled, {RUNS} runs: requests in all (both arms) until withdrawn, median and the longest")
        print(f"{'base rate':>10} " + " ".join(f"{f'share {share:g}':>17}" for share in SHARES))
        for base in BASES:
            cells = []
            for share in SHARES:
                ends = pool.map(partial(withdrawn_after, base, share, 2.0, int(MOST / base)), range(RUNS))
                known = sorted(end for end in ends if end is not None)
                missed += RUNS - len(known)
                cells.append(f"{known[len(known) // 2]:>8,} {known[-1]:>8,}")
            print(f"{base:>10.0%} " + " ".join(cells), flush=True)
        print(f"every staged request fails, of the others 1 %, {RUNS} runs: the same")
        everything = [pool.map(partial(withdrawn_after, 0.01, share, 100.0, MOST), range(RUNS)) for share in SHARES]
        worst = [sorted(end or MOST for end in ends) for ends in everything]
        print(f"{'':>10} " + " ".join(f"{ends[RUNS // 2]:>8,} {ends[-1]:>8,}" for ends in worst))
        print(f"nothing changed, {RUNS} runs of {HARMLESS:,} requests: withdrawn")
        for base in BASES:
            ends = [pool.map(partial(withdrawn_after, base, share, 1.0, HARMLESS), range(RUNS)) for share in SHARES]
            counts = [RUNS - end.count(None) for end in ends]
            missed += sum(counts)
            print(f"{base:>10.0%} " + " ".join(f"{count:>17}" for count in counts), flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.replay`: decisions made under load by a real gateway, while readings change and the policy does
twice, one of them staged; then all of them made again by `gateway replay`. None may differ. Minutes.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.support.live_decisions import decided, made_again


def main() -> int:
    """Exit status 1 if any decision differs, or could not be made again."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=99_999, help="of three thirds")
    options.add_argument("--connections", type=int, default=32)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory, since = Path(folder), time.monotonic()
        statuses = decided(directory, asked.count, asked.connections)
        served_s, since = time.monotonic() - since, time.monotonic()
        done = made_again(directory, "--json")
        if done.returncode not in (0, 1):
            sys.exit(done.stdout + done.stderr)
        found = json.loads(done.stdout)
        print(f"{statuses.total():,} requests in {served_s:.0f} s; statuses: {dict(statuses)}")
        print(f"by revision: {found['revisions']}; journal {_size(directory) / statuses.total():.0f} bytes a decision")
        print(
            f"made again in {time.monotonic() - since:.1f} s: {found['same']:,} the same, {found['differing']} differ"
        )
        for one in [*found["differences"], *found["left_out"].items()]:
            print(one)
    return int(found["differing"] > 0 or found["same"] != statuses.total())


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in (directory / "state").glob("journal.db*"))


if __name__ == "__main__":
    sys.exit(main())

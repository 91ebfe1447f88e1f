"""`make bench`: the gateway with everything on, beside its peers, on the same upstream; writes benchmarks/RESULTS.md.

Needs the bench harness (a folder with bench.py, mock.c and gateways/) at ../shared/bench or $BENCH_HARNESS, and wrk, gcc,
ss and taskset. Peers that are not installed are left out and named. CPU 0 runs one gateway at a time, CPU 1 the mock
upstream and the load; rounds are interleaved, so compare figures of one run with each other only. Then the parts that
have bounds of their own: a decision, detection, hedging.
"""

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import decide, detection, hedge
from benchmarks.report import Bound, table

PARTS = (decide, detection, hedge)
REPOSITORY = Path(__file__).parents[1]
HARNESS = Path(os.environ.get("BENCH_HARNESS", REPOSITORY.parent / "shared" / "bench"))
PEERS = ("nginx", "vllm-router", "sglang-router", "tensorzero")
OURS = "gateway"
CELLS = "json-c32,sse-c32,json64k-c32,sse5ms-c256"
CPU_US = {"json-c32": 300, "sse-c32": 450}
MAX_RSS_MB = 150
LEAST_STREAMS = 2
PORT = 9180
METRICS = ("rps", "p50_us", "p99_us", "cpu_us_per_req", "rss_mb")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--cells", default=CELLS)
    options.add_argument("--peers", default=",".join(PEERS))
    given = options.parse_args()
    missing = [tool for tool in ("wrk", "gcc", "ss", "taskset") if shutil.which(tool) is None]
    if not HARNESS.is_dir() or missing:
        sys.exit(f"the bench needs {HARNESS} and {', '.join(missing) or 'its tools'}; nothing was measured")
    with tempfile.TemporaryDirectory() as folder:
        rows, left_out = measure(Path(folder), given)
    parts = [part.section() for part in PARTS]
    report = "\n".join([render(rows, left_out, given), *(f"{part}\n" for part in parts)])
    (REPOSITORY / "benchmarks" / "RESULTS.md").write_text(report)
    print(report)


def measure(folder: Path, given: argparse.Namespace) -> tuple[list[dict], list[str]]:
    """Run the harness on a copy that has this gateway among the others."""
    harness = folder / "bench"
    shutil.copytree(HARNESS, harness)
    ours = harness / "gateways" / OURS
    ours.mkdir()
    (ours / "conf").write_text(f"PORT={PORT}\nMODEL=chat\n")
    config = REPOSITORY / "benchmarks" / "gateway.yaml"
    (ours / "start.sh").write_text(
        f"cd {REPOSITORY}\nexport PORT={PORT} GATEWAY_STATE_DIR={folder / 'state'}\n"
        f"exec {sys.executable} -m gateway serve --config {config}\n"
    )
    out = folder / "results.jsonl"
    names = ["direct", OURS, *(peer for peer in given.peers.split(",") if peer)]
    command = [sys.executable, "bench.py", "all", *names, "--cells", given.cells, "--seconds", str(given.seconds)]
    command += ["--warm", "2", "--rounds", str(given.rounds), "--out", str(out)]
    subprocess.run(command, cwd=harness, check=True)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    measured = {row["gateway"] for row in rows if row.get("requests")}
    return rows, [name for name in names if name not in measured]


def render(rows: list[dict], left_out: list[str], given: argparse.Namespace) -> str:
    lines = [
        "# Speed, beside peers on the same upstream",
        "",
        f"`make bench` on {time.strftime('%Y-%m-%d')}: {cpu_name()}, Python {platform.python_version()};",
        f"{given.rounds} interleaved rounds of {given.seconds} s a cell, medians. One worker pinned to CPU 0; the mock",
        "upstream (C) and wrk on CPU 1. The gateway runs with policy, prices, journal and metrics on.",
        "The peers forward and balance; they run no policy, keys or journal. Compare figures of one run with each other only.",
        "",
        "Cells: json: 1 KB prompt, 1.3 KB answer; sse: 64 chunks, usage, [DONE]; json64k: 64 KB prompt; sse5ms: 5 ms between",
        "chunks; cN: N connections in a closed loop. CPU is of the whole process tree.",
        "",
    ]
    for cell in given.cells.split(","):
        lines += cell_table(cell, [row for row in rows if row["cell"] == cell])
    lines += ["## Bounds", "", *bounds(rows)]
    if left_out:
        lines += ["", f"Not measured, because they did not start or are not installed: {', '.join(left_out)}."]
    return "\n".join(lines) + "\n"


def cell_table(cell: str, rows: list[dict]) -> list[str]:
    ours = median([row for row in rows if row["gateway"] == OURS], "cpu_us_per_req")
    header = ["gateway", "CPU µs/request", "ratio to ours", "requests/s", "p50 ms", "p99 ms", "RSS MB", "errors"]
    lines = []
    for name in sorted({row["gateway"] for row in rows}):
        own = [row for row in rows if row["gateway"] == name]
        rps, p50, p99, cpu, rss = (median(own, metric) for metric in METRICS)
        errors = sum(row.get("errors", 0) for row in own)
        shown = ("-", "-", "-") if name == "direct" else (f"{cpu:,.0f}", f"{cpu / ours:.2f}", f"{rss:.0f}")
        lines.append(
            [name, shown[0], shown[1], f"{rps:,.0f}", f"{p50 / 1e3:.2f}", f"{p99 / 1e3:.2f}", shown[2], f"{errors}"]
        )
    return [f"## {cell}", "", *table(header, lines), ""]


def bounds(rows: list[dict]) -> list[str]:
    found = []
    for cell, bound in CPU_US.items():
        cpu = median([row for row in rows if row["gateway"] == OURS and row["cell"] == cell], "cpu_us_per_req")
        found.append(Bound(f"{cell}: {cpu:,.0f} µs of CPU a request, bound {bound}", cpu <= bound))
    rss = max(row.get("rss_mb", 0) for row in rows if row["gateway"] == OURS)
    found.append(Bound(f"resident memory at most {rss:.0f} MB, bound {MAX_RSS_MB}", rss <= MAX_RSS_MB))
    ours, theirs = (
        median([row for row in rows if row["gateway"] == name and row["cell"] == "sse-c32"], "rps")
        for name in (OURS, "tensorzero")
    )
    if not math.isnan(theirs):  # else it was not measured
        times = ours / theirs
        said = f"streams: {times:.1f} times TensorZero's requests a second, bound {LEAST_STREAMS}"
        found.append(Bound(said, times >= LEAST_STREAMS))
    return [str(bound) for bound in found]


def median(rows: list[dict], metric: str) -> float:
    return statistics.median([row[metric] for row in rows if metric in row] or [float("nan")])


def cpu_name() -> str:
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()

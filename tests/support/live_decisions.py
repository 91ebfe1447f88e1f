"""Live decisions to be made again: load on a real gateway whose readings change all the time, under three revisions of its
policy, one of them staged. What decides is used as widely as it can be: objectives, weights, sessions, SLOs, hedges,
ceilings, several addresses with vLLM's metrics, exact tokens, windows of time.
"""

import asyncio
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.fleet import Fleet, Stand
from tests.support.forked import gateway_command
from tests.support.gateway import GatewayProcess, deployment
from tests.support.operator import Operator
from tests.support.rush import request, rush

PLACES = ("near", "far", "home")
_PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 3.0}
_SLO = "slo: {first_output: {under_s: 0.05, percentile: 90}, total: {under_s: 0.1}, min_requests: 5, window_s: 10}"
POLICIES = (
    f"""rules:
- name: counted
  when: {{tags: {{exact: "yes"}}}}
  count_tokens: exact
  prefer: {{objective: {{cost: 1, latency: 1, load: 1}}, explore: 0.1}}
- name: streams
  when: {{stream: true}}
  {_SLO}
  prefer: {{objective: {{cost: 0.3, latency: 0.7}}, explore: 0.1}}
  limits: {{hedge: {{percentile: 90, share: 0.2}}, max_attempts: 2}}
- name: rest
  {_SLO}
  prefer: {{weights: {{near: 3, far: 2, home: 1}}, split_by: session}}
""",
    f"""rules:
- name: streams
  when: {{stream: true, time: {{start: "00:00", end: "12:00"}}}}
  {_SLO.replace("0.05", "0.02")}
  prefer: {{objective: load}}
  fallback: {{not_on: [server_error]}}
- name: rest
  prefer: {{objective: cost}}
  limits: {{max_cost_usd: 0.01, deadline_s: 3}}
""",
    f"""rules:
- name: rest
  {_SLO}
  prefer: {{objective: {{cost: 1, latency: 2, quality: 1, load: 1}}}}
  fallback: {{to: [spare], retries: 0}}
""",
)
MOODS = {
    "near": (["ok"], ["slow@15", "ok"], ["error_500", "ok"], ["rate_limit_429", "ok"], ["rate_headers"], ["overloaded_503"]),
    "far": (["slow@10"], ["tokens"], ["ok", "cut_after"], ["ok"]),
    "home": (["vllm"], ["vllm", "slow@20"], ["one_at_a_time@5"], ["error_500"]),
}  # fmt: skip


def requests(count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for number in range(count):
        more: dict[str, Any] = {"stream": chance.random() < 0.5}
        if chance.random() < 0.5:
            more["max_tokens"] = chance.choice([16, 100, 5000])
        if chance.random() < 0.3:
            more["session"] = f"s{chance.randrange(50)}"
        if chance.random() < 0.05:
            more["tags"] = "exact=yes"
        yield request(number, chance.choice(["all", "all", "all", "home", "far"]), **more)


@contextmanager
def served(directory: Path, keep: int) -> Iterator[tuple[GatewayProcess, dict[str, Stand]]]:
    """A gateway, and the upstreams by deployment. `spare` is that of `far` under another name."""
    with Fleet(4) as fleet:
        near, far, home, also_home = fleet.stands
        deployments = {
            "near": deployment(near.base_url, "m", price=_PRICE, quality=0.6),
            "far": deployment(far.base_url, "m", price={**_PRICE, "input_usd_per_mtok": 0.1}, max_output_tokens=1000),
            "home": {
                "provider": "vllm", "hosting": "self_hosted", "model": "m", "clearance": "restricted",
                "addresses": [home.base_url, also_home.base_url], "scrape_s": 0.2, "limits": {"max_in_flight": 20},
                "own_cost": {"gpu_hour_usd": 2.0, "tokens_per_s": 2000, "concurrent": 8},
            },
            "spare": deployment(far.base_url, "m"),
        }  # fmt: skip
        (directory / "policy.yaml").write_text(POLICIES[0])
        config = {
            "deployments": deployments, "models": {"all": {"deployments": list(PLACES)}}, "policy": "policy.yaml",
            "journal": {"keep": keep, "queue": 100_000},
        }  # fmt: skip
        for stand in fleet.stands:
            stand.play("ok")
        with GatewayProcess(directory, config) as gateway:
            yield gateway, {"near": near, "far": far, "home": home}


def decided(directory: Path, count: int, connections: int = 16) -> Counter[int]:
    """Serve so many requests, with a revision staged after a third of them and another published after two thirds.

    Afterwards the gateway has stopped, and its journal is whole. The statuses that came.
    """
    with served(directory, keep=2 * count) as (gateway, stands):
        stopped = threading.Event()
        moody = threading.Thread(target=_change_moods, args=(stands, stopped))
        moody.start()
        operator, statuses = Operator(gateway), Counter[int]()
        try:
            for third in range(3):
                if third == 1:
                    operator.published(POLICIES[1], share=0.4)
                if third == 2:
                    operator.published(POLICIES[2])
                statuses += asyncio.run(rush(gateway.port, requests(count // 3, third), connections))
        finally:
            stopped.set()
            moody.join()
    return statuses


def _change_moods(stands: dict[str, Stand], stopped: threading.Event) -> None:
    chance = random.Random(1)
    while not stopped.wait(0.2):
        name = chance.choice(list(stands))
        stands[name].play(*chance.choice(MOODS[name]))


def made_again(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`gateway replay`, on what `decided` left."""
    return gateway_command("replay", "--journal", str(directory / "state" / "journal.db"), *arguments)

"""The gateway in front of modelled upstreams, on virtual time, and the simulator on the journal of that: do they say the same?"""

import asyncio
import json
import random
import statistics
from pathlib import Path
from typing import Any

import yaml

from tests.support.example import POLICIES, words
from tests.support.forked import gateway_command
from tests.support.in_process import InProcessGateway
from tests.support.modelled import listening
from tests.support.virtual_time import VirtualTime

SEEDS = 5
Figures = dict[str, float]
Request = tuple[float, int, int]  # seconds from the start, prompt tokens, output tokens


def poisson(count: int, per_s: float, seed: int) -> list[Request]:
    """Requests of many sizes, at random times."""
    dice, at, found = random.Random(seed), 0.0, []
    for _ in range(count):
        at += dice.expovariate(per_s)
        prompt, output = dice.lognormvariate(5.0, 0.7), dice.lognormvariate(3.8, 0.6)
        found.append((at, min(int(prompt) + 5, 1500), min(int(output) + 2, 300)))
    return found


def agreement(
    directory: Path,
    world: dict[str, Any],
    under_s: float,
    requests: list[Request],
    limits: dict[str, Any] | None = None,
) -> tuple[Figures, Figures]:
    """The last rule of `policies/spill-over.yaml` with another objective, and `limits`: what came of it in the gateway, and as
    simulated, the median of some seeds.
    """
    file = directory / "world.yaml"
    file.write_text(json.dumps(world))
    with VirtualTime() as virtual:
        document = yaml.safe_load((POLICIES / "spill-over.yaml").read_text())
        for name, upstream in virtual.run(listening(file)).items():
            document["deployments"][name]["base_url"] = upstream.base_url
        document["deployments"]["home"]["scrape_s"] = 0.25
        document["journal"] = {"path": "journal.db"}
        document["policy"]["detection"] = {"kinds": []}
        *_, rule = document["policy"]["rules"]
        rule["slo"]["first_output"]["under_s"] = under_s
        rule["limits"] = limits or {}
        document["policy"]["rules"] = [rule]
        with InProcessGateway(virtual, directory, document, {"OPENAI_API_KEY": "sk-openai-0123456789"}) as gateway:
            virtual.sleep(1.0)  # until the gauges were read
            virtual.run(_ask_all(gateway, requests))
    found = [_simulated(directory, seed) for seed in range(SEEDS)]
    assert found[0]["requests"] == len(requests)
    assert found[0]["left_out"] == found[0]["assumed"] == {}
    return _figures(found[0]["recorded"]), _middle([_figures(one["current"]) for one in found])


def _simulated(directory: Path, seed: int) -> dict[str, Any]:
    command = ["simulate", "--json", "-c", str(directory / "gateway.yaml")]
    more = ["--journal", "--world", str(directory / "world.yaml"), "--seed", str(seed)]
    done = gateway_command(*command, *more)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _figures(side: dict[str, Any]) -> Figures:
    asked = side["requests"]
    times = {f"{kind} {rank}": side[kind][rank] for kind in ("first_output_s", "total_s") for rank in ("p50", "p95")}
    shares = {"hedged": side["hedges"] / asked, "unanswered": 1 - side["answered"] / asked}
    for name, one in side["deployments"].items():
        shares |= {name: one["share"], f"failed at {name}": sum(one["failures"].values()) / asked}
    return {
        "cost": side["cost"]["total"],
        "attainment": side["objective"]["share"],
        **times,
        "attempts": side["attempts"],
        **{f"share {name}": share for name, share in shares.items()},
    }


def _middle(several: list[Figures]) -> Figures:
    return {name: statistics.median(one[name] for one in several) for name in several[0]}


def off(real: Figures, simulated: Figures) -> Figures:
    """How far they are apart: shares in shares of the traffic, all else relative to the real ones."""
    return {
        name: abs(simulated[name] - value) / (1.0 if name.startswith("share") else value)
        for name, value in real.items()
    }


async def _ask_all(gateway: InProcessGateway, requests: list[Request]) -> None:
    begun, reached = [], 0.0
    for at, prompt, output in requests:
        await asyncio.sleep(at - reached)
        reached = at
        begun.append(asyncio.create_task(_ask(gateway, prompt, output)))
    await asyncio.gather(*begun)


async def _ask(gateway: InProcessGateway, prompt: int, output: int) -> None:
    messages = [{"role": "user", "content": words(prompt)}]
    body = {"model": "chat", "stream": True, "max_tokens": output, "messages": messages}
    answer = await gateway.ask("/v1/chat/completions", body)
    assert answer.status == 200, answer.body

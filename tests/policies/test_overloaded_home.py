"""README's example into overload, on virtual time: an own server that does eight a second gets twenty, a commercial one is idle.

At home eight answers at a time take a second each, and whoever comes then waits in line, without end.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.in_process import InProcessGateway
from tests.support.modelled import listening
from tests.support.readme import readme_configuration
from tests.support.virtual_time import VirtualTime

WORLD = """\
deployments:
  llama-home: {self_hosted: {prefill_tokens_per_s: 100000, step_s: 0.02, max_running: 8}}
  gpt-mini: {commercial: {first_output: {median_s: 0.3, sigma: 0.3}, output_token: {median_s: 0.01, sigma: 0.2}}}
"""
TOKENS = 50  # of an answer: a second at home
PER_S, SECONDS = 20, 20
KEPT = 0.95
Change = dict[str, Any]

CASES: dict[str, tuple[Change, Change, Change]] = {  # changes of the own server, of the rule's limits, of the requests
    "as it stands": ({}, {}, {"stream": True}),
    "ten seconds": ({}, {"deadline_s": 10}, {"stream": True}),
    "whole answers": ({}, {"deadline_s": 10}, {"stream": False}),
    "no gauges": ({"provider": "openai_compatible"}, {"deadline_s": 10}, {"stream": True}),
    "whole answers, no gauges": ({"provider": "openai_compatible"}, {"deadline_s": 10}, {"stream": False}),
}


@dataclass
class Answered:
    """What the caller saw. `whole`: to its end, and nothing of an error in it."""

    by: str | None
    whole: bool
    seconds: float


async def answered(gateway: InProcessGateway, *, stream: bool) -> Answered:
    body = {
        "model": "chat",
        "messages": [{"role": "user", "content": "abc " * 40}],
        "max_tokens": TOKENS,
        "stream": stream,
    }
    got = await gateway.ask("/v1/chat/completions", body)
    ended = got.body.rstrip().endswith(b"data: [DONE]") if stream else bool(got.json().get("choices"))
    return Answered(got.headers.get("x-gateway-deployment"), got.status == 200 and ended, got.all_s)


async def overload(gateway: InProcessGateway, *, stream: bool) -> list[Answered]:
    begun = []
    for _ in range(PER_S * SECONDS):
        begun.append(asyncio.create_task(answered(gateway, stream=stream)))
        await asyncio.sleep(1 / PER_S)
    return await asyncio.gather(*begun)


@pytest.mark.parametrize("case", CASES)
def test_what_home_cannot_answer_in_time_goes_to_the_next(case: str, tmp_path: Path) -> None:
    own, limits, asked = CASES[case]
    config = readme_configuration()
    (tmp_path / "world.yaml").write_text(WORLD)
    with VirtualTime() as virtual:
        for name, upstream in virtual.run(listening(tmp_path / "world.yaml")).items():
            config["deployments"][name]["base_url"] = upstream.base_url
        config["deployments"]["llama-home"] |= own
        rule = config["policy"]["rules"][-1]
        rule["limits"] |= limits
        deadline_s = rule["limits"]["deadline_s"]
        with InProcessGateway(virtual, tmp_path, config, {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}) as gateway:
            found = virtual.run(overload(gateway, **asked))
    good = [one for one in found if one.whole and one.seconds <= deadline_s]
    by = Counter(one.by for one in good)
    slowest = sorted(one.seconds for one in found)
    said = json.dumps(
        {
            "good": len(good),
            "of": len(found),
            "by": by,
            "p50": slowest[len(found) // 2],
            "p95": slowest[len(found) * 19 // 20],
        }
    )
    print(said)
    assert len(good) >= KEPT * len(found), said
    assert by["llama-home"] >= 0.2 * len(found), said  # it goes on with what it can

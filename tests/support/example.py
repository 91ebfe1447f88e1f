"""An example of `policies/` as it is, but for its addresses: the gateway in front of a fake upstream per deployment.

All of it runs on virtual time, so that what is learned of times is the same on every machine.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.fleet import Stand
from tests.support.forked import REPOSITORY
from tests.support.in_process import InProcessFleet, InProcessGateway, Received
from tests.support.virtual_time import VirtualTime

POLICIES = REPOSITORY / "policies"
CLOCKS_S = 0.001  # how much later the client may see what the gateway saw
_SECRET = re.compile(r"\$\{env:([A-Z0-9_]+)\}")
Document = dict[str, Any]
Patch = Callable[[Document], None]


@dataclass
class Answer:
    """What the client saw and measured, and what the gateway has on record. Seconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    first_s: float  # to the first byte of the body
    all_s: float
    record: dict[str, Any] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)

    @property
    def by(self) -> str | None:
        """The deployment that answered, by the header."""
        return self.headers.get("x-gateway-deployment")

    @property
    def decision(self) -> dict[str, Any]:
        found: dict[str, Any] = self.record["decision"]
        return found

    @property
    def rule(self) -> str:
        return str(self.decision["rule"])

    @property
    def attempts(self) -> list[str]:
        return [attempt["deployment"] for attempt in self.record["attempts"]]

    @property
    def tried(self) -> list[str]:
        """Each once, in the order of the first attempts."""
        return list(dict.fromkeys(self.attempts))

    @property
    def last(self) -> dict[str, Any]:
        """The last attempt."""
        found: dict[str, Any] = self.record["attempts"][-1]
        return found

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found

    def candidate(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.decision["candidates"] if one["deployment"] == name)
        return found

    def against(self, name: str) -> list[str]:
        """The causes that left a deployment out."""
        return [reason["cause"] for reason in self.candidate(name).get("against", ())]


class Example:
    """`with Example("cost-first", directory) as example`. `patch` changes the document; say in the test why."""

    def __init__(self, name: str, directory: Path, patch: Patch | None = None) -> None:
        self.document = yaml.safe_load((POLICIES / f"{name}.yaml").read_text())
        self.stands: dict[str, Stand] = {}
        self.virtual = VirtualTime()
        self._fleet = InProcessFleet(self.virtual, len(self.document["deployments"]))
        self._directory, self._patch = directory, patch
        self.secrets = {name: f"sk-{name.lower()}-0123456789" for name in _SECRET.findall(json.dumps(self.document))}
        self.recorded: Counter[str] = Counter()
        self._operator = self.key(next((n for n, k in self._keys().items() if k.get("role") == "operator"), None))

    def _keys(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.get("keys", {})
        return found

    def key(self, name: str | None) -> str | None:
        """The secret of a key of the document."""
        return None if name is None else self.secrets[_SECRET.findall(self._keys()[name]["secret"])[0]]

    def __enter__(self) -> Self:
        self.virtual.__enter__()
        self._fleet.__enter__()
        for (deployment, entry), stand in zip(self.document["deployments"].items(), self._fleet.stands, strict=True):
            entry["base_url"] = stand.base_url
            self.stands[deployment] = stand
        if self._patch is not None:
            self._patch(self.document)
        self.calm()
        self.gateway = InProcessGateway(self.virtual, self._directory, self.document, self.secrets)
        self.began = time.time()
        self.gateway.start()
        self.started = time.time()
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.stop()
        self._fleet.__exit__()
        self.virtual.__exit__()

    def calm(self) -> None:
        """Every deployment answers well and at once, and forgets what it saw."""
        for stand in self.stands.values():
            stand.play("ok")
            stand.forget()
        self.recorded.clear()

    def play(self, **behaviours: str) -> None:
        """What deployments do from now on, by name; `_` for `-`."""
        for name, behaviour in behaviours.items():
            self.stands[name.replace("_", "-")].play(*behaviour.split())

    def calls(self, text: str = "") -> dict[str, int]:
        """Chat requests that came to each deployment since `calm`; with a text, those that hold it."""
        kind = "holding" if text else "chat"
        return {name: count for name, stand in self.stands.items() if (count := stand.calls(text)[kind])}

    def change(self, patch: Patch) -> None:
        """Another policy, taken while the gateway serves."""
        patch(self.document)
        before = self.ready()["policy"]
        self.gateway.file.write_text(json.dumps(self.document))
        self.gateway.reload_policy()
        self.wait_for(lambda: self.ready()["policy"] != before, within_s=5)

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = self.gateway.get("/readyz").json()
        return found

    def wait_for(self, what: Callable[[], Any], *, within_s: float, every_s: float = 0.02) -> float:
        """Seconds until it held; looks every `every_s`, and fails if it takes too long."""
        return self.virtual.wait_for(what, within_s=within_s, every_s=every_s)

    def ask(self, text: str = "abc " * 40, **more: Any) -> Answer:
        """One request. `key`, `sensitivity`, `tags`, `session` and `headers` are headers; the rest is of the body.

        With `record=False` its record is not read.
        """
        return self.ask_many(1, text=text, **more)[0]

    def ask_many(
        self, count: int, *, text: str = "abc " * 40, at_once: int = 8, record: bool = True, **more: Any
    ) -> list[Answer]:
        """The same request so often, so many at a time."""
        headers = self._headers(more)
        body = {"model": "chat", "messages": [{"role": "user", "content": text}], **more}
        return self._recorded(self.virtual.run(self._all([(body, headers)] * count, at_once)), record=record)

    def ask_each(self, several: list[dict[str, Any]], *, at_once: int = 8, record: bool = True) -> list[Answer]:
        """Requests of the default text, each with what it alone has."""
        asked = []
        for more in several:
            headers = self._headers(more)
            asked.append(({"model": "chat", "messages": [{"role": "user", "content": "abc " * 40}], **more}, headers))
        return self._recorded(self.virtual.run(self._all(asked, at_once)), record=record)

    async def _all(self, asked: list[tuple[dict[str, Any], dict[str, str]]], at_once: int) -> list[Received]:
        places = asyncio.Semaphore(at_once)

        async def one(body: dict[str, Any], headers: dict[str, str]) -> Received:
            async with places:
                return await self.gateway.ask("/v1/chat/completions", body, headers)

        return await asyncio.gather(*(one(*each) for each in asked))

    def _recorded(self, several: list[Received], *, record: bool) -> list[Answer]:
        answers = []
        for got in several:
            answer = Answer(
                got.status, got.headers, got.body, got.all_s if got.first_s is None else got.first_s, got.all_s
            )
            answers.append(answer)
            if record:
                told = self.gateway.decision(answer.headers["x-gateway-decision"], self._operator)
                answer.record, answer.sentences = told["record"], told["sentences"]
                self.recorded.update(answer.attempts)
                self._check(answer)
        return answers

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        key = self.key(more.pop("key", None))
        named = {f"x-gateway-{name}": more.pop(name) for name in ("sensitivity", "tags", "session") if name in more}
        return {**({"authorization": f"Bearer {key}"} if key else {}), **named, **more.pop("headers", {})}

    def _check(self, answer: Answer) -> None:
        """What holds of every decision: it is of this answer, its times are the client's, its costs are tokens by price."""
        record, attempts = answer.record, answer.record["attempts"]
        assert answer.decision["id"] == answer.headers["x-gateway-decision"]
        assert answer.decision["revision"] == answer.headers["x-gateway-policy"]
        assert len(attempts) == int(answer.headers["x-gateway-attempts"])
        assert record["answered_by"] == (answer.by if answer.status == 200 else None)
        assert -0.001 <= answer.all_s - record["duration_s"] <= CLOCKS_S
        assert sum(attempt["duration_s"] for attempt in attempts) <= record["duration_s"]
        if record["first_output_s"] is not None:
            assert -0.001 <= answer.first_s - record["first_output_s"] <= CLOCKS_S
        for attempt in attempts:
            usage = attempt.get("usage")
            usd = usage and self.usd(attempt["deployment"], usage["prompt_tokens"], usage["completion_tokens"])
            if usd is not None:
                assert abs(Decimal(str(attempt["cost_usd"])) - usd) < Decimal("1e-12")
                if "x-gateway-cost-usd" in answer.headers:
                    assert Decimal(answer.headers["x-gateway-cost-usd"]) == usd.quantize(Decimal("1e-9"))
            said = "\n".join(answer.sentences)
            assert re.search(rf"{attempt['deployment']}( at \S+)?: {attempt['outcome']}", said)
            assert f"{attempt['duration_s'] * 1e3:.1f} ms in all" in said

    def metrics(self) -> str:
        """What Prometheus would scrape now."""
        return self.gateway.get("/metrics").body.decode()

    def usd(self, deployment: str, prompt_tokens: int, output_tokens: int) -> Decimal | None:
        """By the document's price, exactly; None where it has none."""
        price = self.document["deployments"][deployment].get("price")
        if price is None:
            return None
        into, out = Decimal(str(price["input_usd_per_mtok"])), Decimal(str(price["output_usd_per_mtok"]))
        return (prompt_tokens * into + output_tokens * out) / 1_000_000

    def check_counts(self) -> None:
        """What the records say was tried is what the upstreams saw. Only where every request's record was read."""
        calls, recorded = self.calls(), dict(self.recorded)
        assert calls == recorded, f"the upstreams saw {calls}, the records say {recorded}"


def words(tokens: int) -> str:
    """A text that both the gateway's estimate and the fake upstream, for which a token is a word, take for so many."""
    return "abc " * tokens


def near(predicted: float, measured: float) -> bool:
    """Within half of what was measured, or 30 ms of it: the band that predictions are held to."""
    return abs(predicted - measured) <= max(measured * 0.5, 0.03)


NAMES = sorted(file.stem for file in POLICIES.glob("*.yaml"))

"""An example of `policies/` as it is, but for its addresses: a real gateway in front of a fake upstream per deployment."""

import json
import math
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx
import yaml

from tests.support.fleet import Fleet, Stand
from tests.support.gateway import REPOSITORY, GatewayProcess
from tests.support.lateness import lateness

POLICIES = REPOSITORY / "policies"
CLOCKS_S = 0.15  # how much later the client may see what the gateway saw, on a machine that is in time
WAKES = 3  # so often somebody has to be woken on the way; each may be as late as the machine just is
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
    """`with Example("cost-first", fleet, directory) as example`. `patch` changes the document; say in the test why."""

    def __init__(self, name: str, fleet: Fleet, directory: Path, patch: Patch | None = None) -> None:
        self.document = yaml.safe_load((POLICIES / f"{name}.yaml").read_text())
        self.stands: dict[str, Stand] = {}
        for (deployment, entry), stand in zip(self.document["deployments"].items(), fleet.stands, strict=False):
            entry["base_url"] = stand.base_url
            self.stands[deployment] = stand
        assert len(self.stands) == len(self.document["deployments"])
        if patch is not None:
            patch(self.document)
        self.secrets = {name: f"sk-{name.lower()}-0123456789" for name in _SECRET.findall(json.dumps(self.document))}
        self.gateway = GatewayProcess(directory, self.document, self.secrets)
        self.recorded: Counter[str] = Counter()
        self._lateness = lateness()
        self._operator = self.key(next((n for n, k in self._keys().items() if k.get("role") == "operator"), None))

    def _keys(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.get("keys", {})
        return found

    def key(self, name: str | None) -> str | None:
        """The secret of a key of the document."""
        return None if name is None else self.secrets[_SECRET.findall(self._keys()[name]["secret"])[0]]

    def __enter__(self) -> Self:
        self.calm()
        self.began = time.time()
        self.gateway.start()
        self.started = time.time()
        self._client = httpx.Client(base_url=self.gateway.url, trust_env=False, timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.gateway.stop()

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
        (self.gateway.directory / "gateway.yaml").write_text(json.dumps(self.document))
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: self.ready()["policy"] != before, within_s=5)

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get("/readyz").json()
        return found

    def ask(self, text: str = "abc " * 40, *, record: bool = True, alone: bool = True, **more: Any) -> Answer:
        """One request. `key`, `sensitivity`, `tags`, `session` and `headers` are headers; the rest is of the body.

        Without `record` it is not read. One that is not `alone` waits for this process's other threads, too.
        """
        headers = self._headers(more)
        body = {"model": "chat", "messages": [{"role": "user", "content": text}], **more}
        self._lateness.forget()
        since = time.perf_counter()
        first, parts = None, []
        with self._client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as got:
            for part in got.iter_raw():
                first = first or time.perf_counter() - since
                parts.append(part)
        ended = time.perf_counter() - since
        within_s = CLOCKS_S + WAKES * self._lateness.worst_s
        answer = Answer(got.status_code, dict(got.headers), b"".join(parts), first or ended, ended)
        if record:
            told = self.gateway.decision(answer.headers["x-gateway-decision"], self._operator)
            answer.record, answer.sentences = told["record"], told["sentences"]
            self.recorded.update(answer.attempts)
            self._check(answer, within_s=within_s if alone else math.inf)
        return answer

    def ask_many(self, count: int, *, at_once: int = 8, **more: Any) -> list[Answer]:
        """The same request so often, so many at a time."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda _: self.ask(alone=at_once == 1, **more), range(count)))

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        key = self.key(more.pop("key", None))
        named = {f"x-gateway-{name}": more.pop(name) for name in ("sensitivity", "tags", "session") if name in more}
        return {**({"authorization": f"Bearer {key}"} if key else {}), **named, **more.pop("headers", {})}

    def _check(self, answer: Answer, *, within_s: float) -> None:
        """What holds of every decision: it is of this answer, its times are the client's, its costs are tokens by price."""
        record, attempts = answer.record, answer.record["attempts"]
        assert answer.decision["id"] == answer.headers["x-gateway-decision"]
        assert answer.decision["revision"] == answer.headers["x-gateway-policy"]
        assert len(attempts) == int(answer.headers["x-gateway-attempts"])
        assert record["answered_by"] == (answer.by if answer.status == 200 else None)
        assert -0.001 <= answer.all_s - record["duration_s"] <= within_s
        assert sum(attempt["duration_s"] for attempt in attempts) <= record["duration_s"]
        if record["first_output_s"] is not None:
            assert -0.001 <= answer.first_s - record["first_output_s"] <= within_s
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
        return self._client.get("/metrics").text

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


def wait_for(what: Callable[[], Any], *, within_s: float) -> float:
    """Seconds until it held; looks every 20 ms, and fails if it takes too long."""
    since = time.monotonic()
    while not what():
        assert time.monotonic() - since < within_s, f"it did not come within {within_s} s"
        time.sleep(0.02)
    return time.monotonic() - since


def near(predicted: float, measured: float) -> bool:
    """Within half of what was measured, or 30 ms of it: the band that predictions are held to."""
    return abs(predicted - measured) <= max(measured * 0.5, 0.03)


NAMES = sorted(file.stem for file in POLICIES.glob("*.yaml"))

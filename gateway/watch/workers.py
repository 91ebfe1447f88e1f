"""Asks the addresses of self-hosted deployments how they are, so that routing knows before a request has to find out.

vLLM is asked for `/health` and `/metrics`, beside its API; other servers for their models: any answer below 500 means
that they live. Commercial deployments are not asked: their answers to real requests say it, and asking costs quota.
A `/metrics` that does not come makes the reading old, nothing else (law 13).
"""

import asyncio
import contextlib
import logging
import os
import random
import ssl
import time
from collections.abc import Iterable, Mapping

import httpx2

from gateway.learning.readings import Readings
from gateway.transport import is_own_shortage
from gateway.values.deployment import Deployment, Hosting
from gateway.watch.vllm_metrics import read_metrics

_LONGEST_TIMEOUT_S, _TIMEOUT_SHARE = 2.0, 0.8  # of the interval
_SOON_S = 1.0  # one that did not answer is asked again so soon
_OWN_DELAY_S = 0.5  # an answer later than its limit by this was kept waiting by this process, not by the server
_MOST_BYTES = 8 * 1024 * 1024
_NOT_SERVED = 501  # it runs, and does not know the question: a plain server that answers POST only
_log = logging.getLogger(__name__)


class WorkerWatch:
    """One task for each address, so that one that hangs delays no other; each asks one thing at a time.

    `credentials` are header fields by deployment: an address gets its own deployment's, and no redirect is followed.
    """

    def __init__(
        self, deployments: Iterable[Deployment], credentials: Mapping[str, Mapping[str, str]], readings: Readings
    ) -> None:
        self._deployments = [one for one in deployments if one.hosting is Hosting.SELF_HOSTED and one.addresses]
        self._credentials = credentials
        self._readings = readings
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Ask from now on, until `stop`."""
        if self._deployments:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; leaves no task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        client = httpx2.AsyncClient(timeout=None, trust_env=False, verify=ssl.create_default_context())
        async with client, asyncio.TaskGroup() as tasks:
            for deployment in self._deployments:
                for address in range(len(deployment.addresses)):
                    tasks.create_task(self._watch(client, deployment, address))

    async def _watch(self, client: httpx2.AsyncClient, deployment: Deployment, address: int) -> None:
        every_s = deployment.scrape_s
        headers = {**self._credentials.get(deployment.name, {}), "accept-encoding": "identity"}
        await asyncio.sleep(random.uniform(0, min(every_s, _SOON_S)))  # noqa: S311 - so that not all are asked at once
        while True:
            since = time.monotonic()
            try:
                answered = await self._ask(client, deployment, address, headers)
            except Exception:  # noqa: BLE001 - the next round may go well
                _log.exception("asking %s how it is failed in the gateway", deployment.addresses[address])
                answered = True
            next_s = every_s if answered else min(every_s, _SOON_S)
            await asyncio.sleep(max(since + next_s - time.monotonic(), next_s / 10))

    async def _ask(
        self, client: httpx2.AsyncClient, deployment: Deployment, address: int, headers: dict[str, str]
    ) -> bool:
        """One round; whether it answered."""
        url, is_vllm = deployment.addresses[address], deployment.gauges
        root = url.removesuffix("/v1")
        alive_url = f"{root}/health" if is_vllm else f"{url}/models"
        if not await self._is_alive(client, deployment, address, alive_url, headers):
            return False
        if is_vllm:
            with contextlib.suppress(TimeoutError, httpx2.HTTPError):
                async with asyncio.timeout(_limit_s(deployment)):
                    text = await _body(client, f"{root}/metrics", headers)
                metrics = read_metrics(text, deployment.model) if text is not None else None
                if metrics is not None:
                    self._readings.workers.gauged(deployment.name, address, metrics, time.time())
        return True

    async def _is_alive(
        self, client: httpx2.AsyncClient, deployment: Deployment, address: int, url: str, headers: dict[str, str]
    ) -> bool:
        name, workers = deployment.name, self._readings.workers
        limit_s, asked_at, since = _limit_s(deployment), time.time(), time.monotonic()
        refused, why = True, ""
        try:
            async with asyncio.timeout(limit_s):
                answer = await client.get(url, headers=headers)
            if answer.status_code < 500 or answer.status_code == _NOT_SERVED:
                if workers.answered(name, address, asked_at):
                    _log.info("deployment %s: %s answers again", name, deployment.addresses[address])
                self._readings.up(name)
                return True
            why = f"HTTP {answer.status_code}"
        except TimeoutError:
            refused, why = False, f"no answer within {limit_s:g} s"
            if time.monotonic() - since > limit_s + _OWN_DELAY_S:
                return False
        except httpx2.HTTPError as error:  # no connection, or it broke: as if it said no
            cause = _cause(error)
            if cause is not None and is_own_shortage(cause):  # which says nothing of the other
                return False
            why = _reason(error, cause)
        if workers.silent(name, address, time.time(), refused=refused):
            last = "; none of its addresses runs" if workers.all_down(name) else ""
            _log.warning("deployment %s: %s is down: %s%s", name, deployment.addresses[address], why, last)
        if workers.all_down(name):
            self._readings.down(name)
        return False


def _cause(error: BaseException) -> OSError | None:
    """What the system said, where it said something."""
    deepest: BaseException | None = error
    while deepest is not None and not (isinstance(deepest, OSError) and deepest.errno is not None):
        deepest = deepest.__cause__ or deepest.__context__
    return deepest


def _reason(error: BaseException, cause: OSError | None) -> str:
    """With the system's number, or else in the library's words."""
    if cause is None or cause.errno is None:
        return str(error) or type(error).__name__
    return f"[Errno {cause.errno}] {cause.strerror or os.strerror(cause.errno)}"


def _limit_s(deployment: Deployment) -> float:
    """How long to wait for an answer: less than the interval."""
    return min(deployment.scrape_s * _TIMEOUT_SHARE, _LONGEST_TIMEOUT_S)


async def _body(client: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> bytes | None:
    """What is there, if it is not too much."""
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code != 200:
            return None
        parts: list[bytes] = []
        size = 0
        async for part in answer.aiter_raw():
            parts.append(part)
            size += len(part)
            if size > _MOST_BYTES:
                return None
    return b"".join(parts)

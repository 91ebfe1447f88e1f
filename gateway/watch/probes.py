"""Asks self-hosted deployments whether they live, so that readiness and routing know before a request has to find out.

Commercial deployments are not probed: their answers to real requests say it, and a probe costs money or quota.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable

import httpx2

from gateway.state.readings import Readings
from gateway.values.deployment import Deployment, Hosting

EVERY_S = 5.0
_FAILURES_TO_DOWN = 2
_TIMEOUT_S = 2.0


class Probes:
    """`GET <base_url>/models`, with the deployment's own credential; any answer below 500 means that it lives."""

    def __init__(
        self, deployments: Iterable[Deployment], credentials: dict[str, dict[str, str]], readings: Readings
    ) -> None:
        self._deployments = [
            deployment
            for deployment in deployments
            if deployment.hosting is Hosting.SELF_HOSTED and deployment.base_url is not None
        ]
        self._credentials = credentials
        self._readings = readings
        self._failures: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Probe from now on, until `stop`."""
        if self._deployments:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; leaves no task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=_tls()) as client:
            while True:
                await asyncio.gather(*(self._probe(client, deployment) for deployment in self._deployments))
                await asyncio.sleep(EVERY_S)

    async def _probe(self, client: httpx2.AsyncClient, deployment: Deployment) -> None:
        name = deployment.name
        try:
            answer = await client.get(f"{deployment.base_url}/models", headers=self._credentials.get(name))
            alive = answer.status_code < 500
        except httpx2.HTTPError:
            alive = False
        if alive:
            self._failures[name] = 0
            self._readings.up(name)
            return
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= _FAILURES_TO_DOWN:
            self._readings.down(name)


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()

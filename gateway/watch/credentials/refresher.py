"""Keeps the credentials of deployments valid: each is replaced before it ends, by a task beside requests.

A refresh that fails is the gateway's own fault. It is tried again, ever more slowly; until it ends the old one serves. Then the
deployment is known to be down, and what was decided before that is refused at once.
"""

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Callable, Iterable, Mapping

import httpx2

from gateway.transport.credential import Credential
from gateway.transport.sources import (
    AwsChain,
    CredentialSource,
    EntraApplication,
    EntraIdentity,
    FixedKeys,
    GoogleAccount,
    GoogleMetadata,
)
from gateway.values.credential import CredentialState
from gateway.values.outcome import Outcome
from gateway.values.records import AttemptFinished
from gateway.watch.credentials import aws, entra, google
from gateway.watch.credentials.fetched import TIMEOUT_S, CannotRefresh, Fetched

EARLY_S, EARLY_SHARE = 600.0, 0.25  # before its end; of what is left where that is less
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0  # between two tries
_LEAST_S = 5.0  # until one that was just given is asked for again
_MARGIN_S = 10.0  # clocks differ, and a call takes a moment
_LONGEST_WAIT_S = 30.0  # a clock may be set, and a machine may sleep
_NOT_AGAIN_S = 60.0  # a provider refuses it: it is asked for early, but not each time
_WORDS = {
    FixedKeys: "AWS keys",
    AwsChain: "AWS credential chain",
    GoogleAccount: "Google service account",
    GoogleMetadata: "Google metadata server",
    EntraApplication: "Entra application",
    EntraIdentity: "Entra managed identity",
}

_log = logging.getLogger(__name__)
Told = Callable[[str], None]  # a deployment; must not raise


class Credentials:
    """Of all deployments that have one. `valid` hears which can be asked from now on, `lost` which cannot. `now`: seconds
    since the epoch.
    """

    def __init__(
        self,
        sources: Mapping[str, CredentialSource],
        now: Callable[[], float],
        *,
        valid: Told,
        lost: Told,
    ) -> None:
        grouped: dict[int, tuple[CredentialSource, list[str]]] = {}
        for name, source in sources.items():
            grouped.setdefault(id(source), (source, []))[1].append(name)
        self._kept = [_Kept(source, names, now) for source, names in grouped.values()]
        self._by_name = {name: kept for kept in self._kept for name in kept.names}
        self._valid, self._lost = valid, lost
        self._now = now
        self._tasks: list[asyncio.Task[None]] = []
        self._client: httpx2.AsyncClient | None = None

    def of(self, deployment: str) -> Credential | None:
        """What signs its calls; None where it has no such credential."""
        kept = self._by_name.get(deployment)
        return None if kept is None else kept.credential

    def state_of(self, deployment: str) -> CredentialState | None:
        """What is known of it; None where it has none."""
        kept = self._by_name.get(deployment)
        return None if kept is None else kept.state()

    def states(self) -> dict[str, CredentialState]:
        """By deployment."""
        return {name: kept.state() for name, kept in self._by_name.items()}

    def start(self) -> None:
        """Ask for all, and keep them valid until `stop`. Returns at once."""
        kept = [one for one in self._kept if not isinstance(one.source, FixedKeys)]
        if not kept:
            return
        # what they are asked for is at an address of its own, for which a proxy is no way
        client = self._client = httpx2.AsyncClient(trust_env=False, timeout=TIMEOUT_S, follow_redirects=False)
        for one in kept:
            self._tell(self._lost, one.names)
            self._tasks.append(asyncio.get_running_loop().create_task(self._keep(one, client)))

    async def stop(self) -> None:
        """Leaves no task and no connection."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def attempt_finished(self, finished: AttemptFinished) -> None:
        """A provider that refuses a credential may know of its end before we do."""
        kept = self._by_name.get(finished.attempt.deployment)
        if kept is None or finished.attempt.outcome is not Outcome.CREDENTIAL_REFUSED:
            return
        if self._now() - kept.asked_at >= _NOT_AGAIN_S:
            kept.wanted.set()

    async def _keep(self, kept: "_Kept", client: httpx2.AsyncClient) -> None:
        is_told = False
        while True:
            await self._refresh(kept, client)
            while (left_s := kept.due - self._now()) > 0 and not kept.wanted.is_set():
                if kept.credential.is_valid is not is_told:
                    is_told = not is_told
                    self._tell(self._valid if is_told else self._lost, kept.names)
                ends_s = kept.valid_until - self._now()
                wait_s = min(left_s, _LONGEST_WAIT_S, ends_s if ends_s > 0 else math.inf)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(kept.wanted.wait(), wait_s)

    async def _refresh(self, kept: "_Kept", client: httpx2.AsyncClient) -> None:
        kept.wanted.clear()
        kept.asked_at = self._now()
        try:
            async with asyncio.timeout(3 * TIMEOUT_S):  # several are asked, one after the other
                fetched = await _fetch(client, kept.source, self._now())
        except CannotRefresh as why:
            kept.failed(str(why))
        except TimeoutError:
            kept.failed("it took too long")
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on, and so does this one
            kept.failed(f"a bug: {type(problem).__name__}")
        else:
            kept.replaced(fetched)

    @staticmethod
    def _tell(listener: Told, names: Iterable[str]) -> None:
        for name in names:
            listener(name)


class _Kept:
    """One credential, of the deployments that share it."""

    def __init__(self, source: CredentialSource, names: list[str], now: Callable[[], float]) -> None:
        self.source = source
        self.names = names
        self.wanted = asyncio.Event()
        self.asked_at = 0.0
        self.due = 0.0
        self.valid_until = 0.0
        self.failures = 0
        self._refreshes = self._failed_refreshes = 0
        self._now = now
        self._error: str | None = None
        self._refreshed_at: float | None = None
        scope = source.scope if isinstance(source, FixedKeys | AwsChain) else None
        self.credential = Credential(now, scope)
        if isinstance(source, FixedKeys):
            self.valid_until = math.inf
            self.credential.replace(source.keys)

    def state(self) -> CredentialState:
        """What may be told of it."""
        return CredentialState(
            source=_WORDS[type(self.source)],
            is_valid=self.credential.is_valid,
            ends_at=self.valid_until if 0 < self.valid_until < math.inf else None,
            refreshed_at=self._refreshed_at,
            failures=self.failures,
            error=self._error,
            refreshes=self._refreshes,
            failed_refreshes=self._failed_refreshes,
        )

    def replaced(self, fetched: Fetched) -> None:
        """A new one is there."""
        now = self._now()
        if self.failures:
            _log.info("the credential of %s is refreshed again, after %d failures", self._named(), self.failures)
        self.failures, self._error, self._refreshed_at = 0, None, now
        self._refreshes += 1
        self.valid_until = fetched.ends_at - _MARGIN_S
        self.credential.replace(fetched.material, self.valid_until)
        left_s = self.valid_until - now
        self.due = now + max(_LEAST_S, min(left_s - min(EARLY_S, EARLY_SHARE * left_s), fetched.look_again_s))

    def failed(self, why: str) -> None:
        """None could be had."""
        now = self._now()
        self.failures += 1
        self._failed_refreshes += 1
        self._error = why
        pause_s = min(FIRST_PAUSE_S * 2 ** min(self.failures - 1, 16), LONGEST_PAUSE_S)
        self.due = now + pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all ask at once
        left_s = self.valid_until - now
        until = f"the one before serves for another {left_s:.0f} s" if left_s > 0 else "there is none"
        level = logging.WARNING if left_s > 0 else logging.ERROR
        _log.log(level, "the credential of %s could not be refreshed: %s; %s", self._named(), why, until)

    def _named(self) -> str:
        return ", ".join(self.names)


async def _fetch(client: httpx2.AsyncClient, source: CredentialSource, now: float) -> Fetched:
    """Raises CannotRefresh."""
    match source:
        case AwsChain():
            return await aws.of_chain(client, source, now)
        case GoogleAccount():
            return await google.of_account(client, source, now)
        case GoogleMetadata():
            return await google.of_metadata(client, source, now)
        case EntraApplication():
            return await entra.of_application(client, source, now)
        case EntraIdentity():
            return await entra.of_identity(client, source, now)
        case FixedKeys():
            return Fetched(source.keys)

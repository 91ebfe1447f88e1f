"""`GET /admin/deployments`: what is known of each deployment at this moment, address by address."""

import time
from collections.abc import Iterator
from typing import Any

from litestar import Request, Response, get

from gateway.admin.answers import told
from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.query import takes
from gateway.http.rooms import ApiRooms
from gateway.http.wire import headers_once
from gateway.observe.health_log import Failure
from gateway.values.account import Account
from gateway.values.credential import CredentialState
from gateway.values.deployment import Deployment
from gateway.values.snapshot import Reading
from gateway.values.worker import WorkerReading


def deployment_handlers(rooms: ApiRooms, identify: Identify) -> list[Any]:
    """The handler. `identify` lets operators pass."""
    every, readings = rooms.catalogue.deployments, rooms.readings

    @get("/admin/deployments", opt=takes("name"), sync_to_thread=False)
    def deployments(request: Request[Any, Any, Any]) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        name = request.query_params.get("name")
        if name is not None and name not in every:
            raise ApiError(404, "deployment_not_found", f"No deployment is named {name[:128]!r}.", param="name")
        now = time.time()
        snapshot, accounts = readings.snapshot(now), readings.accounts(now)
        record: list[dict[str, Any]] = []
        sentences: list[str] = []
        for one in every.values() if name is None else (every[name],):
            reading, workers = snapshot.of(one.name), readings.workers.every(one.name)
            failure, account, credential = (
                rooms.failure_of(one.name),
                accounts.get(one.name),
                rooms.credential_of(one.name),
            )
            record.append({**_record(one, reading, workers, failure, account, now), "credential": credential})
            sentences += _sentences(one, reading, workers, failure, now)
            sentences += [] if credential is None else [_credential_sentence(credential, now)]
        return told(request, record, sentences)

    return [deployments]


def _record(  # noqa: PLR0913, PLR0917 - all that is known
    one: Deployment,
    reading: Reading,
    workers: tuple[WorkerReading, ...],
    failure: Failure | None,
    account: Account | None,
    now: float,
) -> dict[str, Any]:
    return {
        "name": one.name,
        "provider": one.provider,
        "model": one.model,
        "hosting": one.hosting,
        "region": one.region,
        "state": reading.state(now),
        "newest_failure": failure,
        "reading": reading,
        "own_hardware_usd": account,
        "addresses": [
            {"base_url": address, "reading": worker} for address, worker in zip(one.addresses, workers, strict=True)
        ],
    }


def _sentences(
    one: Deployment, reading: Reading, workers: tuple[WorkerReading, ...], failure: Failure | None, now: float
) -> Iterator[str]:
    limit = "" if reading.admissibility.limit is None else f" of at most {reading.admissibility.limit}"
    yield f"{one.name}: {reading.state(now).value}, {reading.in_flight} in flight{limit}; {_times(reading)}."
    if failure is not None:
        yield f"  newest failure, {now - failure.at:.0f} s ago: {failure.sentence}"
    for address, worker in zip(one.addresses, workers, strict=True):
        suspect = f", suspect for another {worker.suspect_until - now:.1f} s" if worker.rank(now) == 1 else ""
        gauges = worker.read(now)
        load = "" if gauges is None else f"; vLLM runs {gauges.running}, {gauges.waiting} wait"
        yield f"  {address}: {worker.health.value}, {worker.in_flight} in flight{suspect}{load}"


def _credential_sentence(one: CredentialState, now: float) -> str:
    ends = "" if one.ends_at is None or not one.is_valid else f", for another {one.ends_at - now:.0f} s"
    state = f"valid{ends}" if one.is_valid else "none that is valid"
    why = "" if one.error is None else f"; {one.failures} refreshes failed in a row, the last one because {one.error}"
    return f"  credential, {one.source}: {state}{why}"


def _times(reading: Reading) -> str:
    latency = reading.latency
    if latency is None:
        return "no answer was measured yet"
    first = latency.first_output_at(1000, reading.in_flight, 95, reading.ahead_tokens)
    known = f"{latency.samples} answers measured"
    return known if first is None else f"{known}, first output of 1,000 prompt tokens now within {first:.3f} s (p95)"

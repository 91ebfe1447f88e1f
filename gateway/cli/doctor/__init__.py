"""`gateway doctor`: asks each configured deployment what it is for, and says what works, what does not, and why."""

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from gateway.app import Gateway
from gateway.cli.common import config_option, json_option, load_settings
from gateway.cli.doctor.ask import Asker
from gateway.cli.doctor.examine import Examination
from gateway.cli.doctor.finding import Finding, Result
from gateway.providers.vendors import VENDORS, translators
from gateway.settings import Settings
from gateway.transport import Transport

_AT_ONCE = 8  # deployments
_FAILING = {False: {Result.FAILED}, True: {Result.FAILED, Result.WARNING}}
_COLUMNS = ("deployment", "check", "result", "time", "cost", "")


@click.command()
@config_option
@json_option
@click.option(
    "--timeout",
    "within_s",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.1, 600),
    help="Seconds an answer may take.",
)
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def doctor(  # noqa: PLR0913 - what it can be told
    config: str | None, within_s: float, names: tuple[str, ...], *, as_json: bool, strict: bool, quiet: bool
) -> None:
    """Ask each deployment, or those of NAME: its list of models, an answer, a stream, a call of a tool, an answer by a schema,
    a completion, an embedding. Each question takes a few tokens, and costs as much.

    A running gateway is not disturbed: this asks by itself, with the same configuration.

    Exit status: 0 if nothing failed; 1 if something did, with --strict also if something is a warning; 2 if the command itself
    is wrong. Notes never fail.
    """
    settings = load_settings(config, without_secrets=True)
    deployments = settings.catalogue.deployments
    for name in names:
        if name not in deployments:
            raise click.ClickException(f"no deployment is named {name!r}; there are {', '.join(deployments)}")
    progress = _Progress(len(names or deployments), is_shown=not quiet)
    logging.disable(logging.ERROR)  # what runs beside requests would say here what is said below
    try:
        found = asyncio.run(_examined(settings, names or tuple(deployments), within_s, progress))
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found)
    sys.exit(any(one.result in _FAILING[strict] for one in found))


class _Progress:
    """Says on stderr what was found, as it is."""

    def __init__(self, deployments: int, *, is_shown: bool) -> None:
        self._deployments, self._done, self._is_shown = deployments, 0, is_shown
        self.found: list[Finding] = []

    def heard(self, finding: Finding) -> None:
        self.found.append(finding)
        if self._is_shown:
            took = "" if finding.took_s is None else f" in {finding.took_s:.1f} s"
            click.echo(f"{finding.deployment}: {finding.check}: {finding.result.value}{took}", err=True)

    def is_done(self) -> None:
        self._done += 1
        if self._is_shown:
            click.echo(f"{self._done} of {self._deployments} deployments", err=True)


async def _examined(settings: Settings, names: Sequence[str], within_s: float, progress: _Progress) -> list[Finding]:
    """In a state directory of its own, so that a gateway may run beside it."""
    with tempfile.TemporaryDirectory(prefix="gateway-doctor-") as place:
        gateway = Gateway(msgspec.structs.replace(settings, journal_path=Path(place) / "journal.db"))
        gateway.start()
        try:
            turns = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(_examine(gateway, settings, name, within_s, turns, progress) for name in names))
        finally:
            await gateway.stop()
    order = {name: at for at, name in enumerate(names)}
    return sorted(progress.found, key=lambda one: order[one.deployment])


async def _examine(  # noqa: PLR0913, PLR0917 - what it is examined with
    gateway: Gateway, settings: Settings, name: str, within_s: float, turns: asyncio.Semaphore, progress: _Progress
) -> None:
    deployment = settings.catalogue.deployments[name]
    async with turns:
        missing = next((one for one in settings.missing if one.path == f"deployments.{name}.api_key"), None)
        if missing is not None:
            said = f"its api_key is not there: expected {missing.expected}, found {missing.found}"
            progress.heard(Finding(deployment=name, check="key", result=Result.FAILED, said=said))
        elif not await _is_placed(gateway, name, within_s):
            said = "its server did not start in time" if deployment.embedded else "it has no address"
            progress.heard(Finding(deployment=name, check="start", result=Result.FAILED, said=said))
        else:
            by_surface = {
                surface: found[name] for surface, found in translators({name: deployment}).items() if name in found
            }
            asker, has_key = (
                Asker(gateway.transport, within_s),
                name in settings.api_keys or deployment.embedded is not None,
            )
            row = VENDORS[deployment.provider]

            def heard(finding: Finding) -> None:
                progress.heard(_shown(finding, gateway.transport))

            examination = Examination(deployment, by_surface, row.models, asker, heard, has_key=has_key)
            await examination.run()
        progress.is_done()


def _shown(finding: Finding, transport: Transport) -> Finding:
    """Providers repeat keys in what they say, and could write what a terminal obeys."""
    said = transport.redact(finding.deployment, finding.said)
    return msgspec.structs.replace(finding, said="".join(one if one.isprintable() else " " for one in said))


async def _is_placed(gateway: Gateway, name: str, within_s: float) -> bool:
    """An embedded model has an address once it runs."""
    until = time.monotonic() + within_s
    while name not in gateway.transport.stats():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True


def _print(found: Sequence[Finding]) -> None:
    lines = [_COLUMNS, *(_line(one) for one in found)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_COLUMNS) - 1)]
    for at, line in enumerate(lines):
        click.echo(
            "  ".join([*(f"{cell:{width}}" for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        )
        hint = found[at - 1].advice if at else None
        if hint is not None:
            click.echo(f"{' ' * (sum(widths) + 2 * len(widths))}-> {hint}")
    costs = [one.cost_usd for one in found if one.cost_usd is not None]
    counts = ", ".join(f"{n} {result.value}" for result in Result if (n := sum(one.result is result for one in found)))
    click.echo(f"{counts}; known cost {sum(costs):.6f} USD")


def _line(one: Finding) -> tuple[str, ...]:
    took = "" if one.took_s is None else f"{one.took_s * 1e3:.0f} ms"
    cost = "" if one.cost_usd is None else f"{one.cost_usd:.6f}"
    return (one.deployment, one.check, one.result.value, took, cost, one.said)

"""The `gateway` command: one subcommand per job of an operator."""

import json
import logging
import os
import sqlite3
import sys
import time
import zlib
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from gateway import __version__
from gateway.access import NoSuchCaller
from gateway.admin.decisions import story, summary
from gateway.app import load_plan
from gateway.cli.batches import batches
from gateway.cli.common import config_option, json_option, load_settings, refuse
from gateway.cli.deployments import deployments
from gateway.cli.doctor import doctor
from gateway.cli.lab import lab
from gateway.cli.policy import policy
from gateway.cli.replay import replay
from gateway.cli.simulate import simulate
from gateway.cli.vendors import vendors
from gateway.flow.classify import Classifier
from gateway.flow.translations import found_now, is_lossless, with_deviations, with_losses
from gateway.http.decision_ids import DecisionIds
from gateway.http.errors import ApiError
from gateway.insight.world import World
from gateway.journal import journal
from gateway.observe.logs import TEXT, set_up_logs
from gateway.providers.vendors import OFFERS, SKILLS, translators
from gateway.routing.counterfactual import with_counterfactuals
from gateway.routing.decide import UnknownModel, decide
from gateway.routing.document import Policy
from gateway.routing.replay import replay as decided_again
from gateway.routing.sentences import decision_sentences
from gateway.serve import run
from gateway.settings import GatewayFile, configuration_name, schema
from gateway.settings.checking import Checked, check_files
from gateway.state.directory import InUse
from gateway.surfaces.table import SURFACES
from gateway.values.caller import Caller
from gateway.values.problem import InvalidDocument
from gateway.values.snapshot import Snapshot
from gateway.values.surface import Surface
from gateway.verify import Severity

_DOCUMENTS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "gateway": (GatewayFile, "Gateway configuration"),
    "policy": (Policy, "Gateway policy"),
    "world": (World, "Gateway simulation world"),
}


@click.group()
@click.version_option(__version__)
def main() -> None:
    """One OpenAI-style endpoint in front of self-hosted and commercial models."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=TEXT)
    logging.getLogger("httpx2").setLevel(logging.WARNING)


@main.command()
@config_option
@click.argument("file", required=False)
def serve(config: str | None, file: str | None) -> None:
    """Serve until stopped. FILE is the configuration, as --config names it."""
    if config is not None and file is not None:
        raise click.UsageError("the configuration is named twice: by --config and by FILE")
    settings = load_settings(config or file)
    set_up_logs(settings.log.level, as_json=settings.log.format == "json")
    try:
        run(settings)
    except InvalidDocument as invalid:
        refuse(invalid)
    except InUse as in_use:
        raise click.ClickException(f"cannot serve: {in_use}") from None
    except OSError as error:
        raise click.ClickException(f"cannot serve on {settings.server.host}:{settings.server.port}: {error}") from None


@main.command()
@config_option
@json_option
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.argument("files", nargs=-1, metavar="[FILE]...")
def check(config: str | None, files: tuple[str, ...], *, as_json: bool, strict: bool) -> None:
    """Check a configuration and its policy: what is wrong, and what is valid and yet unwise.

    FILE is the configuration; without one it is $GATEWAY_CONFIG, or ./gateway.yaml. With --config it is a policy that is
    checked in place of the configuration's own. Several are checked one by one.

    Exit status: 0 if there is nothing to mend; 1 if a document is not valid, or something is an error, with --strict
    also if something is a warning; 2 if the command itself is wrong. Notes never fail.
    """
    failing = [Severity.ERROR, Severity.WARNING] if strict else [Severity.ERROR]
    failed, noted = False, set[str]()
    for file in files or (None,):
        configuration, policy = (file, None) if config is None else (config, file)
        checked = check_files(configuration, policy, os.environ, SKILLS, OFFERS)
        failed |= checked.has(*failing)
        if as_json:
            click.echo(msgspec.json.encode(checked))
            continue
        for told in checked.problems:
            if told.severity is not Severity.NOTE or str(told) not in noted:
                click.echo(str(told))
                noted.add(str(told))
        if config is None and not checked.valid and {one.path for one in checked.problems} >= {"deployments", "rules"}:
            click.echo(f"this looks like a policy: gateway check -c CONFIGURATION {file}")
        click.echo(f"{file or configuration_name(configuration, os.environ)}: {_verdict(checked)}")
    sys.exit(failed)


def _verdict(checked: Checked) -> str:
    if not checked.valid:
        return f"not valid: {_counts(checked)}"
    found = _counts(checked) or "nothing to be said against it"
    partly = "" if checked.complete else "; not all could be proved"
    return f"valid: {_counted(checked.rules, 'rule')}, revision {checked.revision}; {found}{partly}"


def _counts(checked: Checked) -> str:
    counts = [(sum(one.severity is severity for one in checked.problems), severity.value) for severity in Severity]
    return ", ".join(_counted(*one) for one in counts if one[0])


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


@main.command()
@config_option
@json_option
@click.option("--file", "-f", "body", type=click.File("rb"), required=True, help="A request's body; - for stdin.")
@click.option(
    "--surface",
    type=click.Choice([row.surface.value for row in SURFACES]),
    default=Surface.CHAT.value,
    show_default=True,
    help="What it asks for.",
)
@click.option("--key", "key_name", metavar="NAME", help="Decide as for this key of the configuration.")
@click.option("--team", metavar="NAME", help="Decide as for this team.")
@click.option("--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="A request header.")
def explain(  # noqa: PLR0913, PLR0917 - what it can be told
    config: str | None,
    body: BinaryIO,
    headers: tuple[str, ...],
    key_name: str | None,
    team: str | None,
    surface: str,
    *,
    as_json: bool,
) -> None:
    """Decide about a request that is not sent, as if nothing were known yet of any deployment's health and load.

    A running gateway answers the same with what it knows: POST /admin/explain.
    """
    settings = load_settings(config, without_secrets=True)
    plan = load_plan(settings)
    try:
        caller = settings.keyring.as_if(key_name, team) if key_name or team else Caller.anonymous()
    except NoSuchCaller as missing:
        known = ", ".join(missing.known) or "none"
        raise click.ClickException(f"no {missing.param} is named {missing.name!r}; there are: {known}") from None
    decision_id = DecisionIds().new()
    named = _headers(headers)
    try:
        (row,) = (row for row in SURFACES if row.surface.value == surface)
        request = row.read(body.read(), named, caller, decision_id)
        request = Classifier().classify_now(request, plan.detection)
        nothing_known = Snapshot(time.time(), {})
        decision = decide(
            plan,
            request.facts,
            nothing_known,
            decision_id=decision_id,
            seed=zlib.crc32(decision_id.encode()),
            deadline_s=request.deadline_s,
            max_cost_usd=request.max_cost_usd,
        )
        found = found_now(request, decision, translators(settings.catalogue.deployments)[request.facts.surface])
        if is_lossless(plan, decision):
            decision = decided_again(plan, msgspec.structs.replace(decision, facts=with_losses(request, found).facts))
        decision = with_deviations(decision, found)
        decision = with_counterfactuals(decision, settings.catalogue.deployments, nothing_known)
    except ApiError as error:
        raise click.ClickException(error.message) from None
    except UnknownModel as unknown:
        names = ", ".join([*settings.catalogue.models, *settings.catalogue.deployments])
        raise click.ClickException(f"no model or deployment is named {str(unknown)!r}; there are {names}") from None
    click.echo(msgspec.json.encode(decision) if as_json else "\n".join(decision_sentences(decision)))


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    """One that is not understood would be left out, and the decision explained another one than was meant."""
    named: dict[str, str] = {}
    for header in given:
        name, colon, value = header.partition(":")
        key = name.strip().lower()
        if not colon or not key:
            raise click.BadParameter(f"expected 'NAME: VALUE', found {header!r}", param_hint="--header")
        if key in named:
            raise click.BadParameter(f"expected {key!r} once, found it again", param_hint="--header")
        named[key] = value.strip()
    return named


@main.command()
@config_option
@json_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many to list.")
@click.argument("decision_id", required=False)
def decisions(config: str | None, decision_id: str | None, limit: int, *, as_json: bool) -> None:
    """Show the decision DECISION_ID, or list the newest, from the journal's file."""
    path = load_settings(config, without_secrets=True).journal_path
    try:
        records = _records(path, decision_id, limit)
    except sqlite3.Error as error:
        raise click.ClickException(f"{path}: {error}") from None
    for record in records:
        if as_json:
            click.echo(bytes(record.record))
        elif decision_id:
            click.echo("\n".join(story(record)))
        else:
            click.echo(summary(record))


@main.command("schema")
@click.argument("document", type=click.Choice(list(_DOCUMENTS)))
def print_schema(document: str) -> None:
    """Print the JSON Schema of a document, for editors."""
    click.echo(json.dumps(schema(*_DOCUMENTS[document]), indent=2))


def _records(path: Path, decision_id: str | None, limit: int) -> list[journal.JournalRecord]:
    if not path.exists():
        raise click.ClickException(f"{path}: there is no journal yet")
    if decision_id is None:
        return journal.newest(path, limit)
    found = journal.find(path, decision_id)
    if found is None:
        raise click.ClickException(f"no decision {decision_id!r} is on record in {path}")
    return [found]


main.add_command(batches)
main.add_command(deployments)
main.add_command(doctor)
main.add_command(policy)
main.add_command(replay)
main.add_command(lab)
main.add_command(simulate)
main.add_command(vendors)

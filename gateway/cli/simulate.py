"""`gateway simulate`: what a policy would have done."""

import gc
import math
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from gateway.access.keys import NoSuchCaller
from gateway.cli.common import config_option, json_option, load_settings, refuse
from gateway.cli.kept_plans import REVISIONS, KeptPlans
from gateway.insight.again import NotReplayable
from gateway.insight.chooser import Planned
from gateway.insight.compare import Compared
from gateway.insight.journaled import Recorded, read_journal
from gateway.insight.predict import predict, reached_by
from gateway.insight.report import report
from gateway.insight.rows import RequestRow
from gateway.insight.run import Played, Side, compare
from gateway.insight.sentences import simulation_sentences
from gateway.insight.trace import read_trace
from gateway.insight.traffic import Traffic
from gateway.insight.world import Unpredictable, World, read_world, world_text
from gateway.journal import journal as journals
from gateway.policies.files import read_text
from gateway.policies.source import PolicySource, policy_in, valid_policy
from gateway.providers.vendors import FIELDS
from gateway.routing.compile import compile_plan
from gateway.routing.plan import Plan
from gateway.settings import Settings
from gateway.state.revisions import stored
from gateway.values.caller import Caller
from gateway.values.problem import InvalidDocument
from gateway.values.revision import RevisionState

_UNPREDICTABLE, _LEAKED = 1, 3
_OWN = ""  # the configuration's own journal
_STEPS = 500  # between two looks of the progress bar


class _TraceOptions(NamedTuple):
    file: str
    model: str | None
    speed: float
    limit: int | None
    key: str | None
    team: str | None


@click.command()
@config_option
@json_option
@click.option(
    "--policy",
    "draft",
    metavar="FILE",
    help="A draft, or a configuration with one, to be played beside the present one.",
)
@click.option(
    "--journal", is_flag=False, flag_value=_OWN, metavar="[FILE]",
    help="Traffic on record, and how deployments behaved; without FILE the configuration's own journal.",
)  # fmt: skip
@click.option("--trace", metavar="FILE", help="Traffic instead: CSV with TIMESTAMP, ContextTokens, GeneratedTokens.")
@click.option("--model", metavar="NAME", help="What a trace's requests ask for; default: the first model.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.001, 1000),
    help="Play a trace so many times as fast.",
)
@click.option("--limit", type=click.IntRange(1), metavar="COUNT", help="Only the first COUNT requests of a trace.")
@click.option("--key", metavar="NAME", help="A trace's requests come from this key of the configuration.")
@click.option("--team", metavar="NAME", help="A trace's requests come from this team.")
@click.option(
    "--world", "world_file", metavar="FILE",
    help="How deployments behave; those that it names are not fitted to the journal.",
)  # fmt: skip
@click.option(
    "--write-world", "wanted_world", metavar="FILE", help="Write the behaviours used, to edit and give as --world."
)
@click.option("--report", "page", metavar="FILE.html", help="Write a page with pictures, too.")
@click.option("--seed", default=0, show_default=True, help="Seed of all random draws.")
def simulate(  # noqa: PLR0913, PLR0917 - a command's options
    config: str | None,
    draft: str | None,
    journal: str | None,
    trace: str | None,
    model: str | None,
    speed: float,
    limit: int | None,
    key: str | None,
    team: str | None,
    world_file: str | None,
    wanted_world: str | None,
    page: str | None,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Play traffic through the policy, and a draft beside it, in a model of the deployments; nothing is sent.

    Where the journal shows too little, behaviour is assumed, and the result says what is in doubt.

    Exit status: 0 if it could be simulated; 1 if a document is not valid, or nothing says how a deployment behaves; 2 if
    the command itself is wrong; 3 if an attempt went where it may not, which is a defect of the gateway.
    """
    options = _TraceOptions(trace or "", model, speed, limit, key, team)
    _check(journal, trace, options)
    settings = load_settings(config, without_secrets=True)
    try:
        sides = [_side(settings, settings.policy, "current")]
        if draft is not None:
            sides.append(_side(settings, policy_in(Path(draft)), "draft"))
        given = None
        if world_file is not None:
            given = read_world(read_text(Path(world_file)), world_file, settings.catalogue.deployments)
        recorded = None if journal is None else _recorded(settings, journal, sides[0].plan)
        traced = None if trace is None else _traced(settings, options, seed)
        world, found, played, on_record = _played(settings, sides, given, recorded, traced, seed)
    except InvalidDocument as invalid:
        refuse(invalid)
    except Unpredictable as unknown:
        _tell(unknown, wanted_world)
        sys.exit(_UNPREDICTABLE)
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(simulation_sentences(found)))
    _hand_out(world, found, wanted_world, as_json=as_json)
    if page is not None:
        _write(page, report(found, on_record, played[0].rows, played[-1].rows))
    if any(side is not None and side.leaks for side in (found.current, found.draft)):
        sys.exit(_LEAKED)


def _tell(unknown: Unpredictable, file: str | None) -> None:
    """Of what nothing is known, and what such deployments usually are, for a start."""
    for name, why in unknown.reasons.items():
        click.echo(f"{name} cannot be predicted: {why}", err=True)
    if unknown.usual is None:
        return
    text = world_text(unknown.usual)
    if file is not None:
        _write(file, text)
        click.echo(f"{file} has usual figures to begin with: edit them, and give it as --world", err=True)
    else:
        said = "say it in the file of --world, or give a --journal; usual figures to begin with:"
        click.echo(f"{said}\n\n{text}", err=True)


def _hand_out(world: World, found: Compared, file: str | None, *, as_json: bool) -> None:
    """The world that was played, where it was asked for; else where it is in doubt."""
    doubts = {name: one.doubts for name, one in found.fits.items()}
    text = world_text(world, doubts)
    if file is not None:
        _write(file, text)
    elif any(doubts.values()) and not as_json:
        click.echo(f"\nThis was taken. What is edited of it and given as --world is in doubt no more:\n\n{text}")


def _check(journal: str | None, trace: str | None, options: _TraceOptions) -> None:
    """Raises UsageError at options that do not belong together."""
    if trace is None and journal is None:
        raise click.UsageError("--journal or --trace says what to play")
    if trace is None and options != _TraceOptions("", None, 1.0, None, None, None):
        raise click.UsageError("--model, --speed, --limit, --key and --team are of a --trace")
    if math.isnan(options.speed):
        raise click.UsageError("--speed is a number")


class _Side(NamedTuple):
    side: Side
    plan: Plan


def _side(settings: Settings, source: PolicySource, name: str) -> _Side:
    policy = valid_policy(source, settings.catalogue)
    number = 1 if name == "current" else 2
    plan = compile_plan(
        policy, settings.catalogue, number=number, default_deadline_s=settings.server.deadline_s, vendors=FIELDS
    )
    return _Side(Side(Planned(plan, f"{name} {plan.revision}"), policy), plan)


def _traced(settings: Settings, options: _TraceOptions, seed: int) -> Traffic:
    names = [*settings.catalogue.models, *settings.catalogue.deployments]
    file, model, speed, limit, key, team = options
    if model is not None and model not in names:
        raise click.UsageError(f"--model {model!r} is no model or deployment; there are {', '.join(names)}")
    try:
        caller = settings.keyring.as_if(key, team) if key or team else None
    except NoSuchCaller as missing:
        known = ", ".join(missing.known) or "none"
        raise click.UsageError(f"no {missing.param} is named {missing.name!r}; there are: {known}") from None
    lines = read_text(Path(file)).splitlines()
    asked = _first_of(names, caller) if model is None else model
    return read_trace(lines, file, asked, seed=seed, speed=speed, limit=limit, caller=caller)


def _first_of(names: Sequence[str], caller: Caller | None) -> str:
    """The first that this caller may ask for."""
    scope = None if caller is None else caller.models
    return next((name for name in names if scope is None or name in scope), names[0])


def _recorded(settings: Settings, journal: str, plan: Plan) -> Recorded:
    path = settings.journal_path if journal == _OWN else Path(journal)
    if not path.exists():
        raise click.ClickException(f"{path}: there is no journal")
    try:
        plan_of = _plans(path.with_name(REVISIONS), plan)
        with _progress("reading", journals.count(path)) as told:
            return read_journal(journals.every(path), str(path), plan_of, told)
    except (sqlite3.Error, msgspec.MsgspecError, OSError) as error:
        raise click.ClickException(f"{path}: {error}") from None


def _plans(revisions: Path, present: Plan) -> Callable[[str], Plan | None]:
    """Of the revisions in the file, and of any other that says what the present one does."""
    kept = KeptPlans(revisions)

    def plan_of(name: str) -> Plan | None:
        try:
            return kept.of(name)
        except NotReplayable:
            return present if name.partition("-")[2] == present.revision.partition("-")[2] else None

    return plan_of


def _played(  # noqa: PLR0913, PLR0917 - what is played
    settings: Settings,
    sides: list[_Side],
    given: World | None,
    recorded: Recorded | None,
    traced: Traffic | None,
    seed: int,
) -> tuple[World, Compared, list[Played], list[RequestRow]]:
    traffic = traced or (recorded.traffic if recorded is not None else None)
    if traffic is None or not traffic.requests:
        raise click.ClickException("there is no request that could be played")
    deployments = settings.catalogue.deployments
    reached = reached_by([side.plan for side in sides], traffic)
    predicted = predict(given, recorded.samples if recorded is not None else None, deployments, reached)
    with _progress("simulating", len(traffic.requests) * len(sides)) as told:
        found = compare(
            sides[0].side,
            sides[1].side if len(sides) > 1 else None,
            deployments,
            predicted,
            traffic,
            seed=seed,
            recorded=recorded.rows if recorded is not None and traced is None else (),
            notes=_notes(settings, sides[0].plan),
            told=told,
        )
    return (predicted.world, *found)


def _notes(settings: Settings, current: Plan) -> list[str]:
    """That the gateway itself goes by another policy than the configuration's, as one that an operator published."""
    try:
        kept = [one.revision for one in stored(settings.revisions_path)]
    except (sqlite3.Error, msgspec.MsgspecError, OSError):
        return []
    names = [one.name for one in kept if one.state is RevisionState.IN_FORCE and one.content != current.content]
    said = "is in force, and is another policy than the one that is played as the current one"
    return [f"revision {name} {said}; `gateway policy show` prints it" for name in names]


def _write(page: str, text: str) -> None:
    try:
        Path(page).write_text(text, "utf-8")
    except OSError as error:
        raise click.ClickException(f"{page}: {error.strerror}") from None


@contextmanager
def _progress(label: str, length: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal. Nearly all that is made meanwhile is kept, so looking for cycles finds little and takes long."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    hidden = not sys.stderr.isatty()
    try:
        with click.progressbar(
            length=length, label=label, file=sys.stderr, update_min_steps=_STEPS, hidden=hidden
        ) as bar:
            yield lambda: bar.update(1)
    finally:
        gc.set_threshold(*before)

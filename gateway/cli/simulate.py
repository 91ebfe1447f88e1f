"""`gateway simulate`: what a policy would have done."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from gateway.cli.common import config_option, json_option, load_settings, refuse
from gateway.insight.chooser import Planned
from gateway.insight.compare import Compared
from gateway.insight.run import Side, check_world, compare
from gateway.insight.sentences import simulation_sentences
from gateway.insight.simulate import UnknownBehaviour
from gateway.insight.trace import read_trace
from gateway.insight.traffic import Traffic
from gateway.insight.world import World, read_world
from gateway.routing.compile import compile_plan
from gateway.settings import Settings
from gateway.settings.files import read_text
from gateway.settings.policy import PolicySource, valid_policy
from gateway.values.problem import InvalidDocument

_LEAKED = 3
_CURRENT, _DRAFT = 1, 2


@click.command()
@config_option
@json_option
@click.option("--policy", "draft", metavar="FILE", help="A draft: it is played beside the configuration's own policy.")
@click.option("--trace", metavar="FILE", help="Traffic: CSV with TIMESTAMP, ContextTokens, GeneratedTokens.")
@click.option("--model", metavar="NAME", help="What a trace's requests ask for; default: the first model.")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.001, 1000), help="Of a trace.")
@click.option("--limit", type=click.IntRange(1), metavar="COUNT", help="The first so many requests only.")
@click.option("--world", "world_file", metavar="FILE", help="How the deployments behave.")
@click.option("--seed", default=0, show_default=True, help="Of all chance.")
def simulate(  # noqa: PLR0913, PLR0917 - a command's options
    config: str | None,
    draft: str | None,
    trace: str | None,
    model: str | None,
    speed: float,
    limit: int | None,
    world_file: str | None,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Play traffic through the policy, and a draft beside it, in a model of the deployments; nothing is sent.

    Exit status: 0 if it could be simulated; 1 if a document is not valid, or nothing says how a deployment behaves that
    the traffic can reach; 2 if the command itself is wrong; 3 if an attempt went where it may not, which is a defect of
    the gateway.
    """
    if trace is None or world_file is None:
        raise click.UsageError("--trace and --world say what to play, and in which world")
    settings = load_settings(config, without_secrets=True)
    try:
        sides = [_side(settings, settings.policy, _CURRENT)]
        if draft is not None:
            sides.append(_side(settings, PolicySource(draft, Path(draft)), _DRAFT))
        world = read_world(read_text(Path(world_file)), world_file, settings.catalogue.deployments)
        lines = read_text(Path(trace)).splitlines()
        traffic = read_trace(lines, trace, _asked_for(settings, model), seed=seed, speed=speed, limit=limit)
    except InvalidDocument as invalid:
        refuse(invalid)
    try:
        found = _played(settings, sides, world, traffic, seed)
    except UnknownBehaviour as unknown:
        _unknown(unknown)
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(simulation_sentences(found)))
    if any(side is not None and side.leaks for side in (found.current, found.draft)):
        sys.exit(_LEAKED)


def _side(settings: Settings, source: PolicySource, number: int) -> Side:
    policy = valid_policy(source, settings.catalogue)
    plan = compile_plan(policy, settings.catalogue, number=number, default_deadline_s=settings.server.deadline_s)
    name = "current" if number == _CURRENT else "draft"
    return Side(Planned(plan, f"{name} {plan.revision}"), policy)


def _asked_for(settings: Settings, model: str | None) -> str:
    """The model that a trace's requests ask for."""
    names = [*settings.catalogue.models, *settings.catalogue.deployments]
    if model is not None and model not in names:
        raise click.UsageError(f"--model {model!r} is no model or deployment; there are {', '.join(names)}")
    return model or names[0]


def _played(settings: Settings, sides: list[Side], world: World, traffic: Traffic, seed: int) -> Compared:
    check_world(world, [side.chooser.plan for side in sides if isinstance(side.chooser, Planned)], traffic)
    draft = sides[1] if len(sides) > 1 else None
    total = len(traffic.requests) * len(sides)
    with (
        click.progressbar(
            length=total, label="simulating", file=sys.stderr, update_min_steps=500, hidden=not sys.stderr.isatty()
        ) as bar,
        _few_sweeps(),
    ):
        found, _ = compare(
            sides[0], draft, settings.catalogue.deployments, world, traffic, seed=seed, told=lambda: bar.update(1)
        )
    return found


@contextmanager
def _few_sweeps() -> Iterator[None]:
    """Nearly all that is made is kept to the end, so looking through it for cycles finds little and takes long."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _unknown(unknown: UnknownBehaviour) -> NoReturn:
    names = ", ".join(unknown.names)
    click.echo(
        f"nothing says how these deployments behave, and the traffic can reach them: {names}. "
        "Give each of them in the file of --world: self_hosted or commercial.",
        err=True,
    )
    sys.exit(1)

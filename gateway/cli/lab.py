"""`gateway lab`: policies and other gateways' strategies in fixed scenarios."""

import sys
from pathlib import Path

import click
import msgspec

from gateway.cli.common import json_option, load_settings, refuse
from gateway.cli.rivals.table import rivals
from gateway.insight.lab.contenders import Contender, of_policy
from gateway.insight.lab.own import over, parts_of, pool_of
from gateway.insight.lab.picture import lab_picture
from gateway.insight.lab.results import MISS_USD
from gateway.insight.lab.run import run_lab
from gateway.insight.lab.scenarios import CATALOGUE, Scenario, scenarios
from gateway.insight.lab.sentences import lab_sentences
from gateway.insight.world import read_world
from gateway.policies.files import read_text
from gateway.policies.source import policy_in, valid_policy
from gateway.values.deployment import Catalogue
from gateway.values.problem import InvalidDocument

_LEAKED = 3
_NAMES = list(scenarios())


@click.command()
@json_option
@click.option("--policy", "files", multiple=True, metavar="FILE", help="A policy, or a configuration with one.")
@click.option("--scenario", "names", multiple=True, type=click.Choice(_NAMES), help="Default: all.")
@click.option("--seed", default=0, show_default=True, help="Seed of all random draws.")
@click.option(
    "--miss-usd",
    default=MISS_USD,
    show_default=True,
    type=click.FloatRange(0),
    help="The cost counted for each request that misses the objective.",
)
@click.option("--catalogue", "own", metavar="FILE", help="A configuration: its deployments instead of the lab's.")
@click.option(
    "--model", metavar="NAME", help="Take the deployments of this model of the --catalogue; default: its first."
)
@click.option(
    "--world",
    "world_file",
    metavar="FILE",
    help="How the deployments of the --catalogue behave; default: usual figures.",
)
@click.option("--picture", metavar="FILE", help="Write an SVG of it.")
def lab(  # noqa: PLR0913, PLR0917 - a command's options
    files: tuple[str, ...],
    names: tuple[str, ...],
    seed: int,
    miss_usd: float,
    own: str | None,
    model: str | None,
    world_file: str | None,
    picture: str | None,
    *,
    as_json: bool,
) -> None:
    """Play fixed scenarios: policies, the strategies of other gateways, and an oracle that knows what is hidden.

    The pool is home (self-hosted), cloud and cloud-2 (commercial, the second dearer), or that of a --catalogue: what a policy
    names has to be among them. docs/lab.md tells how to read it.

    Exit status: 0; 1 if a policy is not valid; 2 if the command itself is wrong; 3 if a policy sent a request where it may
    not go, which is a defect of the gateway.
    """
    if own is None and (model is not None or world_file is not None):
        raise click.UsageError("--model and --world are of a --catalogue")
    try:
        every, others, pool = (scenarios(), rivals(), CATALOGUE) if own is None else _of_own(own, model, world_file)
        policies = [policy_of(Path(file), pool) for file in files]
    except InvalidDocument as invalid:
        refuse(invalid)
    chosen = [one for name, one in every.items() if not names or name in names]
    contenders = [*policies, *others]
    with click.progressbar(
        length=len(chosen) * (len(contenders) + 1), label="playing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        found = run_lab(chosen, contenders, seed=seed, miss_usd=miss_usd, told=lambda: bar.update(1))
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(lab_sentences(found)))
    if picture is not None:
        Path(picture).write_text(lab_picture(found), "utf-8")
    if any(score.is_policy and score.leaks for played in found.scenarios for score in played.scores):
        sys.exit(_LEAKED)


def _of_own(
    own: str, model: str | None, world_file: str | None
) -> tuple[dict[str, Scenario], list[Contender], Catalogue]:
    """Scenarios, others' strategies and the pool. Raises InvalidDocument."""
    catalogue = load_settings(own, without_secrets=True).catalogue
    if model is None:
        model = next(iter(catalogue.models), None)
    if model not in catalogue.models:
        raise click.UsageError(f"--model {model!r} is no model; there are {', '.join(catalogue.models) or 'none'}")
    given = None if world_file is None else read_world(read_text(Path(world_file)), world_file, catalogue.deployments)
    pool = pool_of(catalogue, model)
    try:
        found, left_out = over(pool, given, model)
        others = rivals(parts_of(pool), tuple(pool.deployments))
    except ValueError as unpriced:
        raise click.ClickException(f"{own}: {unpriced} has no price, and the lab compares costs") from None
    if left_out:
        click.echo(f"left out, as no deployment can take the part: {', '.join(left_out)}", err=True)
    return found, others, pool


def policy_of(file: Path, pool: Catalogue = CATALOGUE) -> Contender:
    """The policy of a file, by the file's name. Raises InvalidDocument with all that is wrong with it."""
    return of_policy(file.stem, valid_policy(policy_in(file), pool))

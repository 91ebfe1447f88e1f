"""`gateway deployments`: what a gateway that runs knows of each deployment, address by address."""

from typing import Any

import click

from gateway.cli.running import show_answer, speaks_with_gateway


@click.command()
@speaks_with_gateway
@click.argument("name", required=False)
def deployments(name: str | None, **speaks: Any) -> None:
    """Show what a gateway that runs knows of its deployments, or of NAME: health, why, load, times, cost, addresses."""
    show_answer("deployments", speaks, {} if name is None else {"name": name})

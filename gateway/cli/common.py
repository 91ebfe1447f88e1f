"""What several commands share: the configuration, and the way in which it is refused."""

import os
import sys
from typing import NoReturn

import click

from gateway.providers.vendors import VENDORS
from gateway.settings import Settings, load
from gateway.values.problem import InvalidDocument

config_option = click.option(
    "--config",
    "-c",
    metavar="FILE",
    help="Configuration; default: $GATEWAY_CONFIG, else ./gateway.yaml, else the embedded model.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of sentences.")


def load_settings(config: str | None, *, without_secrets: bool = False) -> Settings:
    """The settings; if they are not valid, the process ends with what is wrong with them."""
    try:
        return load(config, os.environ, frozenset(VENDORS), without_secrets=without_secrets)
    except InvalidDocument as invalid:
        refuse(invalid)


def refuse(invalid: InvalidDocument) -> NoReturn:
    """End with all that is wrong, and status 1."""
    for problem in invalid.problems:
        click.echo(str(problem), err=True)
    sys.exit(1)

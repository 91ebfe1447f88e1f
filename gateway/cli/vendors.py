"""`gateway vendors`: the table of vendors, as a deployment's `provider` names them."""

from typing import Any

import click
import msgspec

from gateway.cli.common import json_option
from gateway.providers.vendor import Vendor
from gateway.providers.vendors import VENDORS

_COLUMNS = ("name", "vendor", "dialect", "serves", "auth", "base URL")


@click.command()
@json_option
@click.argument("name", required=False)
def vendors(name: str | None, *, as_json: bool) -> None:
    """List the vendors that a deployment's `provider` can name, or all that is known of NAME."""
    if name is not None and name not in VENDORS:
        raise click.ClickException(f"no vendor is named {name!r}; there are {', '.join(sorted(VENDORS))}")
    chosen = {one: VENDORS[one] for one in sorted(VENDORS) if name in (None, one)}
    if as_json:
        click.echo(msgspec.json.encode({one: row_of(vendor) for one, vendor in chosen.items()}))
        return
    if name is not None:
        about = row_of(chosen[name])
        width = max(map(len, about))
        for column, said in about.items():
            click.echo(f"{column:{width}}  {shown(said)}")
        return
    lines = [_COLUMNS, *(_short(one, vendor) for one, vendor in chosen.items())]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_COLUMNS) - 1)]
    for line in lines:
        click.echo("  ".join([*(f"{cell:{width}}" for cell, width in zip(line, widths, strict=False)), line[-1]]))


def _short(name: str, vendor: Vendor) -> tuple[str, ...]:
    about = row_of(vendor)
    return (name, vendor.title, *(shown(about[column]) for column in ("dialect", "serves", "auth", "base_urls")))


def row_of(vendor: Vendor) -> dict[str, Any]:
    """The columns of a row as data, in the order of reading."""
    takes = vendor.takes
    return {
        "vendor": vendor.title,
        "dialect": vendor.chat.name,
        "serves": sorted(one.value for one in vendor.translators),
        "serves_with_every_model": sorted(one.value for one in vendor.usual),
        "auth": vendor.auth.value,
        "base_urls": dict(vendor.base_urls),
        "api_version": vendor.api_version,
        "capabilities": sorted(one.value for one in vendor.capabilities),
        "limit_name": vendor.limit_name,
        "renames": dict(vendor.renames),
        "refuses_unknown_fields": takes.refuses_others,
        "lacks": sorted(takes.lacks),
        "usage": vendor.counts,
        "usage_in_streams": vendor.stream_usage.value,
        "reasoning": vendor.reasoning,
        "rate_limit_headers": list(vendor.rate_headers),
        "verified": vendor.verified.value,
        "source": vendor.source,
    }


def shown(said: Any) -> str:
    """A cell of the table."""
    if isinstance(said, dict):
        return ", ".join(f"{value} ({key})" if key else str(value) for key, value in said.items()) or "-"
    if isinstance(said, list):
        return ", ".join(said) or "-"
    if isinstance(said, bool):
        return "yes" if said else "no"
    return "-" if said is None else str(said)

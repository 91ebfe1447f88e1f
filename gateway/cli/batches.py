"""`gateway batches`: the batches of a gateway, from its file; whether it runs or not."""

import datetime as dt
import sqlite3

import click
import msgspec

from gateway.cli.common import config_option, json_option, load_settings
from gateway.state.batches import newest
from gateway.values.batch import Batch
from gateway.values.stored_file import key_of


@click.command()
@config_option
@json_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many to list.")
def batches(config: str | None, limit: int, *, as_json: bool) -> None:
    """List the newest batches of all keys: where they stand, and how far they are, as of some seconds ago."""
    path = load_settings(config, without_secrets=True).stored_path
    if not path.exists():
        raise click.ClickException(f"{path}: nobody has stored a file yet")
    try:
        found = newest(path, limit)
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise click.ClickException(f"{path}: {error}") from None
    for batch in found:
        click.echo(msgspec.json.encode(batch) if as_json else _sentence(batch))


def _sentence(batch: Batch) -> str:
    counts, key = batch.counts, key_of(batch.owner)
    made = dt.datetime.fromtimestamp(batch.created_at, dt.UTC)
    whose = "no key" if key is None else f"key {key}"
    why = f"; {len(batch.faults)} errors in its file, the first: {batch.faults[0].message}" if batch.faults else ""
    return (
        f"{batch.id}  {made:%Y-%m-%d %H:%M:%S}Z  {batch.status.value}: {counts.completed} completed and {counts.failed} failed of "
        f"{counts.total} lines, {batch.endpoint}, {whose}{why}"
    )

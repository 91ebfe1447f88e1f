"""`gateway replay`: the journal's decisions, made again."""

import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from gateway.cli.common import config_option, json_option, load_settings
from gateway.cli.kept_plans import REVISIONS, KeptPlans
from gateway.insight.again import Again, again
from gateway.journal import journal

_PAGE = 2_000
_NOTHING = 3


@click.command()
@config_option
@json_option
@click.option("--journal", "journal_file", metavar="FILE", help="Default: the configuration's.")
@click.option("--revisions", "revisions_file", metavar="FILE", help="Default: policy-revisions.db beside the journal.")
@click.option("--last", type=click.IntRange(1), metavar="COUNT", help="Only the newest COUNT decisions.")
def replay(
    config: str | None, journal_file: str | None, revisions_file: str | None, last: int | None, *, as_json: bool
) -> None:
    """Make the journal's decisions again, each by the revision of the policy that made it, and list those that differ.

    With the same version none differs: a decision follows from what is on its record. A revision's document is compiled
    against the deployments that it was in force with, whatever the configuration says now.

    Exit status: 0 if none differs; 1 if any does; 2 if the command itself is wrong; 3 if none could be made again.
    """
    path = Path(journal_file) if journal_file else load_settings(config, without_secrets=True).journal_path
    if not path.exists():
        raise click.ClickException(f"{path}: there is no journal")
    revisions = Path(revisions_file) if revisions_file else path.with_name(REVISIONS)
    since = time.monotonic()
    try:
        plans = KeptPlans(revisions)
        found = again(_newest(path, last), plans.of)
    except (sqlite3.Error, msgspec.MsgspecError, OSError) as error:
        raise click.ClickException(f"{path} or {revisions}: {error}") from None
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        click.echo("\n".join(_sentences(found, time.monotonic() - since)))
    if not found.differing and not found.same:
        sys.exit(_NOTHING)
    sys.exit(int(found.differing > 0))


def _newest(path: Path, last: int | None) -> Iterator[journal.JournalRecord]:
    before: str | None = None
    left = last
    while left is None or left > 0:
        page = journal.newest(path, _PAGE if left is None else min(left, _PAGE), before)
        if not page:
            return
        yield from page
        before = page[-1].id
        left = None if left is None else left - len(page)


def _sentences(found: Again, seconds: float) -> list[str]:
    count = found.same + found.differing
    of = f"{len(found.revisions)} revision{'' if len(found.revisions) == 1 else 's'}"
    verdict = "none differs" if not found.differing else f"{found.differing:,} differ"
    lines = [f"{count:,} decisions of {of} were made again in {seconds:.1f} s: {verdict}."]
    lines += [f"{times:,} could not be: {why}." for why, times in found.left_out.items()]
    for one in found.differences:
        was, now = (msgspec.json.encode(value).decode() for value in (one.recorded, one.now))
        lines.append(f"{one.decision} (revision {one.revision}): {one.path or 'decision'}: {was} on record, {now} now")
    return lines

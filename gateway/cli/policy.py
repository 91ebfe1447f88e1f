"""`gateway policy`: the policy of a gateway that runs, over its admin API."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.cli.running import AnswerText, ask, decoded, print_answer, show_answer, speaks_with_gateway
from gateway.policies.files import read_text
from gateway.values.problem import InvalidDocument


class _Kept(msgspec.Struct, frozen=True):
    document: str


class _Document(AnswerText, frozen=True):
    """The same, with a policy."""

    record: _Kept


@click.group()
def policy() -> None:
    """The policy of a gateway that runs: publish it, stage it, look at what was in force, take it back."""


_if_match = click.option("--if-match", metavar="REVISION", help="Refuse if another revision is in force by now.")


@policy.command()
@speaks_with_gateway
@_if_match
@click.option("--share", metavar="SHARE", help="Stage it with this share of the traffic, such as 0.1.")
@click.argument("file", metavar="FILE")
def put(file: str, share: str | None, if_match: str | None, **speaks: Any) -> None:
    """Publish the policy in FILE; - for stdin."""
    try:
        text = sys.stdin.buffer.read() if file == "-" else read_text(Path(file)).encode()
    except InvalidDocument as invalid:
        raise click.ClickException(str(invalid)) from None
    _changed("PUT", "", speaks, if_match, {"share": share}, text, "standard input" if file == "-" else file)


@policy.command("list")
@speaks_with_gateway
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many to list.")
def list_revisions(limit: int, **speaks: Any) -> None:
    """The revisions that were in force or staged, newest first."""
    show_answer("policy/revisions", speaks, {"limit": str(limit)})


@policy.command()
@speaks_with_gateway
@click.argument("revision", required=False)
def show(revision: str | None, **speaks: Any) -> None:
    """Print the document in force, or that of REVISION. Its state goes to standard error."""
    found = ask("GET", f"policy/revisions/{revision}" if revision else "policy", speaks)
    told = decoded(found, _Document)
    if speaks["as_json"]:
        click.echo(found.content)
        return
    document = told.record.document
    for line in told.sentences[: 1 if revision else None]:
        click.echo(line, err=True)
    click.echo(document, nl=not document.endswith("\n"))


@policy.command()
@speaks_with_gateway
@click.argument("old")
@click.argument("new")
def diff(old: str, new: str, **speaks: Any) -> None:
    """How revision NEW differs from OLD: in words, and line by line."""
    show_answer(f"policy/revisions/{old}/diff/{new}", speaks)


@policy.command()
@speaks_with_gateway
@_if_match
@click.argument("revision", required=False)
def rollback(revision: str | None, if_match: str | None, **speaks: Any) -> None:
    """Bring back the revision before the present one, or REVISION. It takes effect at once, for all traffic."""
    _changed("POST", "/rollback", speaks, if_match, {"to": revision})


@policy.command()
@speaks_with_gateway
@_if_match
def promote(if_match: str | None, **speaks: Any) -> None:
    """Let the staged revision decide about all requests."""
    _changed("POST", "/promote", speaks, if_match)


@policy.command()
@speaks_with_gateway
@_if_match
def withdraw(if_match: str | None, **speaks: Any) -> None:
    """End the staged revision."""
    _changed("POST", "/withdraw", speaks, if_match)


def _changed(  # noqa: PLR0913, PLR0917 - what a change is made of
    method: str,
    path: str,
    speaks: dict[str, Any],
    if_match: str | None,
    params: dict[str, str | None] | None = None,
    text: bytes | None = None,
    file: str | None = None,
) -> None:
    headers = {} if if_match is None else {"if-match": if_match}
    given = {name: value for name, value in (params or {}).items() if value is not None}
    found = ask(method, f"policy{path}", speaks, params=given, headers=headers, text=text, file=file)
    print_answer(found, speaks)

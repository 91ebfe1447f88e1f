"""`gateway policy`: the policy of a gateway that runs, over its admin API."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx2 as httpx
import msgspec

from gateway.cli.common import json_option
from gateway.settings.files import read_text
from gateway.settings.policy import POLICY
from gateway.values.problem import InvalidDocument

_WITHIN_S = 60.0  # a check may take 30
_HEADER = re.compile(r"[\x20-\x7e]*")
_Answer = TypeVar("_Answer")


class _Told(msgspec.Struct, frozen=True):
    """As much of an answer as people are told."""

    sentences: list[str]


class _Kept(msgspec.Struct, frozen=True):
    document: str


class _Document(_Told, frozen=True):
    """The same, with a policy."""

    record: _Kept


_url = click.option(
    "--url", envvar="GATEWAY_URL", default="http://127.0.0.1:8080", show_default=True, help="Or $GATEWAY_URL."
)
_key_file = click.option(
    "--key-file", metavar="FILE", help="Holds an operator's key; default: $GATEWAY_API_KEY, the key itself."
)


@click.group()
def policy() -> None:
    """The policy of a gateway that runs: publish it, stage it, look at what was in force, take it back."""


def _speaks(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every one of them has. A key is no argument: a list of processes would show it."""
    for option in (json_option, _key_file, _url):
        command = option(command)
    return command


_if_match = click.option("--if-match", metavar="REVISION", help="Change nothing if another one is in force by now.")


@policy.command()
@_speaks
@_if_match
@click.option("--share", metavar="SHARE", help="Stage it: it takes this share of the traffic, like 0.1.")
@click.argument("file", metavar="FILE")
def put(file: str, share: str | None, if_match: str | None, **speaks: Any) -> None:
    """Publish the policy in FILE; - for stdin."""
    try:
        text = sys.stdin.buffer.read() if file == "-" else read_text(Path(file)).encode()
    except InvalidDocument as invalid:
        raise click.ClickException(str(invalid)) from None
    _changed("PUT", "", speaks, if_match, {"share": share}, text, "standard input" if file == "-" else file)


@policy.command("list")
@_speaks
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many to list.")
def list_revisions(limit: int, **speaks: Any) -> None:
    """The revisions that were in force or staged, newest first."""
    _shown("/revisions", speaks, {"limit": str(limit)})


@policy.command()
@_speaks
@click.argument("revision", required=False)
def show(revision: str | None, **speaks: Any) -> None:
    """The document in force, or of REVISION, on standard output; how it stands, on standard error."""
    found = _asked("GET", f"/revisions/{revision}" if revision else "", speaks)
    told = _decoded(found, _Document)
    if speaks["as_json"]:
        click.echo(found.content)
        return
    document = told.record.document
    for line in told.sentences[: 1 if revision else None]:
        click.echo(line, err=True)
    click.echo(document, nl=not document.endswith("\n"))


@policy.command()
@_speaks
@click.argument("old")
@click.argument("new")
def diff(old: str, new: str, **speaks: Any) -> None:
    """How revision NEW differs from OLD: in words, and line by line."""
    _shown(f"/revisions/{old}/diff/{new}", speaks)


@policy.command()
@_speaks
@_if_match
@click.argument("revision", required=False)
def rollback(revision: str | None, if_match: str | None, **speaks: Any) -> None:
    """Bring back the revision before the present one, or REVISION. It takes effect at once, for all traffic."""
    _changed("POST", "/rollback", speaks, if_match, {"to": revision})


@policy.command()
@_speaks
@_if_match
def promote(if_match: str | None, **speaks: Any) -> None:
    """Let the staged revision decide about all requests."""
    _changed("POST", "/promote", speaks, if_match)


@policy.command()
@_speaks
@_if_match
def withdraw(if_match: str | None, **speaks: Any) -> None:
    """End the staged revision."""
    _changed("POST", "/withdraw", speaks, if_match)


def _shown(path: str, speaks: dict[str, Any], params: dict[str, str] | None = None) -> None:
    _told(_asked("GET", path, speaks, params=params), speaks)


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
    found = _asked(method, path, speaks, params=given, headers=headers, text=text, file=file)
    _told(found, speaks)


def _told(found: httpx.Response, speaks: dict[str, Any]) -> None:
    told = _decoded(found, _Told)
    click.echo(found.content if speaks["as_json"] else "\n".join(told.sentences))


def _decoded(found: httpx.Response, kind: type[_Answer]) -> _Answer:
    """What a gateway says; whatever else answers there ends the command."""
    try:
        return msgspec.json.decode(found.content, type=kind)
    except msgspec.MsgspecError:
        raise click.ClickException(_no_gateway(found)) from None


def _asked(  # noqa: PLR0913 - a request
    method: str,
    path: str,
    speaks: dict[str, Any],
    *,
    params: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    text: bytes | None = None,
    file: str | None = None,
) -> httpx.Response:
    """The answer; one that is an error ends the command with what it says of the text, which is that of `file`.

    The key is in a header, and nowhere else.
    """
    url, key = str(speaks["url"]).rstrip("/"), _key(speaks["key_file"])
    sent = {**(headers or {}), **({"authorization": f"Bearer {key}"} if key else {})}
    if not all(_HEADER.fullmatch(value) for value in sent.values()):
        raise click.ClickException("a key and --if-match are one line of ASCII; one that was given is not")
    try:
        with httpx.Client(timeout=_WITHIN_S, trust_env=False) as client:
            found = client.request(method, f"{url}/admin/policy{path}", params=params, headers=sent, content=text)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        where = "--url or $GATEWAY_URL says where it is"
        raise click.ClickException(f"no gateway answers at {_without_password(url)}: {error}; {where}") from None
    if found.is_success:
        return found
    raise click.ClickException(_refusal(found, file))


def _key(file: str | None) -> str | None:
    if file is None:
        return os.environ.get("GATEWAY_API_KEY")
    try:
        return read_text(Path(file)).strip()
    except InvalidDocument as invalid:
        raise click.ClickException(str(invalid)) from None


def _refusal(found: httpx.Response, file: str | None) -> str:
    try:
        told = msgspec.json.decode(found.content)
        lines = [str(told["error"]["message"])]
        for one in told.get("problems", ()):
            name = file if file is not None and one["file"] == POLICY else one["file"]
            place = ":".join(str(part) for part in (name, one["line"], one["column"]) if part is not None)
            lines.append(f"{place}: {one['severity']}: {one['sentence']}")
    except (msgspec.MsgspecError, KeyError, TypeError):
        return _no_gateway(found)
    return "\n".join(lines)


def _no_gateway(found: httpx.Response) -> str:
    return f"HTTP {found.status_code}: not the answer of a gateway"


def _without_password(url: str) -> str:
    scheme, colon, rest = url.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{colon}{authority.rpartition('@')[2]}{slash}{path}"

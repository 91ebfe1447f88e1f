"""How commands speak with a gateway that runs: its admin API, with the operator's key in a header and nowhere else."""

import os
import re
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


class Told(msgspec.Struct, frozen=True):
    """As much of an answer as people are told."""

    sentences: list[str]


_url = click.option(
    "--url", envvar="GATEWAY_URL", default="http://127.0.0.1:8080", show_default=True, help="Or $GATEWAY_URL."
)
_key_file = click.option(
    "--key-file", metavar="FILE", help="Holds an operator's key; default: $GATEWAY_API_KEY, the key itself."
)


def speaks_with_gateway(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every such command has. A key is no argument: a list of processes would show it."""
    for option in (json_option, _key_file, _url):
        command = option(command)
    return command


def show_answer(path: str, speaks: dict[str, Any], params: dict[str, str] | None = None) -> None:
    """Print what `GET /admin/PATH` says."""
    print_answer(ask("GET", path, speaks, params=params), speaks)


def print_answer(found: httpx.Response, speaks: dict[str, Any]) -> None:
    """Its sentences, or all of it as JSON."""
    told = decoded(found, Told)
    click.echo(found.content if speaks["as_json"] else "\n".join(told.sentences))


def decoded(found: httpx.Response, kind: type[_Answer]) -> _Answer:
    """What a gateway says; whatever else answers there ends the command."""
    try:
        return msgspec.json.decode(found.content, type=kind)
    except msgspec.MsgspecError:
        raise click.ClickException(_no_gateway(found)) from None


def ask(  # noqa: PLR0913 - a request
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
            found = client.request(method, f"{url}/admin/{path}", params=params, headers=sent, content=text)
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

"""The shared files of AWS's tools: what a profile says. Source: AWS SDKs and Tools Reference Guide (2026-11)."""

import configparser
from pathlib import Path

import msgspec

from gateway.transport.sources import Environment
from gateway.watch.credentials.fetched import CannotRefresh

_NOT_RUN = ("credential_process", "sso_session", "sso_start_url", "credential_source")


class Profile(msgspec.Struct, frozen=True):
    """Its members, of both files; those of the credentials win."""

    name: str
    members: dict[str, str]

    def get(self, name: str) -> str | None:
        """None where it is not said."""
        return self.members.get(name) or None


def profile_of(env: Environment, name: str) -> Profile | None:
    """None where no file has it. Raises CannotRefresh for one that only other tools can use, or a file that cannot be read."""
    home = Path(env.get("HOME") or "/nonexistent") / ".aws"
    config = _section(
        Path(env.get("AWS_CONFIG_FILE") or home / "config"), *((name,) if name == "default" else ()), f"profile {name}"
    )
    keys = _section(Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"), name)
    members = {**config, **keys}
    if not members:
        return None
    other = next((one for one in _NOT_RUN if one in members), None)
    if other is not None and "aws_access_key_id" not in members:
        raise CannotRefresh(f"profile {name} has {other}, which the gateway does not use")
    return Profile(name, members)


def text_of(file: str) -> str:
    """What a small file holds, without space around it. Raises CannotRefresh."""
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise CannotRefresh(f"{file} cannot be read: {type(problem).__name__}") from None


def _section(file: Path, *names: str) -> dict[str, str]:
    """What a file says of the first of these that it has."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as problem:
        raise CannotRefresh(f"{file} cannot be read: {type(problem).__name__}") from None
    return next((dict(parser.items(name)) for name in names if parser.has_section(name)), {})

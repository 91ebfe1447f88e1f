"""Secrets by their references, and the keys that callers authenticate with."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.access import Key, Keyring, digest
from gateway.documents import Document, Secret, SecretReference, parse_reference
from gateway.settings.document import GatewayFile, KeyEntry
from gateway.values.caller import Caller
from gateway.values.priority import Priority
from gateway.values.problem import Problem
from gateway.values.request import TAG
from gateway.values.sensitivity import highest

MIN_SECRET_LENGTH = 16
_HEADER_SAFE = re.compile(r"[!-~]([ -~]*[!-~])?")


class Secrets:
    """Resolves references; relative paths are relative to the file that names them.

    `missing` are the secrets that are not there: serving needs them, checking and explaining does not.
    """

    def __init__(self, document: Document, env: Mapping[str, str], base: Path) -> None:
        self.problems: list[Problem] = []
        self.missing: list[Problem] = []
        self._document, self._env, self._base = document, env, base

    def resolve(self, reference: SecretReference, path: str) -> Secret | None:
        """The secret, as a header can carry it, or None and a problem."""
        secret = self.resolve_text(reference, path)
        if secret is not None and not _HEADER_SAFE.fullmatch(secret.reveal()):
            expected = "a secret of printable ASCII characters, as a header can carry it, with no space around it"
            self.problems.append(self._document.problem(path, expected, "others"))
            return None
        return secret

    def resolve_text(self, reference: SecretReference, path: str) -> Secret | None:
        """The secret, any text, or None and a problem."""
        value = self._env.get(reference.name) if reference.kind == "env" else self._from_file(reference.name)
        if value:
            return Secret(value)
        what = (
            f"the environment variable {reference.name} to be set"
            if reference.kind == "env"
            else f"a secret in {reference.name}"
        )
        self.missing.append(self._document.problem(path, what, "nothing"))
        return None

    def _from_file(self, name: str) -> str | None:
        try:
            return (self._base / name).read_text("utf-8").strip()
        except (OSError, ValueError):
            return None


def keyring(parsed: GatewayFile, document: Document, secrets: Secrets) -> Keyring:
    """All keys; a key whose secret is missing can be named, and lets nobody in."""
    keys: dict[str, Key] = {}
    for name, entry in parsed.keys.items():
        _check_scope(name, entry, parsed, document, secrets.problems)
        secrets.problems += _wrong_tags(name, entry, document)
        token = _token(name, entry, document, secrets)
        if token in keys:
            other = repr(keys[token].caller.key)
            secrets.problems.append(document.problem(f"keys.{name}.secret", "a secret of its own", f"that of {other}"))
        keys.setdefault(token, Key(token, _caller(name, entry, parsed)))
    return Keyring(keys.values(), {name: team.sensitivity for name, team in parsed.teams.items()})


def _token(name: str, entry: KeyEntry, document: Document, secrets: Secrets) -> str:
    """The digest of the key's secret; one that no token has where there is none."""
    path = f"keys.{name}.secret"
    reference = parse_reference(entry.secret)
    if reference is None:
        expected = "a reference like ${env:NAME} or ${file:PATH}; a key itself never stands in a file"
        secrets.problems.append(document.problem(path, expected, "a value that is not shown"))
        return f"missing:{name}"
    secret = secrets.resolve(reference, path)
    if secret is None:
        return f"missing:{name}"
    if len(secret.reveal()) < MIN_SECRET_LENGTH:
        expected = f"a secret of at least {MIN_SECRET_LENGTH} characters"
        secrets.problems.append(document.problem(path, expected, "a shorter one"))
    return digest(secret.reveal())


def _caller(name: str, entry: KeyEntry, parsed: GatewayFile) -> Caller:
    models = frozenset(entry.models) if entry.models is not None else None
    team = parsed.teams.get(entry.team) if entry.team is not None else None
    floor = entry.sensitivity if team is None else highest(entry.sensitivity, team.sensitivity)
    return Caller(
        key=name,
        role=entry.role,
        team=entry.team,
        floor=floor,
        models=models,
        priority=Priority[entry.priority.upper()],
        tags=tuple(sorted(entry.tags.items())),
    )


def _wrong_tags(name: str, entry: KeyEntry, document: Document) -> Iterable[Problem]:
    for tag, value in entry.tags.items():
        if not (TAG.fullmatch(tag) and TAG.fullmatch(value)):
            expected = "a name and a value of letters, digits and ._/- , at most 64 each"
            yield document.problem(f"keys.{name}.tags.{tag}", expected, f"{tag!r}: {value!r}")


def _check_scope(name: str, entry: KeyEntry, parsed: GatewayFile, document: Document, problems: list[Problem]) -> None:
    known = [*parsed.models, *parsed.deployments]
    for index, model in enumerate(entry.models or ()):
        if model not in known:
            path = f"keys.{name}.models[{index}]"
            problems.append(document.problem(path, "a model or deployment of this file", repr(model), known))
    if parsed.teams and entry.team is not None and entry.team not in parsed.teams:
        problems.append(document.problem(f"keys.{name}.team", "a team of this file", repr(entry.team), parsed.teams))

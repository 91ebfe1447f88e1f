"""Process settings: one file with deployments, models, keys, the policy and how this process runs.

The environment overrides what belongs to a machine: PORT, HOST, GATEWAY_CONFIG, GATEWAY_STATE_DIR.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.access import Keyring
from gateway.catalogue import compile_catalogue
from gateway.documents import Document, Secret, load_struct, parse
from gateway.policies.files import read_text
from gateway.policies.source import PolicySource, default_text, load_policy, policy_source
from gateway.settings.credentials import Sources
from gateway.settings.document import (
    BatchesSection,
    FilesSection,
    GatewayFile,
    JournalSection,
    LogSection,
    ResponsesSection,
    ServerSection,
)
from gateway.settings.keys import Secrets, keyring
from gateway.settings.place import journal_path
from gateway.transport.sources import CredentialSource
from gateway.values.deployment import Catalogue
from gateway.values.offer import Offers
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.revision import CompileContext
from gateway.values.sensitivity import Sensitivity

_PACKAGED = "defaults/gateway.yaml"
_HERE = "gateway.yaml"  # taken where nothing else is named


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process runs with. `api_keys` are the deployments' own; `credentials` are of those that have none.

    `missing` are the secrets that were not there: empty, but for settings that were loaded without them.
    """

    file: str
    server: ServerSection
    journal: JournalSection
    files: FilesSection
    batches: BatchesSection
    log: LogSection
    responses: ResponsesSection
    journal_path: Path
    policy: PolicySource
    catalogue: Catalogue
    keyring: Keyring
    api_keys: dict[str, Secret]
    credentials: dict[str, CredentialSource]
    teams: frozenset[str]
    missing: list[Problem]

    @property
    def is_packaged(self) -> bool:
        """Whether it is the embedded default, which is no file of anybody's."""
        return self.file == _PACKAGED

    @property
    def compile_context(self) -> CompileContext:
        """What policies are compiled against."""
        return CompileContext(catalogue=self.catalogue, deadline_s=self.server.deadline_s)

    @property
    def revisions_path(self) -> Path:
        """The file of the policy's revisions, beside the journal."""
        return self.journal_path.with_name("policy-revisions.db")

    @property
    def responses_path(self) -> Path:
        """The file of stored responses, likewise."""
        return self.journal_path.with_name("responses.db")

    @property
    def stored_path(self) -> Path:
        """The file in which files and batches are on record, beside the journal. The directory `files` has the bytes."""
        return self.journal_path.with_name("files.db")


def load(path: str | None, env: Mapping[str, str], offers: Offers, *, without_secrets: bool = False) -> Settings:
    """Settings from `configuration_path`. Raises InvalidDocument with all that is wrong.

    `without_secrets`: secrets that are not there are no problem; such settings can explain, and not serve.
    """
    path = configuration_path(path, env)
    text, file = (read_text(Path(path)), path) if path else (default_text("gateway.yaml"), _PACKAGED)
    document = parse(text, file)
    parsed, problems = load_struct(document, GatewayFile)
    if parsed is None:
        raise InvalidDocument(problems)
    base = Path(path).parent if path else Path()
    server, more = _overridden(parsed.server, env)
    compiled, wrong = compile_catalogue(parsed.deployments, parsed.models, offers, document)
    secrets = Secrets(document, env, base)
    api_keys = {
        name: secret
        for name, reference in compiled.api_keys.items()
        if (secret := secrets.resolve(reference, f"deployments.{name}.api_key"))
    }
    sources = Sources(document, secrets, env)
    credentials = {
        name: source
        for name, entry in compiled.credentials.items()
        if not any(problem.path.startswith(f"deployments.{name}.credential") for problem in wrong)
        and (source := sources.resolve(entry, compiled.catalogue.deployments[name])) is not None
    }
    keys = keyring(parsed, document, secrets)
    policy = policy_source(parsed.policy, file, base)
    problems = [*problems, *more, *wrong, *secrets.problems, *_exposure(server, keys, parsed, document)]
    problems += [problem for problem in _policy_problems(policy, compiled.catalogue) if problem not in problems]
    if not without_secrets:
        problems += secrets.missing
    if problems:
        raise InvalidDocument(problems)
    floors = {key.sensitivity for key in parsed.keys.values()} | {team.sensitivity for team in parsed.teams.values()}
    speaks = bool(floors - {Sensitivity.PUBLIC}) or compiled.catalogue.speaks_of_sensitivity
    return Settings(
        file=file,
        server=server,
        journal=parsed.journal,
        files=parsed.files,
        batches=parsed.batches,
        log=parsed.log,
        responses=parsed.responses,
        journal_path=journal_path(parsed.journal.path, path, env),
        policy=policy,
        catalogue=msgspec.structs.replace(compiled.catalogue, speaks_of_sensitivity=speaks),
        keyring=keys,
        api_keys=api_keys,
        credentials=credentials,
        teams=frozenset(parsed.teams) | {entry.team for entry in parsed.keys.values() if entry.team is not None},
        missing=secrets.missing,
    )


def configuration_path(given: str | None, env: Mapping[str, str]) -> str | None:
    """The configuration's file: the one given, or $GATEWAY_CONFIG, or gateway.yaml here. None: the packaged default."""
    return given or env.get("GATEWAY_CONFIG") or (_HERE if Path(_HERE).is_file() else None)


def configuration_name(given: str | None, env: Mapping[str, str]) -> str:
    """The same, in words."""
    return configuration_path(given, env) or f"the embedded default ({_PACKAGED}; there is no ./{_HERE})"


def schema(kind: type[Any], title: str) -> dict[str, Any]:
    """The JSON Schema of a document, for editors."""
    made = msgspec.json.schema(kind)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made}


def _policy_problems(source: PolicySource, catalogue: Catalogue) -> list[Problem]:
    try:
        return load_policy(source.document(), catalogue)[1]
    except InvalidDocument as invalid:
        return invalid.problems


def _overridden(server: ServerSection, env: Mapping[str, str]) -> tuple[ServerSection, list[Problem]]:
    port, problems = server.port, []
    if "PORT" in env:
        if re.fullmatch("[0-9]{1,5}", env["PORT"]) and int(env["PORT"]) <= 65_535:
            port = int(env["PORT"])
        else:
            found = repr(env["PORT"][:40])
            problems.append(
                Problem(
                    file="environment",
                    line=None,
                    column=None,
                    path="PORT",
                    expected="a number from 0 to 65535",
                    found=found,
                )
            )
    return msgspec.structs.replace(server, port=port, host=env.get("HOST") or server.host), problems


def _exposure(server: ServerSection, keyring: Keyring, parsed: GatewayFile, document: Document) -> list[Problem]:
    """Without keys only this machine is served."""
    if parsed.keys or not keyring.is_empty() or is_loopback(server.host):
        return []
    expected = "a loopback address, because no 'keys' are configured; add keys to serve other machines"
    if server.host != parsed.server.host:
        return [
            Problem(file="environment", line=None, column=None, path="HOST", expected=expected, found=repr(server.host))
        ]
    return [document.problem("server.host", expected, repr(server.host))]


def is_loopback(host: str) -> bool:
    """True for localhost and loopback addresses."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

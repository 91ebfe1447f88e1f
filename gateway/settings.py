"""Process settings: one file with deployments, models, keys and how this process runs. Never policy: that is a document
of its own. The environment overrides what belongs to a machine: PORT, HOST, GATEWAY_CONFIG, GATEWAY_STATE_DIR.
"""

import ipaddress
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.access import Key, Keyring, digest
from gateway.catalogue import DeploymentEntry, ModelEntry, compile_catalogue
from gateway.documents import Document, Secret, SecretReference, load_struct, parse, parse_reference
from gateway.values.caller import Caller, Role
from gateway.values.deployment import Catalogue
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.sensitivity import Sensitivity

MIN_SECRET_LENGTH = 16
_HEADER_SAFE = re.compile(r"[!-~]([ -~]*[!-~])?")


class ServerSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How this process listens."""

    host: Annotated[str, Meta(description="Without keys it must be a loopback address.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    max_body_bytes: Annotated[int, Meta(ge=1024, le=2**30)] = 32 * 1024 * 1024
    drain_s: Annotated[
        float, Meta(ge=0, le=86_400, description="After SIGTERM, how long requests in progress may go on.")
    ] = 20.0
    deadline_s: Annotated[float, Meta(gt=0, le=86_400, description="For a request whose rule sets none.")] = 600.0


class JournalSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The record of decisions and outcomes."""

    path: Annotated[str | None, Meta(description="Default: journal.db in the state directory.")] = None
    keep: Annotated[int, Meta(ge=1, description="Records kept; the oldest go first.")] = 200_000
    queue: Annotated[int, Meta(ge=1, description="Records that may wait to be written.")] = 10_000


class KeyEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A key that a caller authenticates with."""

    secret: Annotated[str, Meta(description="A reference: ${env:NAME} or ${file:PATH}.")]
    role: Annotated[Role, Meta(description="operator: may also use /admin/.")] = Role.APPLICATION
    team: str | None = None
    sensitivity: Annotated[Sensitivity, Meta(description="All that it sends is at least this sensitive.")] = (
        Sensitivity.PUBLIC
    )
    models: Annotated[list[str] | None, Meta(description="What it may ask for. Absent: everything.")] = None


class GatewayFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The gateway's configuration file."""

    deployments: dict[str, DeploymentEntry]
    models: dict[str, ModelEntry] = {}
    keys: Annotated[dict[str, KeyEntry], Meta(description="None: this machine only.")] = {}
    policy: Annotated[
        str | None, Meta(description="The policy document, relative to this file. Default: in order.")
    ] = None
    server: ServerSection = ServerSection()
    journal: JournalSection = JournalSection()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process runs with. `api_keys` are the deployments' own credentials."""

    file: str
    server: ServerSection
    journal: JournalSection
    journal_path: Path
    policy_file: str
    policy_text: str
    policy_path: Path | None  # None: the packaged default, which does not change
    catalogue: Catalogue
    keyring: Keyring
    api_keys: dict[str, Secret]


def load(path: str | None, env: Mapping[str, str], providers: frozenset[str]) -> Settings:
    """Settings from a file, or from the packaged default. Raises InvalidDocument with all that is wrong."""
    path = path or env.get("GATEWAY_CONFIG")
    text, file = _text(path) if path else (default_text("gateway.yaml"), "defaults/gateway.yaml")
    document = parse(text, file)
    parsed, problems = load_struct(document, GatewayFile)
    if parsed is None:
        raise InvalidDocument(problems)
    server, more = _overridden(parsed.server, env)
    compiled, wrong = compile_catalogue(parsed.deployments, parsed.models, providers, document)
    base = Path(path).parent if path else Path()
    secrets = _Secrets(document, env, base)
    api_keys = {
        name: secret
        for name, reference in compiled.api_keys.items()
        if (secret := secrets.resolve(reference, f"deployments.{name}.api_key"))
    }
    keyring = _keyring(parsed, document, secrets)
    problems = [*problems, *more, *wrong, *secrets.problems, *_exposure(server, keyring, parsed, document)]
    try:
        policy_text, policy_file = _policy(parsed, base)
    except InvalidDocument as missing:
        problems += missing.problems
    if problems:
        raise InvalidDocument(problems)
    return Settings(
        file=file,
        server=server,
        journal=parsed.journal,
        journal_path=_journal_path(parsed.journal, base, env),
        policy_file=policy_file,
        policy_text=policy_text,
        policy_path=base / parsed.policy if parsed.policy is not None else None,
        catalogue=compiled.catalogue,
        keyring=keyring,
        api_keys=api_keys,
    )


def schema(kind: type[Any], title: str) -> dict[str, Any]:
    """The JSON Schema of a document, for editors."""
    made = msgspec.json.schema(kind)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made}


def with_policy_as_it_is_now(settings: Settings) -> Settings:
    """The same settings with the policy's file read again. Raises InvalidDocument if it cannot be read."""
    if settings.policy_path is None:
        return settings
    return msgspec.structs.replace(settings, policy_text=_text(str(settings.policy_path))[0])


def default_text(name: str) -> str:
    """A packaged default document."""
    return resources.files("gateway.defaults").joinpath(name).read_text("utf-8")


def _text(path: str) -> tuple[str, str]:
    try:
        return Path(path).read_text("utf-8"), path
    except (OSError, ValueError) as error:  # a name with a null byte, or bytes that are not UTF-8
        raise _cannot_read(path, error) from None


def _cannot_read(path: str, error: Exception) -> InvalidDocument:
    found = getattr(error, "strerror", None) or type(error).__name__
    return InvalidDocument(
        [Problem(file=path, line=None, column=None, path="", expected="a readable UTF-8 file", found=found)]
    )


def _policy(parsed: GatewayFile, base: Path) -> tuple[str, str]:
    if parsed.policy is None:
        return default_text("policy.yaml"), "defaults/policy.yaml"
    return _text(str(base / parsed.policy))


def _journal_path(journal: JournalSection, base: Path, env: Mapping[str, str]) -> Path:
    if journal.path is not None:
        return base / journal.path
    home = env.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(env.get("GATEWAY_STATE_DIR") or Path(home) / "gateway") / "journal.db"


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


class _Secrets:
    """Resolves references; relative paths are relative to the file that names them."""

    def __init__(self, document: Document, env: Mapping[str, str], base: Path) -> None:
        self.problems: list[Problem] = []
        self._document, self._env, self._base = document, env, base

    def resolve(self, reference: SecretReference, path: str) -> Secret | None:
        value = self._env.get(reference.name) if reference.kind == "env" else self._from_file(reference.name)
        if value and not _HEADER_SAFE.fullmatch(value):
            expected = "a secret of printable ASCII characters, as a header can carry it, with no space around it"
            self.problems.append(self._document.problem(path, expected, "others"))
            return None
        if value:
            return Secret(value)
        what = (
            f"the environment variable {reference.name} to be set"
            if reference.kind == "env"
            else f"a secret in {reference.name}"
        )
        self.problems.append(self._document.problem(path, what, "nothing"))
        return None

    def _from_file(self, name: str) -> str | None:
        try:
            return (self._base / name).read_text("utf-8").strip()
        except (OSError, ValueError):
            return None


def _keyring(parsed: GatewayFile, document: Document, secrets: _Secrets) -> Keyring:
    keys: dict[str, Key] = {}
    for name, entry in parsed.keys.items():
        _check_scope(name, entry, parsed, document, secrets.problems)
        path = f"keys.{name}.secret"
        reference = parse_reference(entry.secret)
        if reference is None:
            expected = "a reference like ${env:NAME} or ${file:PATH}; a key itself never stands in a file"
            secrets.problems.append(document.problem(path, expected, "a value that is not shown"))
            continue
        secret = secrets.resolve(reference, path)
        if secret is None:
            continue
        token = digest(secret.reveal())
        if len(secret.reveal()) < MIN_SECRET_LENGTH:
            expected = f"a secret of at least {MIN_SECRET_LENGTH} characters"
            secrets.problems.append(document.problem(path, expected, "a shorter one"))
        if token in keys:
            secrets.problems.append(
                document.problem(path, "a secret of its own", f"that of {keys[token].caller.key!r}")
            )
        models = frozenset(entry.models) if entry.models is not None else None
        caller = Caller(key=name, role=entry.role, team=entry.team, floor=entry.sensitivity, models=models)
        keys.setdefault(token, Key(token, caller))
    return Keyring(keys.values())


def _check_scope(name: str, entry: KeyEntry, parsed: GatewayFile, document: Document, problems: list[Problem]) -> None:
    known = [*parsed.models, *parsed.deployments]
    for index, model in enumerate(entry.models or ()):
        if model not in known:
            path = f"keys.{name}.models[{index}]"
            problems.append(document.problem(path, "a model or deployment of this file", repr(model), known))


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

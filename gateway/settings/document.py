"""The configuration file as an operator writes it. The descriptions end up in the published schema."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.catalogue import DeploymentEntry, ModelEntry
from gateway.routing.document import Policy
from gateway.values.caller import Role
from gateway.values.priority import PriorityName
from gateway.values.sensitivity import Sensitivity


class ServerSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How this process listens."""

    host: Annotated[str, Meta(description="Without keys it must be a loopback address.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    max_body_bytes: Annotated[int, Meta(ge=1024, le=2**30)] = 32 * 1024 * 1024
    max_upload_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=2**33,
            description="Of a form with files (sound, images). Over 1 MiB its files are held in the directory for temporary "
            "files (TMPDIR) until the request has ended; all forms together take eight times as much at most.",
        ),
    ] = 256 * 1024 * 1024
    drain_s: Annotated[
        float, Meta(ge=0, le=86_400, description="After SIGTERM, how long requests in progress may go on.")
    ] = 20.0
    grace_s: Annotated[
        float,
        Meta(
            ge=0,
            le=600,
            description="After SIGTERM, how long new requests are still taken: /readyz says no at once, and who balances "
            "load needs a moment to see it.",
        ),
    ] = 0.0
    most_running: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Requests that are worked on at once, open streams included.")
    ] = 5_000
    most_waiting: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Requests that may wait for room; more are refused with 503 and Retry-After.",
        ),
    ] = 1_000
    reader_s: Annotated[
        float,
        Meta(gt=0, le=86_400, description="How long a caller may leave its stream unread before it is cut off."),
    ] = 60.0
    heartbeat_s: Annotated[
        Annotated[float, Meta(ge=0, le=3600)] | None,
        Meta(
            description="A stream that has nothing to send for so long sends a comment (a ping to callers of Messages), before "
            "its first output too; 0 or null: never."
        ),
    ] = 15.0
    deadline_s: Annotated[float, Meta(gt=0, le=86_400, description="For a request whose rule sets none.")] = 600.0


class JournalSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The record of decisions and outcomes."""

    path: Annotated[str | None, Meta(description="Default: journal.db in the state directory.")] = None
    keep: Annotated[int, Meta(ge=1, description="Records kept; the oldest go first.")] = 200_000
    queue: Annotated[int, Meta(ge=1, description="Records that may wait to be written.")] = 10_000


class ResponsesSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The responses that callers of /v1/responses have stored, with what they asked: texts of callers, on disk."""

    keep_s: Annotated[
        float,
        Meta(
            ge=0,
            le=366 * 86_400,
            description="How long a conversation is kept after it was last gone on with. 0: nothing is stored.",
        ),
    ] = 30 * 86_400.0
    most_bytes: Annotated[int, Meta(ge=0, description="Of all; the conversations that rest longest go first.")] = 2**30
    most_bytes_per_key: Annotated[int, Meta(ge=0, description="Of one key, likewise.")] = 2**27


class FilesSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What callers keep with the gateway by /v1/files, and what batches write. It lies in the state directory."""

    max_file_bytes: Annotated[int, Meta(ge=1024, le=2**40, description="Of one file.")] = 200 * 1024 * 1024
    max_total_bytes: Annotated[
        int, Meta(ge=1024, le=2**50, description="Of all files together; more are refused with 507.")
    ] = 10 * 1024**3
    keep_s: Annotated[
        int, Meta(ge=60, le=2**31, description="How long a file is kept whose upload does not say it itself.")
    ] = 30 * 86_400


class BatchesSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is asked by /v1/batches."""

    at_once: Annotated[int, Meta(ge=1, le=10_000, description="Lines of all batches that are asked at once.")] = 16
    max_lines: Annotated[int, Meta(ge=1, le=1_000_000, description="Of one batch.")] = 50_000
    max_open: Annotated[int, Meta(ge=1, le=10_000, description="Batches of one key that have not ended.")] = 50
    keep_s: Annotated[int, Meta(ge=60, le=2**31, description="How long a batch that has ended can be looked up.")] = (
        30 * 86_400
    )


class LogSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The process's log, on standard error. No prompt and no key stands in it."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Annotated[Literal["text", "json"], Meta(description="json: one object a line.")] = "text"
    access: Annotated[
        bool,
        Meta(
            description="A line for each request: id, model, rule, outcome, deployment, times, tokens, cost. Level info."
        ),
    ] = False


class KeyEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A key that a caller authenticates with."""

    secret: Annotated[str, Meta(description="A reference: ${env:NAME} or ${file:PATH}.")]
    role: Annotated[Role, Meta(description="operator: may also use /admin/.")] = Role.APPLICATION
    team: str | None = None
    sensitivity: Annotated[Sensitivity, Meta(description="All that it sends is at least this sensitive.")] = (
        Sensitivity.PUBLIC
    )
    models: Annotated[list[str] | None, Meta(description="What it may ask for. Absent: everything.")] = None
    priority: Annotated[
        PriorityName, Meta(description="Who goes first when the gateway has more requests than it can take.")
    ] = "normal"
    tags: Annotated[
        dict[str, str],
        Meta(description="Tags of all that it sends, whatever x-gateway-tags says: for `when.tags` of the policy."),
    ] = {}


class TeamEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A team that keys belong to."""

    sensitivity: Annotated[Sensitivity, Meta(description="All that its keys send is at least this sensitive.")] = (
        Sensitivity.PUBLIC
    )


class GatewayFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The gateway's configuration file."""

    deployments: dict[str, DeploymentEntry]
    models: dict[str, ModelEntry] = {}
    keys: Annotated[dict[str, KeyEntry], Meta(description="None: this machine only.")] = {}
    teams: Annotated[dict[str, TeamEntry], Meta(description="If given, each key's team must be one of these.")] = {}
    policy: Annotated[
        str | Policy | None,
        Meta(description="The policy, or the file it is in, relative to this one. Default: in the pool's order."),
    ] = None
    server: ServerSection = ServerSection()
    journal: JournalSection = JournalSection()
    files: FilesSection = FilesSection()
    batches: BatchesSection = BatchesSection()
    log: LogSection = LogSection()
    responses: ResponsesSection = ResponsesSection()

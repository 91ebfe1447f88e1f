"""Sees that what docs quote of the code is what the code says: `python docs/check_quotes.py`.

- Numbers: each row of `QUOTES` is a page, a piece of its text with `{}` for each number, and where the numbers stand in the code.
  A number that changes, and a text that is no longer there, are both told.
- The map of docs/contributing.md: its lines are the floors of pyproject.toml, from the top.
"""

import enum
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

DOCS = Path(__file__).parent
_UNITS = {"KiB": 1024, "MiB": 1024**2, "minutes": 60, "days": 86_400, "ms": 0.001, "%": 0.01}
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {**dict(enumerate(_SMALL)), 20: "twenty"}

_BREAKER, _REST = "gateway.learning.breaker", "gateway.learning.rest"
_SERVER, _JOURNAL = "gateway.settings.document:ServerSection", "gateway.settings.document:JournalSection"
_SILENCE, _LIVENESS = "gateway.routing.silence", "gateway.transport.liveness"
_SCAN, _CLASSIFY = "gateway.privacy.budget:ScanBudget", "gateway.flow.classify"
_FORMS = "gateway.http.forms"
_OPEN, _BODIES = "gateway.watch.connections", "gateway.http.body_budget"
_BUDGET, _WORKERS = "gateway.learning.retry_budget", "gateway.learning.workers"
_FILES, _BATCHES = "gateway.settings.document:FilesSection", "gateway.settings.document:BatchesSection"
_RUNS = "gateway.watch.batches"
_STORED = "gateway.settings.document:ResponsesSection"
_LAB, _HEADERS = "gateway.insight.lab.results", "gateway.http.request_headers"

# page, text, sources. A source is MODULE:NAME (of a struct's field its default), then `in UNIT` if the text has another unit
QUOTES: list[tuple[str, str, list[str]]] = [
    ("responses.md", "kept for {} days after it was last gone on with", [f"{_STORED}.keep_s in days"]),
    ("responses.md", "one key has room for {} MiB", [f"{_STORED}.most_bytes_per_key in MiB"]),
    ("operators.md", "half of what ended there in {} seconds failed", [f"{_BREAKER}:WINDOW_S"]),
    ("operators.md", "while fewer than {} ended, {} failures in a row are enough",
     [f"{_BREAKER}:MIN_VOLUME", f"{_BREAKER}:FEW_IN_A_ROW"]),
    ("operators.md", "at any load, {} without a sign of life", [f"{_BREAKER}:MANY_IN_A_ROW"]),
    ("operators.md", "after {} it admits again", [f"{_BREAKER}:PROOFS"]),
    ("operators.md", "it is shut for twice as long as before, up to {} s", [f"{_BREAKER}:LONGEST_PAUSE_S"]),
    ("operators.md", "gets {} of what it had, at least {},", ["gateway.learning.limit:KEPT", "gateway.learning.limit:LEAST"]),
    ("operators.md", "closes the deployment until then, for {} minutes at most",
     ["gateway.values.headroom:LONGEST_HOLD_S in minutes"]),
    ("operators.md", "{} of them in a row, without an output between them, begin a rest: {} s after a 429 or 529, {} s after",
     [f"{_REST}:IN_A_ROW", f"{_REST}:OVERLOAD_REST_S", f"{_REST}:REFUSAL_REST_S"]),
    ("operators.md", "{} at each deployment are always paid", [f"{_BUDGET}:FEW"]),
    ("operators.md", "does not acknowledge within {} seconds ends the connection", [f"{_LIVENESS}:DROPPED_AFTER_S"]),
    ("operators.md", "a silent one is asked whether it is there after {}.", [f"{_LIVENESS}:_ASK_AFTER_S"]),
    ("operators.md", "{} seconds, or {} on a connection that was used before", [f"{_SILENCE}:NEW_S", f"{_SILENCE}:KEPT_S"]),
    ("operators.md", "{} times what {} of 100 such answers take", [f"{_SILENCE}:_TIMES", f"{_SILENCE}:_PERCENTILE"]),
    ("operators.md", "also {} times what the longest that the request allows would take", [f"{_SILENCE}:_TIMES_LONGEST"]),
    ("operators.md", "or {} tokens (more where answers were long lately)", [f"{_SILENCE}:_UNBOUNDED_TOKENS"]),
    ("operators.md", "It needs {} answers of the last", [f"{_SILENCE}:_FEW"]),
    ("operators.md", "at most {} seconds; an answer there", [f"{_WORKERS}:LONGEST_SUSPICION_S"]),
    ("operators.md", "An address is down after {} refused connections", [f"{_WORKERS}:REFUSALS_TO_DOWN"]),
    ("operators.md", "or after {} that were late", [f"{_WORKERS}:SILENCES_TO_DOWN"]),
    ("operators.md", "the KV cache is {} % full", ["gateway.learning.gauges:FULL_KV in %"]),
    ("operators.md", "older than {} seconds is ignored", ["gateway.values.worker:STALE_AFTER_S"]),
    ("operators.md", "up to the first user message, {} characters at most", ["gateway.surfaces.prefix:MOST_CHARACTERS"]),
    ("operators.md", "more than {} times the mean number of requests and {} more",
     ["gateway.routing.affinity:MOST_OF_MEAN", "gateway.routing.affinity:MOST_ABOVE"]),
    ("operators.md", "`server.most_running` requests ({})", [f"{_SERVER}.most_running"]),
    ("operators.md", "Up to `server.most_waiting` ({})", [f"{_SERVER}.most_waiting"]),
    ("operators.md", "Every {} seconds the counts are halved", ["gateway.access.throttle:_HALF_LIFE_S"]),
    ("operators.md", "Bodies over {} KiB take {} MiB together at most",
     [f"{_BODIES}:_FREE_BYTES in KiB", f"{_BODIES}:_LEAST_BYTES in MiB"]),
    ("operators.md", "`server.reader_s` ({})", [f"{_SERVER}.reader_s"]),
    ("operators.md", "Bodies over {} KiB are read and looked through off the event loop",
     ["gateway.flow.large:LARGE_BYTES in KiB"]),
    ("operators.md", "would wait there for more than {} s gets 503", ["gateway.flow.large:_LONGEST_WAIT_S"]),
    ("operators.md", "and sent on {} KiB at a time", ["gateway.transport.sending:SLICE_BYTES in KiB"]),
    ("operators.md", "`server.heartbeat_s` ({};", [f"{_SERVER}.heartbeat_s"]),
    ("operators.md", "may be idle for {} s", ["gateway.serve:_HEAD_WITHIN_MS in 1000"]),
    ("operators.md", "is closed after about {} s.", [f"{_OPEN}:_SILENT_MS in 1000"]),
    ("operators.md", "who connects and begins no request is closed after {} s, and who has no request in progress after {} s",
     [f"{_OPEN}:_SILENT_IF_MANY_MS in 1000", f"{_OPEN}:_IDLE_IF_MANY_MS in 1000"]),
    ("operators.md", "`journal.keep` ({} by default)", [f"{_JOURNAL}.keep"]),
    ("operators.md", "`journal.queue` ({})", [f"{_JOURNAL}.queue"]),
    ("operators.md", "Its secret has {} characters or more", ["gateway.settings.keys:MIN_SECRET_LENGTH"]),
    ("operators.md", "files: {max_file_bytes: {}, max_total_bytes: {}, keep_s: {}}",
     [f"{_FILES}.max_file_bytes", f"{_FILES}.max_total_bytes", f"{_FILES}.keep_s"]),
    ("operators.md", "batches: {at_once: {}, max_lines: {}, max_open: {}, keep_s: {}}",
     [f"{_BATCHES}.at_once", f"{_BATCHES}.max_lines", f"{_BATCHES}.max_open", f"{_BATCHES}.keep_s"]),
    ("operators.md", "in memory take {} MiB at most", [f"{_RUNS}.runner:_HELD_BYTES in MiB"]),
    ("operators.md", "which try again every {} s", [f"{_RUNS}.disk:_AGAIN_S"]),
    ("batches.md", "is asked {} times in all", [f"{_RUNS}.run:_TRIES"]),
    ("batches.md", "at most {} of them. Nothing was asked", [f"{_RUNS}.lines:_MOST_FAULTS"]),
    ("batches.md", "lines under way have {} s to end", [f"{_RUNS}.run:_LAST_S"]),
    ("batches.md", "may have ({} MiB unless", [f"{_SERVER}.max_body_bytes in MiB"]),
    ("batches.md", "| a file | {} MiB unless", [f"{_FILES}.max_file_bytes in MiB"]),
    ("batches.md", "| lines of a batch | {} unless", [f"{_BATCHES}.max_lines"]),
    ("batches.md", "have not ended | {} unless", [f"{_BATCHES}.max_open"]),
    ("dashboards.md", "| `surface` | `{}` |", ["gateway.values.surface:Surface"]),
    ("applications.md", "One request may hold {} inputs", ["gateway.surfaces.embeddings_body:MOST_INPUTS"]),
    ("applications.md", "At most {}, each part", [f"{_HEADERS}:_MAX_TAGS"]),
    ("applications.md", "any name of at most {} characters", [f"{_HEADERS}:_MAX_SESSION"]),
    ("applications.md", "If there is no output for {} seconds", [f"{_SERVER}.heartbeat_s"]),
    ("media.md", "A form has {} MiB at most (`server.max_upload_bytes`), its texts together {} MiB, and {} parts.",
     [f"{_SERVER}.max_upload_bytes in MiB", f"{_FORMS}:MOST_TEXT_BYTES in MiB", f"{_FORMS}:MOST_PARTS"]),
    ("media.md", "Up to {} MiB the files are in memory", ["gateway.http.spool:MEMORY_BYTES in MiB"]),
    ("media.md", "a second more for each {} KiB", ["gateway.http.multipart:_LEAST_BYTES_S in KiB"]),
    ("media.md", "All forms together take {} times", [f"{_FORMS}:_AT_ONCE"]),
    ("applications.md", "| request body | {} MiB", [f"{_SERVER}.max_body_bytes in MiB"]),
    ("applications.md", "| members of all objects in the body | {} |", ["gateway.surfaces.fields:MAX_MEMBERS"]),
    ("applications.md", "| time to send the body | {} s |", ["gateway.http.wire:_BODY_S"]),
    ("applications.md", "else {} s unless the operator set another", [f"{_SERVER}.deadline_s"]),
    ("applications.md", "| one provider's answer | {} MiB;", ["gateway.transport.limits:TransportLimits.max_body_bytes in MiB"]),
    ("changing-policies.md", "the document as YAML, {} KiB at most", ["gateway.admin.policy_check:MAX_POLICY_BYTES in KiB"]),
    ("changing-policies.md", "cannot be read within {} seconds", ["gateway.policies.changes:READ_WITHIN_S"]),
    ("changing-policies.md", "({} times the odds)", ["gateway.policies.evidence:TOLERATED"]),
    ("checking-policies.md", "for {} seconds of processor time", ["gateway.watch.checks:WORK_S"]),
    ("detection.md", "A body up to {} KiB is looked at on the event loop for up to {} steps",
     [f"{_CLASSIFY}:OFF_LOOP_BYTES in KiB", f"{_CLASSIFY}:ON_LOOP_STEPS"]),
    ("detection.md", "on one of {} threads", [f"{_CLASSIFY}:_THREADS"]),
    ("detection.md", "of the {} places to wait", [f"{_CLASSIFY}:_MOST_WAITING"]),
    ("detection.md", "wait for a thread longer than {} seconds", [f"{_CLASSIFY}:_LONGEST_WAIT_S"]),
    ("detection.md", "text ({} Mi characters, what is decoded included) and candidates ({} of a kind",
     [f"{_SCAN}.max_characters in MiB", f"{_SCAN}.max_checks"]),
    ("detection.md", "counts stop at {} of a kind", [f"{_SCAN}.max_count"]),
    ("lab.md", "a request that missed counts ${} (`--miss-usd`)", [f"{_LAB}:MISS_USD"]),
    ("lab.md", "A policy that keeps it in less than {} % is not compared by price", [f"{_LAB}:LEAST_KEPT in %"]),
    ("messages.md", "| no bound of the answer | `max_tokens` of {}; while the model thinks, {} more",
     ["gateway.dialects.anthropic.write_chat:DEFAULT_MAX_TOKENS", "gateway.dialects.anthropic.write_chat:DEFAULT_THINKING_TOKENS"]),
    ("messages.md", "Without a version it sends {}.", ["gateway.dialects.anthropic.request:VERSION"]),
    ("policies.md", "count them first ({} s at most)", ["gateway.flow.count:WITHIN_S"]),
    ("prices.md", "counted from {} seconds before the oldest request", ["gateway.learning.hardware_account:GRACE_S"]),
]  # fmt: skip


def value_of(source: str) -> float | str:
    """What the code has for it, in the unit of the text; of a table its names. Raises ImportError or AttributeError."""
    place, _, unit = source.partition(" in ")
    module, _, names = place.partition(":")
    value: Any = importlib.import_module(module)
    for name in names.split("."):
        is_struct = isinstance(value, type) and issubclass(value, msgspec.Struct)
        defaults = {one.name: one.default for one in msgspec.structs.fields(value)} if is_struct else {}
        value = defaults[name] if name in defaults else getattr(value, name)
    if isinstance(value, Mapping):
        return ", ".join(sorted(value))
    if isinstance(value, enum.EnumMeta):
        return "`, `".join(sorted(str(member.value) for member in value))
    return float(value) / (_UNITS.get(unit) or float(unit)) if unit else value


def _spelled(value: float | str) -> str:
    """A pattern for each way in which a text may write it."""
    if isinstance(value, str):
        return re.escape(value)
    number = round(value, 9)
    shown = (
        {f"{number:g}", f"{number:,g}", f"{number:.0f}", f"{number:,.0f}"} if number == int(number) else {f"{number:g}"}
    )
    word = _WORDS.get(int(number)) if number == int(number) else None
    ways = sorted({*shown, *((word, word.capitalize()) if word else ())}, key=len, reverse=True)
    return "(?:" + "|".join(map(re.escape, ways)) + ")"


def unquoted() -> Iterator[str]:
    """Quotes that do not hold."""
    for page, text, sources in QUOTES:
        try:
            values = [value_of(source) for source in sources]
        except (ImportError, AttributeError) as gone:
            yield f"docs/{page}: where the numbers of {text!r} stood: {gone}"
            continue
        parts = map(re.escape, text.split("{}"))
        pattern = next(parts) + "".join(_spelled(value) + part for value, part in zip(values, parts, strict=True))
        said = " ".join((DOCS / page).read_text("utf-8").split())
        if not re.search(rf"(?<![\w.]){pattern}" if text.startswith("{}") else pattern, said):
            shown = ", ".join(f"{source} = {value}" for source, value in zip(sources, values, strict=True))
            yield f"docs/{page} does not say {text!r} with {shown}"


def unmapped() -> Iterator[str]:
    """Where the map of the house is not the floors."""
    contracts = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = next(one["layers"] for one in contracts if one["type"] == "layers")
    page = (DOCS / "contributing.md").read_text("utf-8")
    shown = [
        re.split(r" {2,}", line.strip())[0]
        for line in re.findall(r"^    \S.*$", page.partition("\n## ")[0], re.MULTILINE)
    ]
    if shown != floors:
        yield "docs/contributing.md: the map is not the floors of pyproject.toml:\n" + "\n".join(floors)


def main() -> int:
    """Numbers and the map."""
    found = [*unquoted(), *unmapped()]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Writes docs/reference/ from the code: configuration, policy, world, errors, metrics, vendors, command line, and the JSON
Schemas; and what commands print in the other pages.

`--check` writes nothing and fails if a page is out of date.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import click

from docs import translation
from docs.examples import examples
from gateway.cli import main as command
from gateway.cli.vendors import row_of, shown
from gateway.http.errors import OUTCOMES, REFUSALS
from gateway.insight.world import World
from gateway.observe.credentials import CredentialsStand
from gateway.observe.detections import Detections
from gateway.observe.hardware import OwnHardware
from gateway.observe.metrics import Metrics
from gateway.observe.objectives import Objectives
from gateway.observe.policy import policy_families
from gateway.observe.states import States
from gateway.providers.vendors import VENDORS
from gateway.routing.document import Policy
from gateway.settings import GatewayFile, schema
from gateway.values.finding import DetectionsSoFar
from gateway.values.outcome import CONSEQUENCES, Outcome
from gateway.values.snapshot import Snapshot

REFERENCE = Path(__file__).parent / "reference"
NOTE = "Generated from the code by `make docs`; do not edit.\n"


def pages() -> dict[str, str]:
    """File name -> content."""
    gateway = schema(GatewayFile, "Gateway configuration")
    policy = schema(Policy, "Gateway policy")
    world = schema(World, "Gateway simulation world")
    return {
        "gateway.schema.json": json.dumps(gateway, indent=2) + "\n",
        "policy.schema.json": json.dumps(policy, indent=2) + "\n",
        "world.schema.json": json.dumps(world, indent=2) + "\n",
        "world.md": _document("World of a simulation", "world.schema.json", world),
        "configuration.md": _document("Configuration file", "gateway.schema.json", gateway),
        "policy.md": _document("Policy document", "policy.schema.json", policy),
        "errors.md": _errors(),
        "metrics.md": _metrics(),
        "command-line.md": _command_line(),
        "translation.md": translation.page(NOTE),
        "vendors.md": _vendors(),
    }


def _document(title: str, file: str, made: dict[str, Any]) -> str:
    lines = [f"# {title}", "", NOTE, f"JSON Schema: [{file}]({file}).", ""]
    root = made["$ref"].rpartition("/")[2]
    definitions = made["$defs"]
    for name in (root, *(name for name in definitions if name != root)):
        definition = definitions[name]
        lines += [f"## {name}", "", definition.get("description", "").strip(), ""]
        if "enum" in definition:
            lines += ["One of: " + ", ".join(f"`{word}`" for word in definition["enum"]) + ".", ""]
            continue
        lines += ["| field | type | default | |", "|---|---|---|---|"]
        for field, about in definition.get("properties", {}).items():
            needed = field in definition.get("required", ())
            default = "required" if needed else f"`{json.dumps(about.get('default'))}`"
            lines.append(f"| `{field}` | {_type(about)} | {default} | {_cell(about.get('description', ''))} |")
        lines.append("")
    return "\n".join(lines)


def _type(about: dict[str, Any]) -> str:
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in about:
        return " or ".join(_type(one) for one in about["anyOf"] if one.get("type") != "null")
    if "enum" in about:
        return " or ".join(f"`{word}`" for word in about["enum"])
    if about.get("type") == "array":
        return f"list of {_type(about.get('items', {}))}"
    if about.get("type") == "object":
        return f"mapping to {_type(about.get('additionalProperties', {}))}"
    bounds = [f"{word} {about[key]}" for key, word in _BOUNDS.items() if key in about]
    return " ".join([about.get("type", "anything"), *bounds])


_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _errors() -> str:
    lines = ["# Errors", "", NOTE, "The body is OpenAI's: `message`, `type`, `param`, `code`.", ""]
    lines += ["A stream that has begun ends with the same object as an event, and without `[DONE]`.", ""]
    lines += ["| outcome | at fault | then | status | type | code | meaning |", "|---|---|---|--:|---|---|---|"]
    for outcome, row in CONSEQUENCES.items():
        seen = OUTCOMES.get(outcome)
        told = f"{seen.status} | `{seen.kind}` | `{seen.code}`" if seen else "| |"
        fault = row.fault.value if row.fault else "nobody"
        lines.append(f"| `{outcome.value}` | {fault} | {row.then.value} | {told} | {row.sentence} |")
    lines += ["", f"`{Outcome.NO_CANDIDATE.value}` is told by what stood against the candidate that came closest:", ""]
    lines += ["| against it | status | type | code |", "|---|--:|---|---|"]
    lines += [f"| {cause.value} | {row.status} | `{row.kind}` | `{row.code}` |" for cause, row in REFUSALS.items()]
    lines += [
        "",
        "A request that is refused before a decision (bad JSON, no key, compressed) is 400 to 415, with the field's path.",
        "",
    ]
    return "\n".join(lines)


def _metrics() -> str:
    lines = ["# Metrics", "", NOTE, "`GET /metrics`, Prometheus text format.", ""]
    lines += ["| metric | type | labels | |", "|---|---|---|---|"]
    found, metrics = [], Metrics()
    for _, collector in sorted({**vars(metrics), **vars(metrics.batches), **vars(metrics.units)}.items()):
        family = next(iter(collector.collect()), None) if hasattr(collector, "_labelnames") else None
        if family is not None:
            found.append((family, collector._labelnames))  # noqa: SLF001 - it has no public name
    read = [
        *Objectives(dict).collect(),
        *States((), lambda: Snapshot(0.0, {})).collect(),
        *policy_families().values(),
        *OwnHardware(dict).collect(),
        *CredentialsStand(dict, float).collect(),
        *Detections(DetectionsSoFar).collect(),
        *metrics.batches.collect(),
    ]
    found += [(family, family._labelnames) for family in read]  # noqa: SLF001
    for family, named in found:
        shown = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in named)
        lines.append(f"| `{shown}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join([*lines, ""])


_VENDORS = """A deployment's `provider` names one of these; `gateway vendors NAME` says the same of one.

- **base URL**: where a deployment is that has no `base_url`. Of several the deployment must say which; where there is none, too.
- **capabilities**: what a deployment can do that has no `capabilities`.
- **names**: a member of a chat's body that callers send, and what it is sent as. Where the bound of an answer's tokens is not
  named, the vendor takes it under either name.
- **usage**: how it counts; *asked* where streams say it because the gateway asks for it, *unasked* where they always do,
  *unknown* where they may, if the caller asks.
- **lacks**: members that are left out there, and reported; one on which the answer depends keeps the request away.
- **verified**: by which kind of evidence the row was checked, and against what. Nobody has called the vendor's servers, but
  where *recorded answers* says so; what the named text does not show is unchecked.
"""


def _vendors() -> str:
    lines = ["# Vendors", "", NOTE, _VENDORS]
    lines += [
        "| `provider` | vendor | dialect | serves | auth | base URL | names | capabilities |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = {name: row_of(VENDORS[name]) for name in sorted(VENDORS)}
    for name, row in rows.items():
        names = ", ".join(f"`{old}` -> `{new}`" for old, new in row["renames"].items()) or "-"
        cells = [
            row["vendor"],
            row["dialect"],
            shown(row["serves"]),
            f"`{row['auth']}`",
            shown(row["base_urls"]),
            names,
        ]
        lines.append(f"| `{name}` | {' | '.join([*cells, shown(row['capabilities'])])} |")
    lines += [
        "",
        "| `provider` | usage | in streams | reasoning | rate-limit headers of its own | lacks | verified | against |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lacks = shown(row["lacks"]) + ("; answers 400 to unknown members" if row["refuses_unknown_fields"] else "")
        cells = [
            row["usage"],
            row["usage_in_streams"],
            shown(row["reasoning"]),
            shown(row["rate_limit_headers"]),
            lacks,
            row["verified"],
        ]
        lines.append(f"| `{name}` | {' | '.join([*map(_cell, cells), _cell(row['source'])])} |")
    return "\n".join([*lines, ""])


def _command_line() -> str:
    return "\n".join(["# Command line", "", NOTE, *_helps(command, "gateway")])


def _helps(group: Any, name: str) -> list[str]:
    lines: list[str] = []
    for word, sub in group.commands.items():
        called = f"{name} {word}"
        lines += [f"## {called}", "", "```", sub.get_help(click.Context(sub, info_name=called)), "```", ""]
        if isinstance(sub, click.Group):
            lines += _helps(sub, called)
    return lines


def main() -> None:
    """Write or check."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true")
    check = options.parse_args().check
    REFERENCE.mkdir(exist_ok=True)
    stale = []
    for file, content in [*((REFERENCE / name, text) for name, text in pages().items()), *examples().items()]:
        if not file.exists() or file.read_text("utf-8") != content:
            stale.append(file.name)
            if not check:
                file.write_text(content, "utf-8")
    if check and stale:
        sys.exit(f"out of date, run `make docs`: {', '.join(stale)}")


if __name__ == "__main__":
    main()

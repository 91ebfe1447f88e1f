"""An example as a sentence, for people."""

import datetime as dt

from gateway.routing.verify.finding import Example
from gateway.values.request import Facts


def example_sentence(example: Example) -> str:
    """What is asked for, by whom, and all that routing may know of it; the plain is left out."""
    facts = example.facts
    parts = [f"{facts.model!r}, {facts.sensitivity.value}", *_of_caller(facts), *_of_body(facts)]
    parts += [f"tag {name}={value}" for name, value in sorted(facts.tags.items())]
    if facts.session is not None:
        parts.append("with a session")
    return f"{', '.join(parts)}; at {dt.datetime.fromtimestamp(example.at, dt.UTC):%a %Y-%m-%d %H:%M} UTC"


def _of_caller(facts: Facts) -> list[str]:
    team = f" of team {facts.team}" if facts.team is not None else ""
    return [] if facts.key is None else [f"key {facts.key}{team}"]


def _of_body(facts: Facts) -> list[str]:
    tokens = f"{facts.prompt_tokens} prompt token{'s' if facts.prompt_tokens > 1 else ''}"
    bound = "no limit of" if facts.max_output_tokens is None else f"at most {facts.max_output_tokens}"
    parts = [tokens, f"{bound} output tokens", *(["stream"] if facts.stream else [])]
    if facts.needs:
        parts.append(f"needs {', '.join(sorted(one.value for one in facts.needs))}")
    if facts.found:
        parts.append(f"found: {', '.join(one.value for one in facts.found)}")
    return parts

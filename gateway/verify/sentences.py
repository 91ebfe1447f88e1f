"""An example as a sentence, for people."""

import datetime as dt

from gateway.values.request import Facts
from gateway.verify.finding import Example


def example_sentence(example: Example) -> str:
    """What is asked for, by whom, and all that routing may know of it; the plain is left out."""
    facts = example.facts
    parts = [f"{facts.model!r}, {facts.sensitivity.value}", *_of_caller(facts), *_of_body(facts)]
    parts += [f"tag {name}={value}" for name, value in sorted(facts.tags.items())]
    if facts.session is not None:
        parts.append("with a session")
    if facts.batch is not None:
        parts.append("a line of a batch")
    if example.at:
        parts.append(f"at {dt.datetime.fromtimestamp(example.at, dt.UTC):%a %Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)


def _of_caller(facts: Facts) -> list[str]:
    team = f" of team {facts.team}" if facts.team is not None else ""
    return [] if facts.key is None else [f"key {facts.key}{team}"]


def _of_body(facts: Facts) -> list[str]:
    output = facts.max_output_tokens
    bound = "no limit of output tokens" if output is None else f"at most {_tokens(output, 'output')}"
    parts = [_tokens(facts.prompt_tokens, "prompt"), bound, *(["stream"] if facts.stream else [])]
    if facts.needs:
        parts.append(f"needs {', '.join(sorted(one.value for one in facts.needs))}")
    if facts.found:
        parts.append(f"found: {', '.join(one.value for one in facts.found)}")
    return parts


def _tokens(count: int, what: str) -> str:
    return f"{count} {what} token{'' if count == 1 else 's'}"

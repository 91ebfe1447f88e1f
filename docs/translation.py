"""The table of what a translation passes, adapts, loses and refuses: made by running the real dialects over an example of each
feature. A dialect that joins the table of vendors, or a surface that is a conversation, appears by itself.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from docs.translation_examples import ANSWERS, BASE, BODIES, REQUESTS, events_of, words_of_events, words_of_reply
from gateway.dialects.contract import Adapted, Deviation, Dialect, Fields, PathNamer
from gateway.providers.vendor import Vendor
from gateway.providers.vendors import CALLERS, VENDORS
from gateway.values.chat import Chat
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Surface

NOT_SAID = "-"
_PREFACE = f"""\
Where caller and provider speak different dialects, each member of a request is **passed**, **adapted** (with what becomes of
it), **lost** (`x-gateway-lost` names it; with `x-gateway-strict: true` such a deployment is passed over) or **refused** (the next
candidate is tried; a 400 if none is left). A {NOT_SAID} stands where callers of that surface have no word for it. Between a
caller and a provider of one dialect bytes pass untouched, whatever they say, so such columns are left out. A column is a
vendor, or all vendors of a dialect."""


class Answering(Protocol):
    """The side of a dialect that requests are written for."""

    @property
    def name(self) -> str:
        """The dialect's."""

    def fields(self, chat: Chat) -> tuple[Fields, tuple[Deviation, ...]]:
        """A body, and how it deviates."""


_SEVERAL = {"openai": ("openai", "vllm", "llama_cpp")}  # vendors of one dialect that differ in what they take


def page(note: str) -> str:
    """docs/reference/translation.md."""
    lines = ["# What a translation keeps", "", note]
    lines += [_PREFACE, ""]
    for surface, asks in _conversations():
        columns = _columns(asks)
        lines += [f"## Requests of `{surface.value}`", "", *_head([title for title, _ in columns])]
        for feature, chat in REQUESTS.items():
            cells = [cell(asks, vendor.chat, feature, chat) for _, vendor in columns]
            lines.append(f"| {feature} | {' | '.join(cells)} |")
        lines.append("")
    lines += [
        "## Answers",
        "",
        "What of an answer callers are told, whole and streamed, where its provider speaks another dialect.",
        "",
    ]
    callers = {asks.name: asks for _, asks in _conversations()}
    lines += _head([f"`{name}` callers" for name in callers])
    for feature in ANSWERS:
        cells = [answer_cell(asks, feature) for asks in callers.values()]
        lines.append(f"| {feature} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _head(titles: Sequence[str]) -> list[str]:
    return [f"| | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]


def _conversations() -> Iterator[tuple[Surface, Dialect]]:
    """Surfaces whose callers get answers, each dialect's first."""
    seen: set[str] = set()
    for surface, dialect in CALLERS.items():
        if surface is not Surface.COUNT_TOKENS and dialect.name not in seen:
            seen.add(dialect.name)
            yield surface, dialect


def _columns(asks: Dialect) -> list[tuple[str, Vendor]]:
    names: dict[str, list[str]] = {}
    for name, vendor in VENDORS.items():
        if vendor.chat.name != asks.name:
            names.setdefault(vendor.chat.name, []).append(name)
    found = []
    for dialect, vendors in names.items():
        shown = _SEVERAL.get(dialect, vendors[:1])
        found += [(f"`{dialect}`" if len(shown) == 1 else f"`{one}`", VENDORS[one]) for one in shown]
    return found


def cell(asks: Dialect, answers: Answering, feature: str, chat: Chat) -> str:
    """What becomes of a feature that callers of one dialect ask for at a provider of another."""
    body = BODIES.get(asks.name, {}).get(feature)
    if body is None:
        try:
            fields, deviations = asks.fields(_of(chat, asks.name, answers.name))
        except AttemptFailed:
            return NOT_SAID
        if deviations:
            return NOT_SAID
    else:
        fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body(answers.name).items()}
    asked = asks.chat(fields)
    try:
        _, found = answers.fields(asked)
    except AttemptFailed as refused:
        path, message = refused.param, refused.message or refused.detail
        if path is not None and isinstance(asks, PathNamer):
            message = message.replace(path, asks.caller_path(asked, path))
        return f"refused: {message}"
    return _told((*asked.unsaid, *found))


def _told(deviations: Sequence[Deviation]) -> str:
    lost = [one for one in deviations if not isinstance(one, Adapted)]
    notes = dict.fromkeys(one.note for one in deviations if isinstance(one, Adapted))
    said = (["lost"] if lost else []) + ([f"adapted: {'; '.join(notes)}"] if notes else [])
    return "; ".join(said) or "passed"


def _of(chat: Chat, asks: str, answers: str) -> Chat:
    """The example with its makers: `ASKS` and `ANSWERS` stand for the two dialects."""
    names = {"ASKS": asks, "ANSWERS": answers}
    turns = tuple(replace(turn, parts=tuple(_made(part, names) for part in turn.parts)) for turn in chat.turns)
    return replace(chat, turns=turns, provider_tools=tuple(_made(one, names) for one in chat.provider_tools))


def _made(part: Any, names: dict[str, str]) -> Any:
    maker = getattr(part, "maker", None)
    return replace(part, maker=names[maker]) if maker in names else part


def answer_cell(asks: Dialect, feature: str) -> str:
    """Whether callers of a dialect are told of a feature of an answer of another."""
    reply, word = ANSWERS[feature]
    request = _request()
    whole = word in words_of_reply(asks.reply(asks.whole(reply, request)))
    writer = asks.writer(request)
    written = writer.write(events_of(reply)) + writer.end()
    streamed = word in words_of_events(asks.reader().read(written))
    if whole and streamed:
        return "passed"
    return "whole answers only" if whole else "streams only" if streamed else "left out"


def _request() -> Request:
    facts = Facts(
        model="m",
        sensitivity=Sensitivity.PUBLIC,
        needs=frozenset(),
        prompt_tokens=1,
        max_output_tokens=None,
        stream=True,
    )
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in BASE.items()}
    return Request(id="r", fields=fields, size=1, facts=facts, wants_usage=True)

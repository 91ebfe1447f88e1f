"""`python -m benchmarks.detection`: what detection costs. With `--recall`: what it finds, and its false alarms."""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from typing import NamedTuple

import msgspec

from benchmarks.report import Bound, Section
from gateway.privacy.detect import Detector
from gateway.values.finding import SensitiveKind

ENGLISH = (
    "The committee met on Tuesday to discuss how the new library should be run, who would pay for it, and whether the old "
    "one could be kept open until the work was done. Nobody had read the report; everybody had an opinion about it. "
)
CHINESE = (  # its commas are full-width
    "委员会周二开会，讨论新图书馆应当如何运营、由谁出资，以及旧馆能否在完工之前继续开放。没有人读过报告，但人人都有看法。"
)
FOUND = " Mail jane.doe@example.com or call +1 415-555-2671, card 4111 1111 1111 1111. "
ROLES = ("system", "user", "assistant", "user", "user")
_AROUND = 200  # bytes of names and brackets
SIZES = (2_000, 20_000, 200_000)
SECONDS_EACH = 1.0
CLEAN_US = 20.0  # of a clean prompt of 2 KB
TOOL = {
    "type": "function",
    "function": {
        "name": "search_catalogue",
        "description": "Search the library's catalogue by title, author or subject.",
        "parameters": {
            "type": "object",
            "properties": {
                "title": {"type": "string", "description": "Words of the title"},
                "author": {"type": "string", "description": "The author's name"},
                "language": {"type": "string", "enum": ["en", "de", "zh"], "description": "The language"},
                "limit": {"type": "integer", "description": "How many to return"},
            },
            "required": ["title"],
        },
    },
}

Fields = dict[str, msgspec.Raw]


def chat(text: str, size: int, found: str = "", tools: int = 0) -> Fields:
    """A chat of five messages, about `size` bytes as it is sent, what is around its text included."""
    letters = (size - _AROUND) * len(text) // len(text.encode()) // len(ROLES)
    content = (text * (letters // len(text) + 1))[:letters]
    messages = [{"role": role, "content": content} for role in ROLES]
    messages[-1]["content"] += found
    body = {
        "model": "m",
        "temperature": 0.7,
        "stream": True,
        "messages": messages,
        **({"tools": [TOOL] * tools} if tools else {}),
    }
    return msgspec.json.decode(json.dumps(body, ensure_ascii=False), type=dict[str, msgspec.Raw])


def times_us(detector: Detector, fields: Fields) -> list[float]:
    """Microseconds of each whole call, for about a second."""
    taken = []
    until = time.perf_counter() + SECONDS_EACH
    while time.perf_counter() < until:
        began = time.perf_counter_ns()
        detector.detect(fields)
        taken.append((time.perf_counter_ns() - began) / 1000)
    return taken


class Cost(NamedTuple):
    """Of detection in one body. `size` is in bytes, times are in microseconds."""

    body: str
    size: int
    median: float
    p99: float


def costs() -> list[Cost]:
    detector = Detector()
    bodies = [
        (f"{language}, {state}", chat(text, size, found))
        for size in SIZES
        for language, text in (("English", ENGLISH), ("Chinese", CHINESE))
        for state, found in (("clean", ""), ("with an address, a phone and a card", FOUND))
    ]
    bodies.append(("English, clean, half of it tools' schemas", chat(ENGLISH, 1_000, tools=2)))
    return [cost(detector, name, fields) for name, fields in bodies]


def cost(detector: Detector, name: str, fields: Fields) -> Cost:
    taken = times_us(detector, fields)
    size = sum(len(bytes(raw)) for raw in fields.values())
    return Cost(name, size, statistics.median(taken), statistics.quantiles(taken, n=100)[98])


def section() -> Section:
    found = costs()
    bounded = [one for one in found if one.body.endswith(", clean") and one.size < 2 * SIZES[0]]
    return Section(
        "Detection",
        "`python -m benchmarks.detection`: the whole call (decode, walk, scan, check), a chat of five messages.",
        ["body", "size", "median µs", "p99 µs"],
        [[one.body, f"{one.size / 1000:.1f} KB", f"{one.median:.1f}", f"{one.p99:.1f}"] for one in found],
        [
            Bound(f"{one.body}, {one.size / 1000:.1f} KB: {one.median:.1f} µs, bound {CLEAN_US:.0f}", one.median <= CLEAN_US)
            for one in bounded
        ],
    )  # fmt: skip


def print_recall() -> None:
    from tests.privacy.measure import alarms, recall  # noqa: PLC0415 - it makes its strings when it is imported

    detector = Detector()
    rows = recall(detector)
    print("| kind | source of the strings | found | of | recall |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.kind.value} | {row.source} | {row.found} | {row.of} | {row.share:.3f} |")
    sums: dict[SensitiveKind, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        sums[row.kind][0] += row.found
        sums[row.kind][1] += row.of
    print("\n| kind | found | of | recall |\n|---|---|---|---|")
    for kind, (found, of) in sums.items():
        print(f"| {kind.value} | {found} | {of} | {found / of:.3f} |")
    print("\n| texts with nothing in them | texts | false alarms | per 1,000 |\n|---|---|---|---|")
    for one in alarms(detector):
        what = ", ".join(f"{kind.value} {count}" for kind, count in one.by_kind.items()) or "none"
        print(f"| {one.source} | {one.texts} | {what} | {sum(one.by_kind.values()) * 1000 / one.texts:.1f} |")


def main() -> int:
    """Exit status 1 if a bound is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recall", action="store_true", help="what is found and what is not, instead of what it costs")
    if parser.parse_args().recall:
        print_recall()
        return 0
    found = section()
    print(found)
    return int(not found.held)


if __name__ == "__main__":
    sys.exit(main())

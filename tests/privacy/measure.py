"""Recall and false alarms over the corpus; the table of docs/detection.md."""

from collections import Counter
from typing import NamedTuple

import msgspec

from gateway.privacy.budget import ScanBudget
from gateway.privacy.detect import Detector
from gateway.values.finding import Detection, SensitiveKind
from tests.privacy.corpus import Positives, negatives, positives


class Recall(NamedTuple):
    kind: SensitiveKind
    source: str
    found: int
    of: int
    missed: list[str]

    @property
    def share(self) -> float:
        return self.found / self.of


class Alarms(NamedTuple):
    source: str
    texts: int
    by_kind: dict[SensitiveKind, int]
    examples: dict[SensitiveKind, list[str]]


def as_chat(*contents: str) -> dict[str, msgspec.Raw]:
    """A chat body as an application sends it."""
    body = {"model": "m", "messages": [{"role": "user", "content": content} for content in contents]}
    return msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])


def kinds(detection: Detection) -> dict[SensitiveKind, int]:
    assert detection.failed is None, detection.failed
    return {finding.kind: finding.count for finding in detection.findings}


def work(detector: Detector, fields: dict[str, msgspec.Raw], budget: ScanBudget) -> int:
    """The steps that a detection takes, or that it took until its budget was used up."""
    search = detector._search(budget)
    search.run(fields)
    return search.meter.steps


def recall(detector: Detector) -> list[Recall]:
    return [_recall(detector, some) for some in positives()]


def _recall(detector: Detector, some: Positives) -> Recall:
    missed = [one for one in some.strings if some.kind not in kinds(detector.detect(as_chat(some.said.format(one))))]
    return Recall(some.kind, some.source, len(some.strings) - len(missed), len(some.strings), missed)


def alarms(detector: Detector) -> list[Alarms]:
    rows = []
    for some in negatives():
        counts: Counter[SensitiveKind] = Counter()
        examples: dict[SensitiveKind, list[str]] = {}
        for text in some.texts:
            for kind in kinds(detector.detect(as_chat(text))):
                counts[kind] += 1
                examples.setdefault(kind, []).append(text)
        rows.append(Alarms(some.source, len(some.texts), dict(counts), examples))
    return rows

"""The report and its verdict: one file that asks for nothing, and says what the figures say."""

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.insight.chooser import Planned
from gateway.insight.compare import Compared
from gateway.insight.fit import Fit
from gateway.insight.measure import Attainment
from gateway.insight.predict import Predicted
from gateway.insight.report import report
from gateway.insight.report.svg import curves
from gateway.insight.run import OTHER_DETECTION, Played, Side, compare
from gateway.insight.sentences import simulation_sentences
from gateway.insight.traffic import Traffic
from gateway.insight.verdict import Judgement, verdict
from gateway.insight.world import Behaviour, Failures, World
from gateway.routing.document import DetectionSection, Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.values.deployment import Catalogue, Price
from tests.insight.worlds import arrivals, catalogue, deployment, planned, steady

CHEAP, DEAR = "cheap", "<dear & quick>"
OF = catalogue(
    deployment(CHEAP, price=Price(input_usd_per_mtok=1.0, output_usd_per_mtok=1.0)),
    deployment(DEAR, price=Price(input_usd_per_mtok=9.0, output_usd_per_mtok=9.0)),
)
SLO = SloEntry(first_output=TargetEntry(under_s=0.5))


UNPRICED = catalogue(deployment(CHEAP, price=None), deployment(DEAR, price=None))


def played(
    behaviours: dict[str, Behaviour],
    of: Catalogue = OF,
    slo: SloEntry | None = SLO,
    fits: dict[str, Fit] | None = None,
    **draft: Any,
) -> tuple[Compared, list[Played]]:
    """The cheap one first, against another policy."""
    sides = [
        Side(Planned(planned(of, slo=slo).plan, "current")),
        Side(Planned(planned(of, slo=slo, **draft).plan, "draft")),
    ]
    traffic = Traffic(source="a <test>", requests=tuple(arrivals([n * 0.5 for n in range(200)], 20)))
    found, both, _ = compare(
        sides[0], sides[1], of.deployments, Predicted(World(deployments=behaviours), fits or {}), traffic, seed=0
    )
    return found, both


DEAR_FIRST = Prefer(order=[DEAR])
GOOD = {CHEAP: steady(0.2), DEAR: steady(0.1)}
OUT = Failures(share=1.0)


@pytest.mark.parametrize(
    ("behaviours", "draft", "judgement", "said"),
    [
        (GOOD, {}, Judgement.SAME, "keeps the objective about as well, 100.0% (now 100.0%); answers all"),
        (GOOD, {"prefer": DEAR_FIRST}, Judgement.WORSE, "costs 800% more, $0.2160 instead of $0.0240; keeps the objective about as well"),
        (
            {CHEAP: steady(0.2, failures=Failures(share=0.2, after_s=0.6)), DEAR: steady(0.1)},
            {"prefer": DEAR_FIRST}, Judgement.TRADE, "keeps the objective more often, 100.0% instead of ",
        ),
        (
            {CHEAP: steady(failures=OUT), DEAR: steady(failures=OUT)}, {"prefer": DEAR_FIRST}, Judgement.SAME,
            "leaves 200 unanswered",
        ),
    ],
)  # fmt: skip
def test_the_verdict_follows_from_the_figures(
    behaviours: dict[str, Behaviour], draft: dict[str, Any], judgement: Judgement, said: str
) -> None:
    found, _ = played(behaviours, **draft)
    judged = verdict(found)
    assert judged is not None
    assert judged.judgement is judgement
    assert said in judged.sentence


def test_an_unknown_cost_is_never_0_and_judges_nothing() -> None:
    found, (current, draft) = played(GOOD, UNPRICED, None, prefer=DEAR_FIRST)
    assert str(verdict(found)) == (
        "cannot be judged: costs are unknown, of 400 attempts; times are not judged, there is no objective; answers all"
    )
    assert found.current.cost.total is found.current.deployments[CHEAP].cost_usd is found.cost_difference_usd is None
    assert found.moved[0].cost_usd is None
    lines = simulation_sentences(found)
    told = {line[:24].strip(): line[24:].split() for line in lines}
    assert told["cost"] == told["billed by providers"] == ["unknown", "unknown"]
    assert lines[-1].endswith("(by order or weights): unknown cost")
    before_the_table = report(found, (), current.rows, draft.rows).split("<details>")[0]
    assert "<p>Unknown.</p>" in before_the_table
    assert "$" not in before_the_table


def test_a_draft_is_no_cheaper_for_what_it_sends_where_costs_are_unknown() -> None:
    """Half of what it asks has a price; the other half is not free."""
    of = catalogue(deployment(CHEAP), deployment(DEAR, price=None))
    found, (current, draft) = played(GOOD, of, prefer=Prefer(weights={CHEAP: 1, DEAR: 1}))
    assert found.draft is not None
    assert found.draft.cost.total is not None
    assert found.current.cost.total is not None
    assert found.draft.cost.total < found.current.cost.total
    assert found.cost_difference_usd is None
    judged = verdict(found)
    assert judged is not None
    assert judged.judgement is Judgement.OPEN
    assert judged.sentence.startswith("costs cannot be compared, $")
    assert "attempts of unknown cost with $0.0280 and 0 attempts" in judged.sentence
    assert "≥ $" in report(found, (), current.rows, draft.rows).split("<details>")[0]


def test_a_leak_is_all_that_is_said() -> None:
    found, _ = played(GOOD)
    assert found.draft is not None
    leaking = msgspec.structs.replace(
        found, draft=msgspec.structs.replace(found.draft, leaks={"restricted to open": 3})
    )
    assert str(verdict(leaking)) == "do not publish: 3 times restricted to open"
    assert verdict(msgspec.structs.replace(found, draft=None)) is None


class Reader(HTMLParser):
    """Tags in balance, what is linked, and the texts."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.linked: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.linked += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_whole_asks_for_nothing_and_shows_the_figures() -> None:
    found, (current, draft) = played(GOOD, prefer=DEAR_FIRST)
    page = report(found, (), current.rows, draft.rows)
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.linked == []
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert "url(" not in page
    assert "http" not in page
    assert reader.tags.count("svg") == 5  # cost, first output, who answers twice, whole answer
    text = "".join(reader.texts)
    assert text.index("The draft: worse") < text.index("Cost") < text.index("Time to the first output")
    assert f"{CHEAP} → {DEAR}" in text
    assert "200 requests in 2 minutes of a <test>, seed 0" in text
    assert re.search(r"\$0\.22\s*draft", text)


def test_without_a_draft_it_shows_what_there_is() -> None:
    found, (current, _) = played(GOOD)
    alone = msgspec.structs.replace(found, draft=None, moved=())
    page = report(alone, current.rows, current.rows, ())
    assert "What the policy would have done" in page
    assert "change hands" not in page


def test_an_objective_that_all_miss_is_on_the_chart() -> None:
    """Its line would have been left of the axis, over the labels or not to be seen at all."""
    found, (current, draft) = played({CHEAP: steady(3.0), DEAR: steady(3.0)}, slo=SLO)
    page = report(found, (), current.rows, draft.rows)
    places = [float(x) for x in re.findall(r'class="mark" x1="([-0-9.]+)"', page)]
    assert places
    assert all(46 <= x <= 520 for x in places)


def test_promises_of_several_rules_are_told_apart() -> None:
    page = curves([("a", "one", [0.1, 0.5, 3.0])], "s", [(1.0, "95 % within 1 s"), (2.0, "95 or 99 % within 2 s")])
    heights = re.findall(r'<text class="mark" x="[0-9.]+" y="([0-9.]+)"', page)
    assert len(set(heights)) == 2


def test_a_few_requests_of_many_are_no_worse_than_luck() -> None:
    def judged(before: float, after: float, requests: int) -> str:
        found, _ = played(GOOD)
        assert found.draft is not None
        was = replace(found.current, objective=Attainment(requests, before))
        draft = replace(found.draft, objective=Attainment(requests, after))
        judgement = verdict(replace(found, current=was, draft=draft))
        assert judgement is not None
        return judgement.sentence

    assert "about as well" in judged(0.945, 0.942, 900)
    assert "less often" in judged(0.945, 0.90, 900)
    assert "less often" in judged(0.945, 0.94, 100_000)
    assert "about as well" in judged(1.0, 0.999, 100_000)


def test_what_no_simulation_can_show_is_said() -> None:
    plan = planned(OF, slo=SLO).plan
    rules = [Rule(name="all")]
    traffic = Traffic(source="t", requests=tuple(arrivals([0.0])))
    for detection, notes in ((DetectionSection(), ()), (DetectionSection(kinds=[]), (OTHER_DETECTION,))):
        current = Side(Planned(plan, "current"), Policy(rules=rules))
        draft = Side(Planned(plan, "draft"), Policy(rules=rules, detection=detection))
        world = Predicted(World(deployments=GOOD))
        found, (was, now), _ = compare(current, draft, OF.deployments, world, traffic, seed=0, notes=["<first>"])
        assert found.notes == ("<first>", *notes)
        lines, page = simulation_sentences(found), report(found, (), was.rows, now.rows)
        for note in found.notes:
            assert f"note: {note}" in lines
            assert f"<p>Note: {escape(note)}</p>" in page


def test_that_hardly_any_are_answered_is_said_before_all_else() -> None:
    """As where the trace asks for what the policy refuses: nothing differs, and nothing was tried."""
    found, (current, draft) = played({CHEAP: steady(failures=OUT), DEAR: steady(failures=OUT)})
    said = "100.0% unanswered under both, mostly no_candidate: shut"
    assert simulation_sentences(found)[0].startswith(f"the draft: {said}; no difference: ")
    assert said in report(found, (), current.rows, draft.rows).split("<details>")[0]
    alone = replace(found, draft=None, moved=())
    assert simulation_sentences(alone)[0] == "100.0% unanswered, mostly no_candidate: shut"
    few = replace(alone, current=replace(alone.current, answered=alone.current.requests - 1))
    assert "unanswered" not in simulation_sentences(few)[0]
    assert found.draft is not None
    better = replace(found, draft=replace(found.draft, answered=found.draft.requests))
    assert str(verdict(better)).startswith("better: ")  # of one side only it is the verdict's own business


def test_a_difference_that_hangs_on_what_is_in_doubt_judges_nothing() -> None:
    """The dear one is quick enough as it was taken to be, and not if it is three times as slow."""
    fits = {DEAR: Fit(answered=9, behaviour=steady(0.2), doubts=("why",), off=3.0)}
    late = {CHEAP: steady(0.8), DEAR: steady(0.2)}
    found, _ = played(late, prefer=DEAR_FIRST, fits=fits)
    assert [one.how for one in found.otherwise] == ["slower", "faster"]
    judged = verdict(found)
    assert judged is not None
    assert judged.judgement is Judgement.OPEN
    assert "100.0% instead of 94.5%, but not if those in doubt are slower" in judged.sentence
    lines = simulation_sentences(found)
    at = next(number for number, line in enumerate(lines) if line.startswith("first output p95"))
    assert re.fullmatch(r"  between +0\.\d+ s and 0\.\d+ s +0\.067 s and 0\.800 s", lines[at + 1])
    assert found.notes == (f"{DEAR} may be up to 3.0 times as slow, or as quick, as it was taken to be: why",)
    sure, _ = played(late, prefer=DEAR_FIRST, fits={DEAR: replace(fits[DEAR], doubts=(), off=1.0)})
    assert sure.otherwise == ()
    assert verdict(sure).judgement is Judgement.TRADE  # type: ignore[union-attr]

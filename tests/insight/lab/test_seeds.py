"""The figures over several seeds in docs/lab.md: written by a command, between marks, and nowhere by hand."""

from benchmarks.lab import BEGIN, END, JUDGED, TOLD, with_seeds
from gateway.insight.lab.results import BestOther, Recovery, Score
from tests.support.gateway import REPOSITORY


def run(policy: str, cheaper: float, kept: float, back_s: float | None) -> tuple[BestOther, Score]:
    beside = BestOther(
        policy=policy, other="round robin", as_good=cheaper < 0.3, kept=kept, most=0.9, cheaper=cheaper, billed_cheaper=0.5
    )  # fmt: skip
    score = Score(
        name=policy, is_policy=True, requests=9, attainment=kept, total_usd=1.0, billed_usd=0.5, unknown_attempts=0, refused=0,
        failed=0, leaks=0, first_output_p95_s=None, total_p95_s=None, regret=0.204, billed_regret=0.1, answered={},
        recovery=Recovery(back_in_objective_s=2.0, home_again_s=back_s),
    )  # fmt: skip
    return beside, score


def test_what_is_between_the_marks_is_written_anew() -> None:
    runs = [
        run(name, cheaper, kept, back)
        for name in TOLD
        for cheaper, kept, back in ((0.25, 0.97, 17.0), (0.5, 0.984, None))
    ]
    page = with_seeds(f"Before.\n\n{BEGIN}\nwhat was\n{END}\n\nAfter.\n", {"slow-down": runs})
    assert page.startswith(f"Before.\n\n{BEGIN}\n")
    assert page.endswith(f"\n{END}\n\nAfter.\n")
    assert "what was" not in page
    assert page.count("| slow-down | 97.0% to 98.4% | 25, 50 % | 20, 20 % |") == len(TOLD)
    assert "In these 2 runs it costs 25% to 50% less than the other. In 1 of them\n" in page
    assert "for good after 2, 2 s; traffic is back 17, never s after its end." in page
    assert with_seeds(page, {"slow-down": runs}) == page


def test_the_page_has_the_marks_and_all_that_is_judged() -> None:
    page = (REPOSITORY / "docs" / "lab.md").read_text()
    told = page.partition(BEGIN)[2].partition(END)[0]
    assert all(f"| {name} |" in told for name in JUDGED)

"""The lab for people: a table for each scenario, and what the policies are beside the best of the others."""

from collections.abc import Iterator

from gateway.insight.lab.results import LEAST_KEPT, Against, Lab, Played, Recovery, Score

_HEAD = ("", "kept", "total", "billed", "regret", "refused", "failed", "p95 first", "p95 whole", "leaks", "answered by")


def lab_sentences(lab: Lab) -> list[str]:
    """Lines."""
    lines = [f"seed {lab.seed}; a request that misses, fails or is refused counts ${lab.miss_usd:g}"]
    for played in lab.scenarios:
        lines += ["", *_scenario(played)]
    return lines


def _scenario(played: Played) -> Iterator[str]:
    yield f"{played.name}: {played.sentence}; {played.requests} requests"
    rows = [_HEAD, *map(_row, played.scores)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for name, *cells, answered in rows:
        shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=False))
        yield f"  {name:{widths[0]}}  {shown}  {answered}".rstrip()
    for one in played.against:
        yield f"  {against_sentence(one)}"
    for score in played.scores:
        if score.recovery is not None:
            yield f"  {score.name}: {recovery_sentence(score.recovery)}"


def against_sentence(one: Against) -> str:
    """In words. Of a policy that keeps too little no price is called a saving."""
    if one.kept < LEAST_KEPT:
        return (
            f"{one.policy}: keeps {one.kept:.1%}, others up to {one.most:.1%}: too little for its cost to say anything"
        )
    which = "the cheapest of the others that keep as much" if one.as_good else "the one that keeps most, none as much"
    return f"{one.policy}: {_cheaper(one.cheaper)} than {one.other} ({which}); billed {one.billed_cheaper:+.1%}"


def recovery_sentence(one: Recovery) -> str:
    """In words."""
    back, home = one.back_in_objective_s, one.home_again_s
    return (
        f"p95 inside the objective {'never again' if back is None else f'{back:.0f} s after the slow-down began'}, "
        f"traffic back {'never' if home is None else f'{home:.0f} s after its end'}"
    )


def _cheaper(share: float) -> str:
    return f"{share:.1%} cheaper" if share >= 0 else f"{-share:.1%} dearer"


def _row(score: Score) -> tuple[str, ...]:
    return (
        score.name,
        f"{score.attainment:.2%}",
        f"${score.total_usd:.3f}",
        f"${score.billed_usd:.3f}",
        f"{score.regret:.1%}",
        str(score.refused),
        str(score.failed),
        _seconds(score.first_output_p95_s),
        _seconds(score.total_p95_s),
        str(score.leaks),
        ", ".join(f"{name} {count}" for name, count in score.answered.items()),
    )


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"

"""Order: which eligible deployment is tried first, second, third, and why.

First their tier: ready ones, then those predicted to come too late (`lateness.py`), then those that burned its error
budget, then the last resorts. Within a tier: the rule's order, its weights, or the best score. Where an objective
lacks the readings to score a ready deployment, that one is taken neither for good nor for bad: it comes second, and a
small share of requests explores it. The same kind of share probes late and ejected ones, so that they can come back.
"""

from collections.abc import Sequence
from itertools import repeat
from math import log
from operator import neg

from gateway.routing.chance import hashed, shares
from gateway.routing.lateness import BURNING, LAST_RESORT, LATE, READY, LatenessBounds, ScoredCandidate
from gateway.routing.plan import CompiledRule, Preference, goes_on
from gateway.routing.scores import Mix, known_scores, total_scores
from gateway.values.decision import Bounds, Candidate, Tier
from gateway.values.request import Facts
from gateway.values.slo import Slo, SloReading
from gateway.values.snapshot import Reading, Snapshot

PROBE_EVERY_S = 4.0  # who was heard of since then, and is late, needs no probe
PROBE_SHARE = 0.02  # of the requests of a rule without an objective
BACK_PROBE_SHARE = 0.2  # at least, where it seems that a deployment has recovered
_EXPLORE = hashed("explore")

_Key = tuple[int, int, float, float]  # tier, group, value, tie
_SCORED, _UNREAD, _UNDECLARED, _UNWEIGHTED = 0, 1, 2, 3
_NOTHING: Mix = (0.0, 0.0, 0.0, 0.0)
_NO_READINGS: dict[str, SloReading] = {}
_TIERS = tuple(Tier)


def ordered(  # noqa: PLR0913, PLR0917 - what an order is made of
    rule: CompiledRule, facts: Facts, snapshot: Snapshot, bounds: Bounds, scored: list[ScoredCandidate], seed: int
) -> list[Candidate]:
    """Candidates with their rank, in its order. `bounds` are the request's own: the rule's, and the caller's."""
    judged = snapshot.slo.get(rule.name, _NO_READINGS)
    lateness = LatenessBounds(rule.slo, bounds, facts)
    tiers = lateness.tiers(None if rule.slo is None else judged, scored, snapshot.now)
    mix = rule.preference.mix
    scores, known = (None, None) if mix is None else _scores(mix, facts, scored)
    alone = len(scored) == 1
    keys = [] if alone else _keys(rule, facts, scored, tiers, scores, known, seed)
    if READY not in tiers and not alone:
        keys = [
            (LATE, _SCORED, lateness.least_late(one, key[0], snapshot.now), one[0].position)
            if key[0] in _DEMOTED
            else key
            for one, key in zip(scored, keys, strict=True)
        ]
    order = [0] if alone else sorted(range(len(scored)), key=keys.__getitem__)
    probed = None
    if len(order) > 1:
        if scores is not None and (known is None or _has_unread(rule)):
            _unread_second(order, keys)
        if (probed := _probed(rule, lateness, order, keys, scored, seed, snapshot.now)) is not None:
            order.remove(probed)
            order.insert(0, probed)
    continues = goes_on(rule, facts)
    ranked: list[Candidate] = []
    for rank, index in enumerate(order):
        place, reading, most, expected, first, total, quality, _, _ = scored[index]
        tier = Tier.PROBE if index == probed else _TIERS[tiers[index]]
        score = None if scores is None else scores[index]
        ranked.append(
            Candidate(
                place.name, (), rank, tier, reading, quality, most, expected, first, total,
                judged.get(place.name) if judged else None, score, place.weight, place.lost,
                continues and place.deployment.continues,
            )
        )  # fmt: skip
    return ranked


def _scores(mix: Mix, facts: Facts, scored: list[ScoredCandidate]) -> tuple[Sequence[float | None], list[float] | None]:
    """By the objective; and the same again where all are known."""
    if not scored:
        return [], []
    _, readings, _, costs, firsts, totals, qualities, _, _ = zip(*scored, strict=True)
    times, others = (firsts, totals) if facts.stream else (totals, firsts)
    loads = [reading.in_flight for reading in readings] if mix[3] else qualities
    known = known_scores(mix, (costs, times, qualities, loads))
    if known is not None:
        return known, known
    either = [other if time is None else time for time, other in zip(times, others, strict=True)]
    return total_scores(mix, (costs, either, qualities, loads)), None


def _keys(  # noqa: PLR0913, PLR0917 - what an order is made of
    rule: CompiledRule,
    facts: Facts,
    scored: list[ScoredCandidate],
    tiers: list[int],
    scores: Sequence[float | None] | None,
    known: list[float] | None,
    seed: int,
) -> list[_Key]:
    if rule.preference.weighted:  # weighted rendezvous hashing (Schindelhauer and Schomaker, SPAA 2005)
        seed = _split_seed(rule.preference, facts, seed)
        places = [one[0] for one in scored]
        drawn = shares(seed, [place.salt for place in places])
        return [
            (tier, _UNWEIGHTED, 0.0, place.position)
            if (weight := place.weight) is None
            else (tier, _SCORED, log(number) / -weight, 0)
            for place, tier, number in zip(places, tiers, drawn, strict=True)
        ]
    if scores is None:
        return [(tier, _SCORED, 0.0, one[0].position) for one, tier in zip(scored, tiers, strict=True)]
    unread = _has_unread(rule)
    ties = _ties(scored, scores, seed)
    if known is not None and not unread and LAST_RESORT not in tiers:
        return list(zip(tiers, repeat(_SCORED), map(neg, known), ties, strict=False))
    return [
        _by_score(rule, one, tier, score, tie)
        if score is None or tier == LAST_RESORT or (unread and one[1].latency is None)
        else (tier, _SCORED, -score, tie)
        for one, tier, score, tie in zip(scored, tiers, scores, ties, strict=True)
    ]


def _has_unread(rule: CompiledRule) -> bool:
    """Whether some that have a score may not have been read: an objective over latency gives these none."""
    mix = rule.preference.mix
    return rule.slo is not None and mix is not None and not mix[1]


def _ties(scored: list[ScoredCandidate], scores: Sequence[float | None], seed: int) -> list[float]:
    """Hashes of seed and name; nothing if there is no tie to break."""
    if len(set(scores)) == len(scores):
        return [0.0] * len(scores)
    return shares(seed, [one[0].salt for one in scored])


def _by_score(rule: CompiledRule, one: ScoredCandidate, tier: int, score: float | None, tie: float) -> _Key:
    """Of one that has no score, or has one that does not count beside those of others that were read."""
    if tier == LAST_RESORT:
        return (tier, _SCORED, 0.0, one[0].position)
    if score is None and _is_undeclared(rule.preference.mix or _NOTHING, one):
        return (tier, _UNDECLARED, 0.0, tie)
    return (tier, _UNREAD, 0.0 if score is None else -score, tie)


def _is_undeclared(mix: Mix, one: ScoredCandidate) -> bool:
    """Whether it lacks what no answer teaches, of what the objective weighs: a price or a quality. Else it is only unread."""
    by_cost, _, by_quality, _ = mix
    place, _, _, expected, _, _, quality, _, _ = one
    no_price = expected is None and not place.deployment.has_price
    return bool((by_cost and no_price) or (by_quality and quality is None))


def _split_seed(preference: Preference, facts: Facts, seed: int) -> int:
    by: str | None = None if preference.split_by == "request" else getattr(facts, preference.split_by)
    return seed if by is None else hashed(by)


def _unread_second(order: list[int], keys: list[_Key]) -> None:
    """Ready ones without a score come right after the first that has one, and before those that lack what nobody can learn."""
    unread = [index for index in order if keys[index][0] == READY and keys[index][1] == _UNREAD]
    first = keys[order[0]]
    if unread and first[0] == READY and first[1] == _SCORED:
        order[1:] = unread + [index for index in order[1:] if index not in unread]


def _probed(  # noqa: PLR0913, PLR0917 - what it is chosen by
    rule: CompiledRule,
    lateness: LatenessBounds,
    order: list[int],
    keys: list[_Key],
    scored: list[ScoredCandidate],
    seed: int,
    now: float,
) -> int | None:
    """The one that this request explores or probes, if it is one of the few that do.

    One probe is enough until it has given output, and while answers still say that it is late none is needed. Where the
    newest ones were so fast that this request would be in time, more of them see whether that is so.
    """
    if keys[order[0]][0] != READY or keys[order[0]][1] != _SCORED:
        return None
    explore = rule.preference.explore if rule.preference.mix is not None else 0.0
    (drawn,) = shares(seed, (_EXPLORE,))
    if drawn < explore:
        few = [index for index in order if keys[index][0] == READY and keys[index][1] == _UNREAD]
        return _one_of(few, drawn / explore)
    probe = PROBE_SHARE if rule.slo is None else rule.slo.probe_share
    if drawn >= explore + max(probe, BACK_PROBE_SHARE):
        return None
    few = [index for index in order if keys[index][0] in _DEMOTED and _may_be_probed(scored[index][1], rule.slo)]
    if back := [index for index in few if _seems_back(lateness, scored[index], now)]:
        few, probe = back, max(probe, BACK_PROBE_SHARE)
    else:
        few = [index for index in few if _is_due(lateness, scored[index], now)]
    return _one_of(few, (drawn - explore) / probe) if drawn < explore + probe else None


def _may_be_probed(reading: Reading, slo: Slo | None) -> bool:
    """One probe at a time; without an objective there are no verdicts to win back, so whoever is there teaches as much."""
    return not (reading.ahead_tokens or (slo is None and reading.in_flight))


def _is_due(lateness: LatenessBounds, one: ScoredCandidate, now: float) -> bool:
    """Not while it is heard that it is late; one that only burned its budget needs verdicts to come back."""
    latency = one[1].latency
    if latency is None or now - latency.measured_at >= PROBE_EVERY_S:
        return True
    newest = 1.0 if latency.newest is None else min(latency.newest, 1.0)
    return lateness.times(one, now) * newest <= 1.0


def _seems_back(lateness: LatenessBounds, one: ScoredCandidate, now: float) -> bool:
    latency = one[1].latency
    return latency is not None and latency.falls is not None and lateness.times(one, now) * latency.falls <= 1.0


_DEMOTED = (LATE, BURNING)


def _one_of(few: list[int], point: float) -> int | None:
    return sorted(few)[int(point * len(few))] if few else None

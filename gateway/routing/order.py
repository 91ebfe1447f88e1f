"""Order: which eligible deployment is tried first, second, third, and why.

First their standing: ready ones, then those predicted to miss the rule's objective, then those that burned its error
budget, then the last resorts. Within a standing: the rule's order, its weights, or the best score. Where an objective
lacks the readings to score a ready deployment, that one is taken neither for good nor for bad: it comes second, and a
small share of requests explores it. The same kind of share probes what was passed over, so that it can come back.
"""

from collections.abc import Sequence
from itertools import repeat
from math import inf, log
from operator import neg

from gateway.routing.chance import hashed, shares
from gateway.routing.plan import CompiledRule, Place, Preference
from gateway.routing.scores import Mix, known_scores, total_scores
from gateway.values.decision import Candidate, Standing
from gateway.values.deployment import Hosting
from gateway.values.request import Facts
from gateway.values.slo import Slo, SloReading, Target
from gateway.values.snapshot import Latency, Reading, Snapshot

LATE_FOR_S = 60.0  # an older reading says of nobody that it will be late
LATE_FROM_SAMPLES = 5  # nor do fewer: one cold start is no measure
BURNING_LATENESS = 2.0
PROBE_EVERY_S = 4.0  # who was heard of since then, and is late, needs no probe
BACK_PROBE_SHARE = 0.2  # at least, where it seems that a deployment has recovered
_EXPLORE = hashed("explore")

# place, reading, most USD, expected USD, first output in seconds, total in seconds, quality
Prospect = tuple[Place, Reading, float | None, float | None, float | None, float | None, float | None]
_Key = tuple[int, int, float, float]  # standing, group, value, tie
_SCORED, _UNREAD, _UNPRICED, _UNWEIGHTED = 0, 1, 2, 3
_NO_READINGS: dict[str, SloReading] = {}
_STANDINGS = tuple(Standing)
_READY, _LATE, _BURNING, _LAST_RESORT = map(
    _STANDINGS.index, (Standing.READY, Standing.LATE, Standing.BURNING, Standing.LAST_RESORT)
)


def ordered(
    rule: CompiledRule, facts: Facts, snapshot: Snapshot, prospects: list[Prospect], seed: int
) -> list[Candidate]:
    """Candidates with their rank, in its order."""
    judged = snapshot.slo.get(rule.name, _NO_READINGS)
    standings = _standings(rule.slo, judged, facts, prospects, snapshot.now)
    mix = rule.preference.mix
    scores, known = (None, None) if mix is None else _scores(mix, facts, prospects)
    keys = _keys(rule, facts, prospects, standings, scores, known, seed)
    if rule.slo is not None and _READY not in standings:
        keys = [
            _by_lateness(rule.slo, facts, one, key, snapshot.now) if key[0] in _PASSED_OVER else key
            for one, key in zip(prospects, keys, strict=True)
        ]
    order = sorted(range(len(prospects)), key=keys.__getitem__)
    probed = None
    if len(order) > 1:
        if scores is not None and (known is None or _has_unread(rule)):
            _unread_second(order, keys)
        if (probed := _probed(rule, facts, order, keys, prospects, seed, snapshot.now)) is not None:
            order.remove(probed)
            order.insert(0, probed)
    ranked: list[Candidate] = []
    for rank, index in enumerate(order):
        place, reading, most, expected, first, total, quality = prospects[index]
        standing = Standing.PROBE if index == probed else _STANDINGS[standings[index]]
        score = None if scores is None else scores[index]
        ranked.append(
            Candidate(
                place.name, (), rank, standing, reading, quality, most, expected, first, total,
                judged.get(place.name) if judged else None, score, place.weight,
            )
        )  # fmt: skip
    return ranked


def _standings(
    slo: Slo | None, judged: dict[str, SloReading], facts: Facts, prospects: list[Prospect], now: float
) -> list[int]:
    if slo is None:
        return [_LAST_RESORT if one[0].last_resort else _READY for one in prospects]
    first_under = slo.first_output.under_s if slo.first_output is not None and facts.stream else inf
    total_under = slo.total.under_s if slo.total is not None else inf
    least_under = min(first_under, total_under)
    pace = slo.output_token
    measured_from, silent_from = now - LATE_FOR_S, now - least_under
    found: list[int] = []
    for place, reading, _, _, first, total, _ in prospects:
        latency, its = reading.latency, judged.get(place.name)
        if place.last_resort:
            found.append(_LAST_RESORT)
        elif its is not None and its.passed_over:
            found.append(_BURNING)
        elif (
            (reading.wait_s is not None and reading.wait_s > least_under)
            or (reading.silent_since is not None and reading.silent_since < silent_from and _queues(place))
            or (
                (
                    (first is not None and first > first_under)
                    or (total is not None and total > total_under)
                    or (pace is not None and latency is not None and _is_slow(latency, reading.in_flight, pace))
                )
                and latency is not None
                and latency.samples >= LATE_FROM_SAMPLES
                and latency.measured_at >= measured_from
            )
        ):
            found.append(_LATE)
        else:
            found.append(_READY)
    return found


def _queues(place: Place) -> bool:
    """Whether who comes next waits for who waits: at an own server; a provider's requests do not know of each other."""
    return place.deployment.hosting is Hosting.SELF_HOSTED


def _is_slow(latency: Latency, in_flight: int, target: Target) -> bool:
    """Whether its pace alone misses the objective."""
    pace_s = latency.pace_s(in_flight, target.percentile)
    return pace_s is not None and pace_s > target.under_s


def _by_lateness(slo: Slo, facts: Facts, prospect: Prospect, key: _Key, now: float) -> _Key:
    """Where nobody is ready, the least late comes first; who burned the budget, like one that takes twice the time."""
    times = _lateness(slo, facts, prospect, now)
    return (_LATE, _SCORED, times if key[0] == _LATE else max(times, BURNING_LATENESS), prospect[0].position)


def _lateness(slo: Slo, facts: Facts, prospect: Prospect, now: float) -> float:
    """How many times the objective's time it is predicted to take; 0 if nothing is."""
    place, reading, _, _, first, total, _ = prospect
    silent_s = now - reading.silent_since if reading.silent_since is not None and _queues(place) else 0.0
    wait_s = max(reading.wait_s or 0.0, silent_s)
    times = [0.0]
    if slo.first_output is not None and facts.stream:
        times.append(max(first or 0.0, wait_s) / slo.first_output.under_s)
    if slo.total is not None:
        times.append(max(total or 0.0, wait_s) / slo.total.under_s)
    return max(times)


def _scores(mix: Mix, facts: Facts, prospects: list[Prospect]) -> tuple[Sequence[float | None], list[float] | None]:
    """By the objective; and the same again where all are known."""
    if not prospects:
        return [], []
    _, readings, _, costs, firsts, totals, qualities = zip(*prospects, strict=True)
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
    prospects: list[Prospect],
    standings: list[int],
    scores: Sequence[float | None] | None,
    known: list[float] | None,
    seed: int,
) -> list[_Key]:
    if rule.preference.weighted:  # weighted rendezvous hashing (Schindelhauer and Schomaker, SPAA 2005)
        seed = _split_seed(rule.preference, facts, seed)
        places = [one[0] for one in prospects]
        drawn = shares(seed, [place.salt for place in places])
        return [
            (standing, _UNWEIGHTED, 0.0, place.position)
            if (weight := place.weight) is None
            else (standing, _SCORED, log(number) / -weight, 0)
            for place, standing, number in zip(places, standings, drawn, strict=True)
        ]
    if scores is None:
        return [(standing, _SCORED, 0.0, one[0].position) for one, standing in zip(prospects, standings, strict=True)]
    unread = _has_unread(rule)
    ties = _ties(prospects, scores, seed)
    if known is not None and not unread and _LAST_RESORT not in standings:
        return list(zip(standings, repeat(_SCORED), map(neg, known), ties, strict=False))
    return [
        _by_score(prospect, standing, score, tie)
        if score is None or standing == _LAST_RESORT or (unread and prospect[1].latency is None)
        else (standing, _SCORED, -score, tie)
        for prospect, standing, score, tie in zip(prospects, standings, scores, ties, strict=True)
    ]


def _has_unread(rule: CompiledRule) -> bool:
    """Whether some that have a score may not have been read: an objective over latency gives these none."""
    mix = rule.preference.mix
    return rule.slo is not None and mix is not None and not mix[1]


def _ties(prospects: list[Prospect], scores: Sequence[float | None], seed: int) -> list[float]:
    """Hashes of seed and name; nothing if there is no tie to break."""
    if len(set(scores)) == len(scores):
        return [0.0] * len(scores)
    return shares(seed, [one[0].salt for one in prospects])


def _by_score(prospect: Prospect, standing: int, score: float | None, tie: float) -> _Key:
    """Of one that has no score, or has one that does not count beside those of others that were read."""
    place, expected = prospect[0], prospect[3]
    if standing == _LAST_RESORT:
        return (standing, _SCORED, 0.0, place.position)
    if score is None and expected is None and not place.deployment.has_price:
        return (standing, _UNPRICED, 0.0, tie)
    return (standing, _UNREAD, 0.0 if score is None else -score, tie)


def _split_seed(preference: Preference, facts: Facts, seed: int) -> int:
    by: str | None = None if preference.split_by == "request" else getattr(facts, preference.split_by)
    return seed if by is None else hashed(by)


def _unread_second(order: list[int], keys: list[_Key]) -> None:
    """Ready ones without a score come right after the first that has one, and before those without a price."""
    unread = [index for index in order if keys[index][0] == _READY and keys[index][1] == _UNREAD]
    first = keys[order[0]]
    if unread and first[0] == _READY and first[1] == _SCORED:
        order[1:] = unread + [index for index in order[1:] if index not in unread]


def _probed(  # noqa: PLR0913, PLR0917 - what it is chosen by
    rule: CompiledRule,
    facts: Facts,
    order: list[int],
    keys: list[_Key],
    prospects: list[Prospect],
    seed: int,
    now: float,
) -> int | None:
    """The one that this request explores or probes, if it is one of the few that do.

    One probe is enough until it has given output, and while answers still say that it is late none is needed. Where the
    newest ones were so fast that this request would be in time, more of them see whether that is so.
    """
    if keys[order[0]][0] != _READY or keys[order[0]][1] != _SCORED:
        return None
    explore = rule.preference.explore if rule.preference.mix is not None else 0.0
    (drawn,) = shares(seed, (_EXPLORE,))
    if drawn < explore:
        few = [index for index in order if keys[index][0] == _READY and keys[index][1] == _UNREAD]
        return _one_of(few, drawn / explore)
    if rule.slo is None or drawn >= explore + max(rule.slo.probe_share, BACK_PROBE_SHARE):
        return None
    slo, probe = rule.slo, rule.slo.probe_share
    few = [index for index in order if keys[index][0] in _PASSED_OVER and not prospects[index][1].ahead_tokens]
    if back := [index for index in few if _seems_back(slo, facts, prospects[index], now)]:
        few, probe = back, max(probe, BACK_PROBE_SHARE)
    else:
        few = [index for index in few if _is_due(slo, facts, prospects[index], now)]
    return _one_of(few, (drawn - explore) / probe) if drawn < explore + probe else None


def _is_due(slo: Slo, facts: Facts, prospect: Prospect, now: float) -> bool:
    """Not while it is heard that it is late; one that only burned its budget needs verdicts to come back."""
    latency = prospect[1].latency
    if latency is None or now - latency.measured_at >= PROBE_EVERY_S:
        return True
    newest = 1.0 if latency.newest is None else min(latency.newest, 1.0)
    return _lateness(slo, facts, prospect, now) * newest <= 1.0


def _seems_back(slo: Slo, facts: Facts, prospect: Prospect, now: float) -> bool:
    latency = prospect[1].latency
    return (
        latency is not None
        and latency.falls is not None
        and _lateness(slo, facts, prospect, now) * latency.falls <= 1.0
    )


_PASSED_OVER = (_LATE, _BURNING)


def _one_of(few: list[int], point: float) -> int | None:
    return sorted(few)[int(point * len(few))] if few else None

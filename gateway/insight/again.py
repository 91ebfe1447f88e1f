"""Decisions of the journal made again, each with the plan of its own revision, and the addresses of their attempts: every one
has to come out the same (law 14).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from gateway.journal.journal import JournalRecord
from gateway.routing.decide import UnknownModel
from gateway.routing.plan import Plan
from gateway.routing.replay import addresses_again, replay
from gateway.values.decision import Decision
from gateway.values.records import Attempt

MOST_SHOWN = 20
PlanOf = Callable[[str], Plan]  # of the revision of this name; raises NotReplayable


class NotReplayable(Exception):
    """A decision cannot be made again; its text says why, the same for all that share the cause."""


class Difference(msgspec.Struct, frozen=True):
    """The first thing that came out otherwise, as JSON has it; `path` like `candidates[1].expected_usd`."""

    decision: str
    revision: str
    path: str
    recorded: Any
    now: Any


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """`same` and `differing` count decisions that were made again, `revisions` all of them by revision.

    `differences` holds the first of them, one for each decision; `left_out` why the others could not be made again.
    """

    same: int
    differing: int
    revisions: dict[str, int]
    differences: list[Difference]
    left_out: dict[str, int]


class _Line(msgspec.Struct, frozen=True):
    """As much of a record as is decided."""

    decision: Decision
    attempts: tuple[Attempt, ...] = ()


_read = msgspec.json.Decoder(_Line).decode


def _decode(record: bytes) -> _Line:
    """Raises MsgspecError for a record of other fields: who has a rank has a tier."""
    line = _read(record)
    if any(one.rank is not None and one.tier is None for one in line.decision.candidates):
        raise msgspec.ValidationError("the fields of its decision have other names")
    return line


def again(records: Iterable[JournalRecord], plan_of: PlanOf) -> Again:
    """All of them, once each."""
    same = 0
    differing = 0
    shown: list[Difference] = []
    revisions: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for record in records:
        try:
            recorded = _decode(record.record)
            revisions[recorded.decision.revision] += 1
            plan = plan_of(recorded.decision.revision)
            now = replay(plan, recorded.decision)
            addresses = tuple(addresses_again(plan, recorded.decision, recorded.attempts))
        except msgspec.MsgspecError:
            left_out["the record is of another version of the gateway"] += 1
        except NotReplayable as why:
            left_out[str(why)] += 1
        except UnknownModel as unknown:
            differing += 1
            shown.append(_difference(recorded.decision, "facts.model", str(unknown), None))
        else:
            went = tuple([attempt.address for attempt in recorded.attempts])
            if now == recorded.decision and addresses == went:
                same += 1
            else:
                differing += 1
                shown.append(_first(recorded.decision, now) or _elsewhere(recorded.decision, went, addresses))
        del shown[MOST_SHOWN:]
    return Again(
        same=same, differing=differing, revisions=dict(revisions), differences=shown, left_out=dict(left_out)
    )  # fmt: skip


def _first(recorded: Decision, now: Decision) -> Difference | None:
    first = _first_path(msgspec.to_builtins(recorded), msgspec.to_builtins(now), "")
    return None if first is None else _difference(recorded, *first)


def _elsewhere(recorded: Decision, went: Sequence[int | None], now: Sequence[int | None]) -> Difference:
    """The first attempt that goes to another address."""
    pairs = enumerate(zip(went, now, strict=True))
    at, (was, is_now) = next((one for one in pairs if one[1][0] != one[1][1]), (0, (None, None)))
    return _difference(recorded, f"attempts[{at}].address", was, is_now)


def _difference(recorded: Decision, path: str, was: Any, is_now: Any) -> Difference:
    return Difference(recorded.id, recorded.revision, path, was, is_now)


def _first_path(was: Any, now: Any, path: str) -> tuple[str, Any, Any] | None:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*was, *now]):
            found = _first_path(was.get(key), now.get(key), f"{path}.{key}" if path else str(key))
            if found is not None:
                return found
        return None
    if isinstance(was, tuple) and isinstance(now, tuple) and len(was) == len(now):
        for at, (one, other) in enumerate(zip(was, now, strict=True)):
            found = _first_path(one, other, f"{path}[{at}]")
            if found is not None:
                return found
        return None
    if isinstance(was, list) and isinstance(now, list):  # of a set, which has no order
        was, now = sorted(was), sorted(now)
    return None if was == now else (path, was, now)

"""Revisions of the policy, for people and as records."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.values.revision import Actor, Arm, Channel, PolicyNow, Refused, Revision, RevisionState


def shown(revision: Revision) -> dict[str, Any]:
    """A revision as a record: its fields, and its name."""
    return {"name": revision.name, **msgspec.to_builtins(revision)}


def revision_sentence(revision: Revision) -> str:
    """One line of a listing."""
    sentence = f"published {_when(revision.by)}" if revision.share is None else _staged(revision)
    if revision.again_of is not None:
        sentence = f"the document of revision {revision.again_of} again, {_when(revision.by)}"
    parts = [sentence]
    if revision.promoted is not None:
        parts.append(f"promoted {_when(revision.promoted)}")
    if revision.ended is not None:
        word = revision.state.value.replace("_", " ")
        why = revision.reason or (revision.withdrawal.value if revision.withdrawal is not None else "")
        parts.append(f"{word} {_when(revision.ended)}" + (f": {why}" if why else ""))
    state = f"{revision.state.value.replace('_', ' ')}: " if revision.ended is None else ""
    return f"{revision.name}  {state}{'; '.join(parts)}"


def now_sentences(now: PolicyNow, refused: Refused | None) -> list[str]:
    """How the policy stands."""
    lines = [revision_sentence(now.revision)]
    if now.staged is not None:
        lines.append(revision_sentence(now.staged))
        lines += [
            f"  {name}: {_arm(arm)}" for name, arm in zip(("in force", "staged"), now.arms or (), strict=False)
        ]  # fmt: skip
    if now.withdrawn is not None:
        lines.append(revision_sentence(now.withdrawn))
    if refused is not None:
        lines.append(f"The newest document is not valid, {_when(refused.by)}; the last good one goes on:")
        lines += [f"  {problem}" for problem in refused.problems]
    if not now.is_kept:
        lines.append("The file of revisions cannot be written: a restart would not know the newest of them.")
    return lines


def source_phrase(now: PolicyNow, file: str) -> str:
    """The revision in force and where it came from, in a few words. `file` is what the configuration names."""
    if now.brought.via is not Channel.ADMIN:
        return f"policy {now.revision.name} from {file}"
    what = "published" if now.revision.again_of is None else f"the document of revision {now.revision.again_of} again,"
    return f"policy {now.revision.name}, {what} {_when(now.brought)}; {file} counts once it is edited"


def _staged(revision: Revision) -> str:
    is_now = revision.state is RevisionState.STAGED  # the listing says that it is staged
    return f"{'' if is_now else 'staged '}with {revision.share:g} of the traffic {_when(revision.by)}"


def _arm(arm: Arm) -> str:
    judged = f", {arm.missed} of {arm.judged} missed the objective" if arm.judged else ""
    refused = f", {arm.refused} were refused by a rule" if arm.refused else ""
    return f"{arm.failed} of {arm.requests} requests failed{judged}{refused}"


def _when(by: Actor) -> str:
    return f"{datetime.fromtimestamp(by.at, UTC):%Y-%m-%d %H:%M:%S} UTC by {by}"

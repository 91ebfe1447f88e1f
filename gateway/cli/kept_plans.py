"""The plans by which a journal's decisions were made, from the file of revisions beside it."""

from pathlib import Path

from gateway.insight.again import NotReplayable
from gateway.routing.plan import Plan
from gateway.settings import plan_of_text
from gateway.state.revisions import stored
from gateway.values.problem import InvalidDocument
from gateway.values.revision import KeptRevision

REVISIONS = "policy-revisions.db"


class KeptPlans:
    """Plans of the revisions that are kept, each compiled once and held against the hash that it had."""

    def __init__(self, path: Path) -> None:
        """Reads the file. Raises sqlite3.Error, OSError or msgspec's error if it is no such file."""
        self._kept = {one.revision.name: one for one in stored(path)}
        self._plans: dict[str, Plan | NotReplayable] = {}

    def of(self, name: str) -> Plan:
        """Raises NotReplayable."""
        found = self._plans.get(name)
        if found is None:
            found = self._plans[name] = self._compiled(name)
        if isinstance(found, NotReplayable):
            raise found
        return found

    def _compiled(self, name: str) -> Plan | NotReplayable:
        kept: KeptRevision | None = self._kept.get(name)
        if kept is None:
            return NotReplayable(f"revision {name} is not kept")
        try:
            plan = plan_of_text(kept.document, kept.context, kept.revision.number)
        except InvalidDocument:
            return NotReplayable(f"revision {name} is not valid in this version of the gateway")
        if plan.content != kept.revision.content:
            return NotReplayable(f"revision {name} is another plan in this version of the gateway")
        return plan

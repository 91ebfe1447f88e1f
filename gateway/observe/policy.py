"""How the policy stands, read when Prometheus asks. A revision is a value, never a label: there is no end of them (law 10)."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.values.revision import PolicyNow

PolicySource = Callable[[], PolicyNow]
_ARMS = ("current", "staged")


class PolicyStands(Collector):
    """The arm `staged` has no series while nothing is staged, and a trial's counts begin anew with each."""

    def __init__(self, read: PolicySource) -> None:
        self._read = read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The same without values: nothing is read before it is asked for."""
        return iter(policy_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        found, now = policy_families(), self._read()
        found["kept"].add_metric((), now.is_kept)
        found["refused"].add_metric((), now.is_refused)
        found["number"].add_metric(("current",), now.revision.number)
        found["share"].add_metric((), 0.0 if now.staged is None else now.staged.share or 0.0)
        if now.staged is not None:
            found["number"].add_metric(("staged",), now.staged.number)
        for arm, counts in zip(_ARMS, now.arms or (), strict=False):
            found["requests"].add_metric((arm,), counts.requests)
            found["failed"].add_metric((arm,), counts.failed)
            found["judged"].add_metric((arm,), counts.judged)
            found["missed"].add_metric((arm,), counts.missed)
            found["by_rule"].add_metric((arm,), counts.refused)
        yield from found.values()


def policy_families() -> dict[str, GaugeMetricFamily]:
    """Without values."""
    arm = ["arm"]
    return {
        "number": GaugeMetricFamily(
            "gateway_policy_revision", "Number of the revision; current: in force.", labels=arm
        ),
        "share": GaugeMetricFamily("gateway_policy_staged_share", "Share of the traffic on trial; 0: none.", labels=()),
        "refused": GaugeMetricFamily("gateway_policy_refused", "1 if the newest document was not valid.", labels=()),
        "kept": GaugeMetricFamily(
            "gateway_policy_revisions_kept", "0 while the file of revisions cannot be written.", labels=()
        ),
        "requests": GaugeMetricFamily("gateway_policy_trial_requests", "Requests of the trial.", labels=arm),
        "failed": GaugeMetricFamily(
            "gateway_policy_trial_failed_requests", "Those that failed by no fault of the caller's.", labels=arm
        ),
        "judged": GaugeMetricFamily(
            "gateway_policy_trial_judged_requests", "Those held against an objective.", labels=arm
        ),
        "by_rule": GaugeMetricFamily(
            "gateway_policy_trial_refused_requests",
            "Beside them, those that a rule refused for what they carry.",
            labels=arm,
        ),
        "missed": GaugeMetricFamily("gateway_policy_trial_missed_requests", "Those that missed it.", labels=arm),
    }

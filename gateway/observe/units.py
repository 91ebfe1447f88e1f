"""What attempts used by another measure than tokens, counted as they end."""

from prometheus_client import CollectorRegistry

from gateway.observe.loop_series import Counter
from gateway.values.records import AttemptFinished


class UnitsUsed:
    """A listener. The kinds are those of `gateway.values.units.Units`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.used = Counter(
            "gateway_units",
            "Used by another measure than tokens: seconds of sound that was heard, characters that were spoken, images, searches.",
            ["deployment", "kind"],
            registry=registry,
        )

    def attempt_finished(self, record: AttemptFinished) -> None:
        """Listener."""
        attempt = record.attempt
        if attempt.usage is None or (units := attempt.usage.units) is None:
            return
        kinds = {
            "audio_seconds": units.audio_s,
            "characters": units.characters,
            "images": units.images,
            "searches": units.searches,
        }
        for kind, amount in kinds.items():
            if amount:
                self.used.labels(attempt.deployment, kind).inc(amount)

"""What the attempts of one deployment taught."""

from gateway.learning.admission import Hold
from gateway.learning.latency import LatencyModel
from gateway.learning.prefill_backlog import Awaited
from gateway.learning.tokens import OutputTokens, PromptTokens
from gateway.values.decision import Decision
from gateway.values.records import Attempt
from gateway.values.surface import Surface


class Learned:
    """Embeddings, which take a moment and have no output, say nothing of how a deployment generates: where it does both,
    they teach of its prompts only.
    """

    def __init__(self) -> None:
        self.latency = LatencyModel()
        self.prompt = PromptTokens()
        self.output = OutputTokens()
        self._generates = False

    def first_came(self, awaited: Awaited, hold: Hold, now: float) -> None:
        """A stream gave its first output."""
        self._of_generations()
        ratio = self.prompt.ratio or 1.0
        self.latency.learn_first(
            awaited.prompt_tokens * ratio, hold.in_flight, awaited.ahead_tokens, now - hold.at, awaited.wait_s, now
        )

    def learn(  # noqa: PLR0913, PLR0917 - what an attempt teaches by
        self, attempt: Attempt, decision: Decision, hold: Hold, awaited: Awaited | None, beside: float, now: float
    ) -> None:
        """An attempt ended."""
        facts = decision.facts
        self.prompt.learn(attempt, facts)
        if facts.surface is not Surface.EMBEDDINGS:
            self._of_generations()
        elif self._generates:
            return
        self.output.learn(attempt, facts)
        came = self.output.of(attempt, facts)
        self.latency.learn(
            attempt,
            stream=facts.stream,
            prompt_tokens=self.prompt.of(attempt, facts),
            output_tokens=self.output.mean if came is None else came,
            ahead_tokens=0 if awaited is None else awaited.ahead_tokens,
            first_is_known=hold.streamed and awaited is None,
            beside=beside,
            now=now,
        )

    def _of_generations(self) -> None:
        """From the first on, only those count."""
        if not self._generates:
            self._generates, self.latency, self.output = True, LatencyModel(), OutputTokens()

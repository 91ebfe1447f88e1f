"""Token counts that attempts teach: how far the estimate of prompts is off, and how long answers are."""

import bisect
from collections import deque

from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.snapshot import Quantiles

FEWEST, SMALLEST, LARGEST = 5, 0.5, 3.0  # samples of a ratio, and its bounds
_KEEP = 0.98  # of the weight of each older prompt
_SHORT = 100  # estimated tokens; of a shorter prompt what the chat template adds would be taken for a ratio
_LARGE = 2000  # estimated tokens; a longer prompt weighs no more
_ANSWERS = 50  # in the moving mean
_LENGTHS = 128  # of the newest answers


class PromptTokens:
    """How a deployment's tokenizer counts prompts: its tokens over ours.

    Longer prompts weigh more: their ratio is steadier, and they are where it matters. Short ones teach nothing. A prompt
    beyond the bounds counts as at them, so that one strange prompt moves little.
    """

    def __init__(self) -> None:
        self.ratio: float | None = None  # None until enough was seen
        self._samples = 0
        self._weight = self._sum = 0.0

    def learn(self, attempt: Attempt, facts: Facts) -> None:
        """An attempt ended. Only what the provider itself counted is learned, and only beside an estimate."""
        usage = attempt.usage
        if usage is None or usage.estimated or facts.exact_tokens or usage.prompt_tokens <= 0:
            return
        if facts.prompt_tokens < _SHORT:
            return
        weight = min(facts.prompt_tokens, _LARGE)
        ratio = min(max(usage.prompt_tokens / facts.prompt_tokens, SMALLEST), LARGEST)
        self._samples += 1
        self._weight = _KEEP * self._weight + weight
        self._sum = _KEEP * self._sum + weight * ratio
        if self._samples >= FEWEST:
            self.ratio = round(self._sum / self._weight, 3)

    def of(self, attempt: Attempt, facts: Facts) -> float:
        """The best count of this attempt's prompt."""
        usage = attempt.usage
        if usage is not None and not usage.estimated:
            return usage.prompt_tokens
        return facts.prompt_tokens * (1.0 if facts.exact_tokens or self.ratio is None else self.ratio)


class OutputTokens:
    """How long one choice of a deployment's answers is."""

    def __init__(self) -> None:
        self.mean: float | None = None  # moving
        self._samples = 0
        self._newest: deque[float] = deque(maxlen=_LENGTHS)
        self._sorted: list[float] = []

    @property
    def lengths(self) -> Quantiles | None:
        """Of the newest; None until there are enough to tell."""
        if len(self._sorted) < FEWEST:
            return None
        every = self._sorted
        last = len(every) - 1
        return Quantiles(
            every[round(0.5 * last)], every[round(0.9 * last)], every[round(0.95 * last)], every[round(0.99 * last)]
        )

    def learn(self, attempt: Attempt, facts: Facts) -> None:
        """An attempt ended. Only answers in full are learned: what was cut off is short for another reason."""
        if attempt.outcome is not Outcome.OK or (newest := self.of(attempt, facts)) is None:
            return
        self._samples = min(self._samples + 1, _ANSWERS)
        mean = self.mean or 0.0
        self.mean = round(mean + (newest - mean) / self._samples, 2)
        if len(self._newest) == _LENGTHS:
            del self._sorted[bisect.bisect_left(self._sorted, self._newest[0])]
        self._newest.append(newest)
        bisect.insort(self._sorted, newest)

    @staticmethod
    def of(attempt: Attempt, facts: Facts) -> float | None:
        """What one choice of this attempt has; None if nothing says, not even the events of its stream."""
        usage = attempt.usage
        if usage is None or (usage.estimated and attempt.first_output_s is None):
            return None
        return usage.completion_tokens / facts.choices

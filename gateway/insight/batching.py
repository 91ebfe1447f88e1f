"""A self-hosted server with continuous batching, as vLLM schedules: first come, first served.

Each step gives every sequence that generates one token, and works on up to `batched_tokens` of the prompt at the head of
the queue. Steps are not simulated one by one: while nobody comes, goes or turns from prompt to output, all rates are
constant, so that the time of the next such turn can be worked out. `_steps` is the number of steps so far, a real
number; a sequence that has n tokens to go ends n steps from now, however long those take.
"""

import heapq
import math
from collections import deque
from copy import copy
from typing import Any

from gateway.insight.clock import Clock, VirtualClock
from gateway.insight.server import EpisodeFailures, Foreseen, Job
from gateway.insight.world import Batching
from gateway.values.outcome import Outcome
from gateway.values.worker import VllmMetrics

_NEARLY = 1e-6  # tokens: what is left of one by rounding
_Notice = tuple[Job, bool]  # a job, and whether it is at its end


class BatchingServer:
    """One address. In vLLM's words: `running` are those that generate and the one whose prompt is worked on."""

    def __init__(self, batching: Batching, failures: EpisodeFailures, clock: Clock) -> None:
        self._is = batching
        self._failures = failures
        self._clock = clock
        self._slower = failures.slower()
        self._waiting: deque[Job] = deque()
        self._head: Job | None = None  # whose prompt is worked on
        self._generating: list[tuple[float, int, Job]] = []  # a heap by the step at which they end
        self._count = 0  # of those that generate
        self._held = 0  # tokens of the cache that are spoken for
        self._steps = 0.0
        self._at = clock.now
        self._plan = 0  # the number of the newest wake-up; older ones mean nothing
        self._until_turn = 0.0  # steps until then: the clock's own numbers are too coarse to tell
        self._admitted = 0
        self._ended, self._prompt_tokens, self._output_tokens = 0, 0, 0
        for turn in failures.turns():
            clock.at(turn, self._turn)

    def begin(self, job: Job) -> None:
        """It waits for its turn."""
        fails, first, _ = job.drawn()
        if self._failures.refuses(job, fails):
            return
        overhead_s = self._is.overhead_s * self._slower
        if overhead_s:
            self._clock.at(self._clock.now + overhead_s * math.exp(self._is.overhead_sigma * first), self._arrive, job)
        else:
            self._arrive(job)

    def leave(self, job: Job) -> None:
        """Its place is free at once."""
        job.is_left = True
        if job.is_over:
            return
        job.is_over = True
        self._advance()
        if job is self._head:
            self._head = None
            self._release(job)
        elif job.first_at is not None:
            self._count -= 1
            self._release(job)
        self._proceed()

    def generated(self, job: Job) -> int:
        """Steps since its first output."""
        if job.first_at is None:
            return 0
        steps = self._steps + (self._clock.now - self._at) / self._step_s()
        return max(min(int(job.output_tokens - (job.ends - steps)), job.output_tokens), 1)

    def is_up(self) -> bool:
        """Not while all requests fail."""
        return self._failures.is_up()

    def gauges(self) -> VllmMetrics:
        """As `/metrics` would say it now."""
        size = self._is.kv_tokens
        return VllmMetrics(
            running=self._running(),
            waiting=sum(not job.is_over for job in self._waiting),
            kv_use=self._held / size if size else 0.0,
            preemptions=0.0,
            ended=float(self._ended),
            prompt_tokens=float(self._prompt_tokens),
            output_tokens=float(self._output_tokens),
        )

    def foresee(self, prompt_tokens: int, output_tokens: int, chance: int) -> Foreseen | None:
        """Played by a twin with the same jobs; the episodes to come are in it."""
        job = Job(prompt_tokens, output_tokens, chance)
        if self._failures.fails(job.drawn()[0]):
            return None
        began = self._clock.now
        clock = VirtualClock(began)
        twin = copy(self)
        twin._go_on_alone(clock)  # noqa: SLF001 - its own
        twin.begin(job)
        clock.run_while(lambda: job.first_at is None)
        first_at = clock.now
        clock.run_while(lambda: not job.is_over)
        return Foreseen(first_at - began, clock.now - began)

    def _go_on_alone(self, clock: VirtualClock) -> None:
        """It is a copy: from now on by another clock, with jobs of its own that tell nobody."""
        self._clock, self._failures = clock, self._failures.at(clock)
        self._waiting = deque(one.copied() for one in self._waiting if not one.is_over)
        self._head = None if self._head is None else self._head.copied()
        self._generating = [(ends, number, one.copied()) for ends, number, one in self._generating]
        for turn in self._failures.turns():
            if turn > clock.now:
                clock.at(turn, self._turn)
        self._advance()
        self._proceed()

    def _arrive(self, job: Job) -> None:
        if not job.is_over:
            self._advance()
            self._waiting.append(job)
            self._proceed()

    def _turn(self, _: Any) -> None:
        self._advance()
        self._slower = self._failures.slower()
        self._proceed()

    def _wake(self, plan: int) -> None:
        if plan != self._plan:
            return
        self._advance(self._until_turn)
        told = self._turned()
        self._proceed()
        for job, is_end in told:  # who is told may come back at once
            if job.is_left:
                continue
            if is_end:
                job.asker.ended(Outcome.OK, 200, None)
            else:
                job.asker.gave_output()

    def _turned(self) -> list[_Notice]:
        """Who has the first output, and who is at the end, now."""
        told: list[_Notice] = []
        head = self._head
        if head is not None and head.left <= _NEARLY:
            self._head = None
            head.first_at = self._clock.now
            head.ends = self._steps + head.output_tokens - 1
            self._prompt_tokens += head.prompt_tokens
            self._count += 1
            self._admitted += 1
            heapq.heappush(self._generating, (head.ends, self._admitted, head))
            told.append((head, False))
        generating = self._generating
        while generating and (generating[0][2].is_over or generating[0][0] <= self._steps + _NEARLY):
            job = heapq.heappop(generating)[2]
            if not job.is_over:
                job.is_over = True
                self._count -= 1
                self._release(job)
                self._ended += 1
                self._output_tokens += job.output_tokens
                told.append((job, True))
        return told

    def _proceed(self) -> None:
        """Begin with the next prompt if there is room, and work out when something turns."""
        self._admit()
        self._plan += 1
        generating = self._generating
        while generating and generating[0][2].is_over:
            heapq.heappop(generating)
        step_s, turns = self._step_s(), []
        if self._head is not None:
            turns.append(self._head.left / self._is.batched_tokens)
        if generating:
            turns.append(generating[0][0] - self._steps)
        if turns:
            self._until_turn = max(min(turns), 0.0)
            self._clock.at(self._at + self._until_turn * step_s, self._wake, self._plan)

    def _admit(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0].is_over:
            waiting.popleft()
        if self._head is None and waiting and self._count < self._is.max_running:
            size, wanted = self._is.kv_tokens, waiting[0].prompt_tokens + waiting[0].output_tokens
            if size is None or not self._running() or self._held + wanted <= size:
                self._head = waiting.popleft()
                self._held += wanted

    def _release(self, job: Job) -> None:
        self._held -= job.prompt_tokens + job.output_tokens

    def _running(self) -> int:
        return self._count + (self._head is not None)

    def _step_s(self) -> float:
        its = self._is
        seconds = its.step_s + self._count * its.step_per_sequence_s
        if self._head is not None:
            seconds += its.batched_tokens / its.prefill_tokens_per_s
        return seconds * self._slower

    def _advance(self, steps: float | None = None) -> None:
        """Bring what is done up to now: so many steps, if that is known."""
        if steps is None:
            steps = (self._clock.now - self._at) / self._step_s()
        self._at = self._clock.now
        self._steps += steps
        if self._head is not None:
            self._head.left -= steps * self._is.batched_tokens

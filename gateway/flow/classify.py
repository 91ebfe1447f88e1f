"""How sensitive a request is: the highest of what its caller declared, its key's floor, and what detection finds (law 1).

A request whose detection fails or runs out of time, or whose prompt is no text, counts as the class that the policy names for
that, never as clean.
One that finds no thread to be looked at on is turned away: that is no property of the request.
"""

import logging
import time
from collections.abc import Callable

import msgspec

from gateway.flow.fair_threads import FairThreads, TimeSlice, TooBusy
from gateway.flow.large import LARGE_BYTES, large_work
from gateway.privacy import Detector, ScanBudget
from gateway.routing.plan import Detecting
from gateway.values.finding import Detection, DetectionsSoFar, SensitiveKind
from gateway.values.request import Request
from gateway.values.sensitivity import highest

OFF_LOOP_BYTES = 64 * 1024  # larger bodies are looked at on a thread at once
ON_LOOP_STEPS = (
    400  # of work for one request on the event loop, about two milliseconds; what takes more goes to a thread
)
_THREADS = 3
_MOST_WAITING = 1024  # time bounds the queue before number does
_LONGEST_WAIT_S = 2.0
_UNREADABLE = "its prompt is numbers of tokens or embeddings, which cannot be read (said once)"
_log = logging.getLogger(__name__)


class Classifier:
    """One per process. Patterns are compiled when it is made, before there are requests, and never again."""

    def __init__(self, threads: FairThreads | None = None, large: FairThreads | None = None) -> None:
        every = Detector()
        every.warm_up()
        self._detectors = {frozenset(SensitiveKind): every}
        self._threads = threads or FairThreads(
            "detection", threads=_THREADS, most_waiting=_MOST_WAITING, longest_wait_s=_LONGEST_WAIT_S
        )
        self._large = large or large_work()
        self._so_far = DetectionsSoFar()
        self._is_said = False  # that detection only reports
        self._is_unreadable_said = False

    @property
    def so_far(self) -> DetectionsSoFar:
        """How detections ended since the start, and how many wait for a thread."""
        return msgspec.structs.replace(self._so_far, waiting=self._threads.waiting + self._large.waiting)

    async def classify(self, request: Request, detecting: Detecting) -> Request:
        """The request with its sensitivity. Raises TooBusy where it would have to wait too long for a thread."""
        if not detecting.kinds:
            return request
        detection = None
        if request.size <= OFF_LOOP_BYTES:
            until = time.monotonic() + detecting.time_limit_s
            budget = ScanBudget(expired=lambda: time.monotonic() > until, max_steps=ON_LOOP_STEPS)
            detection = self._detector(detecting).detect_within(request.fields, budget)
        if detection is None:
            detection = await self._on_a_thread(request, detecting)
        return self._told(request, detecting, detection)

    def classify_now(self, request: Request, detecting: Detecting) -> Request:
        """The same, at once, however long it takes within the policy's limit."""
        if not detecting.kinds:
            return request
        until = time.monotonic() + detecting.time_limit_s
        return self._told(request, detecting, self._detect(request, detecting, lambda: time.monotonic() > until))

    def close(self) -> None:
        """Leave no thread."""
        self._threads.close()
        self._large.close()

    async def _on_a_thread(self, request: Request, detecting: Detecting) -> Detection:
        self._so_far.on_threads += 1

        def work(time_slice: TimeSlice) -> Detection:
            return self._detect(request, detecting, time_slice.is_over)

        try:
            threads = self._large if request.size > LARGE_BYTES else self._threads
            return await threads.run(
                request.facts.key, work, detecting.time_limit_s, request.deadline_s, size=request.size
            )
        except TooBusy:
            self._so_far.turned_away += 1
            raise

    def _detect(self, request: Request, detecting: Detecting, expired: Callable[[], bool]) -> Detection:
        return self._detector(detecting).detect(request.fields, ScanBudget(expired=expired))

    def _detector(self, detecting: Detecting) -> Detector:
        detector = self._detectors.get(detecting.kinds)
        if detector is None:
            detector = self._detectors[detecting.kinds] = Detector(detecting.kinds)
        return detector

    def _told(self, request: Request, detecting: Detecting, detection: Detection) -> Request:
        """The request with what detection says of it; counted, and a failure is in the log. That some callers send what no
        detection reads is said once.
        """
        if request.unreadable and detection.failed is None:
            detection = msgspec.structs.replace(detection, failed=_UNREADABLE)
        if detection.failed is not None:
            self._so_far.failed += 1
            if detection.failed is not _UNREADABLE or not self._is_unreadable_said:
                self._is_unreadable_said = self._is_unreadable_said or detection.failed is _UNREADABLE
                _log.warning("detection failed for request %s: %s", request.id, detection.failed)
        elif detection.findings:
            self._so_far.found += 1
            self._say_once(detecting, detection)
        else:
            self._so_far.clean += 1
            return request
        return with_detection(request, detecting, detection)

    def _say_once(self, detecting: Detecting, detection: Detection) -> None:
        if detecting.reports and not self._is_said:
            self._is_said = True
            kinds = ", ".join(finding.kind.value for finding in detection.findings)
            _log.warning(
                "detection found %s in a request and only reports it: requests go where the policy sends them. "
                "A 'clearance' on a deployment, or 'detection: {mode: enforce}' in the policy, makes it decide. Said once",
                kinds,
            )


def with_detection(request: Request, detecting: Detecting, detection: Detection) -> Request:
    """The request with what detection says of it."""
    if not detection.findings and detection.failed is None:
        return request
    classes = [detecting.classes[finding.kind] for finding in detection.findings]
    if detection.failed is not None:
        classes.append(detecting.if_it_fails)
    facts = msgspec.structs.replace(
        request.facts,
        sensitivity=highest(request.facts.sensitivity, *classes),
        found=tuple(sorted((finding.kind for finding in detection.findings), key=lambda kind: kind.value)),
        detection_failed=detection.failed is not None,
    )
    return msgspec.structs.replace(request, facts=facts)

"""How sensitive a request is: the highest of what its caller declared, its key's floor, and what detection finds (law 1).

A request whose detection fails or runs out of time counts as the class that the policy names for that, never as clean.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec

from gateway.privacy import Budget, Detector
from gateway.routing.plan import Detecting
from gateway.values.finding import Detection, Kind
from gateway.values.request import ChatRequest
from gateway.values.sensitivity import highest

OFF_LOOP_BYTES = 64 * 1024  # larger bodies are looked at on a thread: half a millisecond and more
_THREADS = 2


class Classifier:
    """One per process."""

    def __init__(self) -> None:
        self._detectors: dict[frozenset[Kind], Detector] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "detection")

    async def classify(self, request: ChatRequest, detecting: Detecting) -> ChatRequest:
        """The request with its sensitivity; large bodies off the event loop."""
        if not detecting.kinds:
            return request
        if request.size <= OFF_LOOP_BYTES:
            return self.classify_now(request, detecting)
        loop = asyncio.get_running_loop()
        until = time.monotonic() + detecting.time_limit_s
        work = loop.run_in_executor(self._threads, self._detect, request, detecting, until)
        try:
            async with asyncio.timeout(detecting.time_limit_s):
                detection = await work
        except TimeoutError:
            detection = Detection(failed="out of time")
        return with_detection(request, detecting, detection)

    def classify_now(self, request: ChatRequest, detecting: Detecting) -> ChatRequest:
        """The same, at once."""
        if not detecting.kinds:
            return request
        detection = self._detect(request, detecting, time.monotonic() + detecting.time_limit_s)
        return with_detection(request, detecting, detection)

    def close(self) -> None:
        """Leave no thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _detect(self, request: ChatRequest, detecting: Detecting, until: float) -> Detection:
        detector = self._detectors.get(detecting.kinds)
        if detector is None:
            detector = self._detectors[detecting.kinds] = Detector(detecting.kinds)
        return detector.detect(request.fields, Budget(expired=lambda: time.monotonic() > until))


def with_detection(request: ChatRequest, detecting: Detecting, detection: Detection) -> ChatRequest:
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

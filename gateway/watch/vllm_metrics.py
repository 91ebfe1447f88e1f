"""What a vLLM server says of itself at `/metrics`: the few families that routing needs, out of some hundred kilobytes.

Prometheus text format 0.0.4 and OpenMetrics 1.0. Names as of vLLM 0.6 to 0.32: counters may or may not end in `_total`,
the cache's use was `gpu_cache_usage_perc` before 0.10. Unknown families, labels and their order do not matter. Pure.
"""

import math
import re
from collections.abc import Iterator

from gateway.values.worker import VllmMetrics

_MODEL = re.compile(rb'[{,]\s*model_name="((?:[^"\\]|\\.)*)"')
_REASON = re.compile(rb'[{,]\s*reason="([^"]*)"')
_CAPACITY = b"capacity"

_Sample = tuple[bytes, float]  # labels with their braces, value


def read_metrics(text: bytes, model: str | None = None) -> VllmMetrics | None:
    """What the exposition says; None if it is none of vLLM's.

    `model`: where the exposition names it among others, only its samples count; else all do.
    """
    running = _total(text, model, b"vllm:num_requests_running")
    if running is None:
        return None
    kv_use = _values(text, model, b"vllm:kv_cache_usage_perc", b"vllm:gpu_cache_usage_perc")
    return VllmMetrics(
        running=round(running),
        waiting=round(_waiting(text, model)),
        kv_use=sum(kv_use) / len(kv_use) if kv_use else None,
        preemptions=_total(text, model, b"vllm:num_preemptions_total", b"vllm:num_preemptions"),
        prefix_queries=_total(
            text, model, b"vllm:prefix_cache_queries_total", b"vllm:prefix_cache_queries",
            b"vllm:gpu_prefix_cache_queries_total", b"vllm:gpu_prefix_cache_queries",
        ),
        prefix_hits=_total(
            text, model, b"vllm:prefix_cache_hits_total", b"vllm:prefix_cache_hits",
            b"vllm:gpu_prefix_cache_hits_total", b"vllm:gpu_prefix_cache_hits",
        ),
        ended=_total(text, model, b"vllm:request_success_total", b"vllm:request_success"),
        prompt_tokens=_total(text, model, b"vllm:prompt_tokens_total", b"vllm:prompt_tokens"),
        output_tokens=_total(text, model, b"vllm:generation_tokens_total", b"vllm:generation_tokens"),
    )  # fmt: skip


def _waiting(text: bytes, model: str | None) -> float:
    """By reason where that is given: what waits for something else does not show a lack of room."""
    by_reason = _of_model(list(_samples(text, b"vllm:num_requests_waiting_by_reason")), model)
    for_capacity = [value for labels, value in by_reason if _label(_REASON, labels) == _CAPACITY]
    if for_capacity:
        return sum(for_capacity)
    return _total(text, model, b"vllm:num_requests_waiting") or 0.0


def _total(text: bytes, model: str | None, *names: bytes) -> float | None:
    values = _values(text, model, *names)
    return sum(values) if values else None


def _values(text: bytes, model: str | None, *names: bytes) -> list[float]:
    """Of the first of these families that is there."""
    for name in names:
        found = list(_samples(text, name))
        if found:
            return [value for _, value in _of_model(found, model)]
    return []


def _of_model(samples: list[_Sample], model: str | None) -> list[_Sample]:
    if model is None or len(samples) < 2:
        return samples
    wanted = model.encode()
    own = [sample for sample in samples if _label(_MODEL, sample[0]) == wanted]
    return own or samples


def _label(pattern: re.Pattern[bytes], labels: bytes) -> bytes | None:
    found = pattern.search(labels)
    return found[1] if found else None


def _samples(text: bytes, name: bytes) -> Iterator[_Sample]:
    """Lines that are a sample of exactly this name, with a finite value. Anything else is passed over."""
    at = 0 if text.startswith(name) else _line_with(text, name, 0)
    while at >= 0:
        end = text.find(b"\n", at)
        line = text[at + len(name) : end if end >= 0 else len(text)]
        sample = _sample(line)
        if sample is not None:
            yield sample
        at = _line_with(text, name, at + len(name))


def _line_with(text: bytes, name: bytes, since: int) -> int:
    """Where the next line begins that starts with this name."""
    found = text.find(b"\n" + name, since)
    return found + 1 if found >= 0 else -1


def _sample(line: bytes) -> _Sample | None:
    """From what follows the name: `{labels} value [timestamp] [# exemplar]`, or the same without labels."""
    labels, rest = b"", line
    if line.startswith(b"{"):
        close = _closing(line)
        if close < 0:
            return None
        labels, rest = line[: close + 1], line[close + 1 :]
    elif not line[:1].isspace():
        return None  # a longer name
    words = rest.split(None, 1)
    try:
        value = float(words[0])
    except (IndexError, ValueError):
        return None
    return (labels, value) if math.isfinite(value) and value >= 0 else None


_LABELS = re.compile(rb'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}')


def _closing(line: bytes) -> int:
    """Where the labels end: a value may hold braces."""
    found = _LABELS.match(line)
    return found.end() - 1 if found else -1

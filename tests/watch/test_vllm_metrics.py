"""vLLM's `/metrics`, as a real server gave it and as other versions write it."""

import math
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.values.worker import VllmMetrics
from gateway.watch.vllm_metrics import read_metrics

CAPTURE = (Path(__file__).parents[1] / "golden" / "vllm_metrics" / "0.32.txt").read_bytes()
CAPTURED = VllmMetrics(
    running=0, waiting=0, kv_use=0.0, preemptions=0.0, prefix_queries=5238.0, prefix_hits=1408.0, ended=65.0,
    prompt_tokens=5241.0, output_tokens=2493.0,
)  # fmt: skip


def test_the_capture_of_a_real_server() -> None:
    assert read_metrics(CAPTURE, "smollm2-135m") == CAPTURED
    assert read_metrics(CAPTURE, "another") == CAPTURED
    assert read_metrics(CAPTURE) == CAPTURED


def test_the_order_of_lines_does_not_matter() -> None:
    lines = CAPTURE.splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    assert read_metrics(b"".join(lines), "smollm2-135m") == CAPTURED


def test_it_is_quick() -> None:
    took = []
    for _ in range(30):
        since = time.perf_counter()
        read_metrics(CAPTURE, "smollm2-135m")
        took.append(time.perf_counter() - since)
    assert min(took) < 0.002


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 0.6: one cache gauge for each device, counters of prometheus_client keep `_total`
        (
            (b'# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name="m"} 3.0\n'
            b'vllm:num_requests_waiting{model_name="m"} 2.0\nvllm:gpu_cache_usage_perc{model_name="m"} 0.75\n'
            b'vllm:num_preemptions_total{model_name="m"} 4.0\nvllm:num_preemptions_created{model_name="m"} 1.7e9\n'),
            VllmMetrics(3, 2, 0.75, 4.0),
        ),
        # counters without `_total`, labels in another order, no labels at all, timestamps, exemplars, no last newline
        (
            (b'vllm:num_requests_running{engine="0",model_name="m"} 1 1795434000000\n'
            b"vllm:num_requests_waiting 5\nvllm:num_preemptions 2\n"
            b'vllm:request_success{model_name="m",finished_reason="stop"} 7 # {trace="x"} 1.0\n'
            b'vllm:request_success{finished_reason="length",model_name="m"} 1e1'),
            VllmMetrics(1, 5, preemptions=2.0, ended=17.0),
        ),
        # two engines of one model: requests add up, the cache's use is the mean
        (
            (b'vllm:num_requests_running{engine="0",model_name="m"} 4\nvllm:num_requests_running{engine="1",model_name="m"} 6\n'
            b'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.2\nvllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.6\n'),
            VllmMetrics(10, 0, 0.4),
        ),
        # another model in the same exposition is not this one
        (
            (b'vllm:num_requests_running{engine="0",model_name="other"} 40\nvllm:num_requests_running{model_name="m"} 6\n'
            b'vllm:num_requests_waiting{model_name="other"} 9\nvllm:num_requests_waiting{model_name="m"} 0\n'),
            VllmMetrics(6, 0),
        ),
        # those that wait for something else do not show a lack of room
        (
            (b'vllm:num_requests_running{model_name="m"} 6\nvllm:num_requests_waiting{model_name="m"} 9\n'
            b'vllm:num_requests_waiting_by_reason{reason="capacity",model_name="m"} 2\n'
            b'vllm:num_requests_waiting_by_reason{model_name="m",reason="deferred"} 7\n'),
            VllmMetrics(6, 2),
        ),
        # braces and quotes within a value, what is no number, and what is negative
        (
            (b'vllm:num_requests_running{model_name="a}\\"{b"} 6\nvllm:num_requests_running{model_name="m"} NaN\n'
            b"vllm:num_requests_waiting -3\nvllm:num_preemptions_total x\nvllm:num_requests_running_other 9\n"),
            VllmMetrics(6, 0),
        ),
        (b"", None),
        (b"<html>vllm:num_requests_running 1</html>", None),
        (b"# HELP vllm:num_requests_running Number\nother 1\n", None),
    ],
)  # fmt: skip
def test_other_versions(text: bytes, expected: VllmMetrics | None) -> None:
    assert read_metrics(text, "m") == expected


names = st.sampled_from(
    [b"vllm:num_requests_running", b"vllm:kv_cache_usage_perc", b"vllm:num_requests_waiting_by_reason"]
)


@given(st.lists(st.tuples(names, st.binary(max_size=40)), max_size=8))
def test_whatever_comes_is_read_or_passed_over(lines: list[tuple[bytes, bytes]]) -> None:
    found = read_metrics(b"\n".join(name + rest for name, rest in lines), "m")
    assert found is None or (found.running >= 0 and found.waiting >= 0 and math.isfinite(found.kv_use or 0.0))

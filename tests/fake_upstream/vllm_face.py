"""What a vLLM server says of itself: `/health` and `/metrics` as of 0.32, with values that a test sets (`POST /_vllm`)."""

import json
from dataclasses import dataclass
from typing import Any

_LABELS = 'engine="0",model_name="fake"'


@dataclass
class VllmFace:
    """`running` None: what is really in progress. A status of 0 hangs."""

    running: int | None = None
    waiting: int = 0
    deferred: int = 0
    kv_use: float = 0.1
    preemptions: float = 0.0
    prefix_queries: float = 0.0
    prefix_hits: float = 0.0
    ended: float | None = None
    health_status: int = 200
    metrics_status: int = 200
    healths: int = 0  # how often it was asked
    scrapes: int = 0

    def set(self, body: bytes) -> dict[str, Any]:
        """Take the members of a JSON object; what is set then."""
        for name, value in json.loads(body or b"{}").items():
            if name not in vars(self):
                raise ValueError(f"no such value: {name}")
            setattr(self, name, value)
        return dict(vars(self))

    def health(self) -> tuple[int, bytes]:
        """`GET /health`."""
        self.healths += 1
        return self.health_status, b"{}"

    def metrics(self, in_progress: int, ended: int) -> tuple[int, bytes]:
        """`GET /metrics`."""
        self.scrapes += 1
        if self.metrics_status != 200:
            return self.metrics_status, b""
        running = in_progress if self.running is None else self.running
        samples = {
            "num_requests_running": ("gauge", {"": running}),
            "num_requests_waiting": ("gauge", {"": self.waiting + self.deferred}),
            "num_requests_waiting_by_reason": (
                "gauge", {',reason="capacity"': self.waiting, ',reason="deferred"': self.deferred},
            ),
            "kv_cache_usage_perc": ("gauge", {"": self.kv_use}),
            "num_preemptions_total": ("counter", {"": self.preemptions}),
            "prefix_cache_queries_total": ("counter", {"": self.prefix_queries}),
            "prefix_cache_hits_total": ("counter", {"": self.prefix_hits}),
            "request_success_total": (
                "counter", {',finished_reason="stop"': ended if self.ended is None else self.ended},
            ),
            "generation_tokens_total": ("counter", {"": 100.0}),
            "prompt_tokens_total": ("counter", {"": 200.0}),
        }  # fmt: skip
        lines = []
        for name, (kind, values) in samples.items():
            family = name.removesuffix("_total")
            lines += [f"# HELP vllm:{family} Of a fake.", f"# TYPE vllm:{family} {kind}"]
            lines += [f"vllm:{name}{{{_LABELS}{labels}}} {float(value)}" for labels, value in values.items()]
        return 200, "\n".join([*lines, ""]).encode()

"""A gateway in front of providers of two dialects, and requests of two dialects to it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from gateway.values.deployment import Capability
from tests.conftest import APP_KEY, NARROW_KEY, OPERATOR_KEY, Upstream
from tests.support.client import Seen
from tests.support.fleet import Stand
from tests.support.gateway import GatewayProcess, deployment
from tests.support.in_process import InProcessGateway

ANTHROPIC_KEY = "sk-ant-0123456789-the-gateways-own"
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
PRICE = {
    "input_usd_per_mtok": 1.0,
    "output_usd_per_mtok": 2.0,
    "cached_input_usd_per_mtok": 0.1,
    "cache_write_usd_per_mtok": 1.25,
}
CHAT, MESSAGES, COUNT = "/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"
OF_ANTHROPIC = (
    "ok", "tokens", "unicode", "tools", "tool_without_arguments", "thinking", "redacted", "cached", "refusal",
    "max_tokens", "stop_sequence", "pings@20", "new_events", "invalid_400", "too_long_400", "credit_400",
    "unauthorized_401", "permission_403", "not_found_404", "too_large_413", "rate_limit_429@7", "rate_limit_429@8", "error_500",
    "overloaded_529", "error_after", "cut_after", "tool_cut", "no_end", "no_stop", "not_streamed", "silent",
    "silent_after", "only_pings", "endless", "slow@1000",
)  # fmt: skip
OF_OPENAI = (
    "ok", "tokens", "unicode", "tools", "tools_parallel", "tools_and_text", "tools_stop", "reasoning",
    "reasoning_content", "refusal", "length", "content_filter", "cached_usage", "json_schema", "usage_twice",
    "bad_param_400", "context_length_400", "content_policy_400", "unauthorized_401", "model_404", "too_large_413",
    "rate_limit_429@7", "rate_limit_429@8", "error_500", "error_mid", "cut_after", "silent", "silent_after", "endless", "slow@1000",
    "reset_after_headers",
)  # fmt: skip
# asked for responses: of a server with chat completions alone, and of one with responses
OF_CHAT_ALONE = (
    "ok", "tools", "tools_parallel", "tools_and_text", "reasoning", "refusal", "length", "cut_after", "tokens",
    "silent_after", "json_schema",
)  # fmt: skip
OF_RESPONSES = (
    "ok", "tokens", "unicode", "tools", "tool_without_arguments", "whole_items", "thinking", "hidden", "cached", "refusal",
    "max_output_tokens", "content_filter", "searches", "new_events", "not_streamed", "invalid_value_400",
    "foreign_thoughts_400", "rate_limit_429@7", "error_500", "failed_after", "quota_first", "failed_first", "cut_after",
    "silent_after", "endless",
)  # fmt: skip
# pools of two. `to-`: the first fails before any output; each of its own, so that no breaker is open
POOLS = {
    "to-openai": ("a-overloaded_529", "o-ok"),
    "to-openai-streamed": ("a-error_500", "o-tokens"),
    "to-anthropic": ("o-error_500", "a-ok"),
    "to-anthropic-streamed": ("o-reset_after_headers", "a-tokens"),
    "openai-first": ("o-ok", "a-ok"),
    "anthropic-first": ("a-ok", "o-ok"),
    "hedged": ("a-slow-1000", "o-ok"),
    "counted": ("v-ok", "a-ok"),
    "foreign-thoughts": ("r-foreign_thoughts_400", "a-ok"),
}
RULES: list[dict[str, Any]] = [
    {"name": "hedged", "when": {"model": ["hedged"]}, "limits": {"hedge": {"after_s": 0.1, "share": 1.0}}},
    {"name": "counted", "when": {"model": ["counted"]}, "count_tokens": "exact"},
    {"name": "all"},
]


def name_of(kind: str, behaviour: str) -> str:
    """`a-pings-20`."""
    return f"{kind}-{behaviour.replace('@', '-')}"


def configuration(base_url: str) -> dict[str, Any]:
    """Each behaviour as a deployment: `a-NAME` of Anthropic's API, `o-NAME` of OpenAI's, `r-NAME` of Open Responses, `l-NAME` of llama.cpp's; `v-ok` is vLLM's."""
    capable = [capability.value for capability in Capability]
    common: dict[str, Any] = {"capabilities": capable, "price": PRICE, "max_output_tokens": 40_000}
    anthropic = {**common, "provider": "anthropic", "api_key": "${env:ANTHROPIC_KEY}"}
    deployments = {
        **{name_of("a", name): deployment(base_url, name, **anthropic) for name in OF_ANTHROPIC},
        **{name_of("o", name): deployment(base_url, name, **common) for name in OF_OPENAI},
        **{name_of("l", name): deployment(base_url, name, **common, provider="llama_cpp") for name in OF_CHAT_ALONE},
        **{
            name_of("r", name): deployment(base_url, name, **common, provider="open_responses") for name in OF_RESPONSES
        },
        "v-ok": deployment(base_url, "ok", **{**common, "provider": "vllm", "hosting": "self_hosted"}),
        "counts-500": deployment(base_url, "error_500", **anthropic),
        "counts-429": deployment(base_url, "rate_limit_429", **anthropic),
        "a-plain": deployment(base_url, "ok", **{**anthropic, "clearance": "internal", "capabilities": []}),
    }
    keys = {
        "app": {"secret": "${env:APP_KEY}"},
        "operator": {"secret": "${env:OPERATOR_KEY}", "role": "operator"},
        "narrow": {"secret": "${env:NARROW_KEY}", "models": ["a-plain", "a-ok"], "sensitivity": "confidential"},
    }
    return {
        "deployments": deployments,
        "models": {name: {"deployments": list(pool)} for name, pool in POOLS.items()},
        "keys": keys,
        "policy": {"rules": RULES},
    }


SECRETS = {
    "APP_KEY": APP_KEY,
    "OPERATOR_KEY": OPERATOR_KEY,
    "NARROW_KEY": NARROW_KEY,
    "ANTHROPIC_KEY": ANTHROPIC_KEY,
}


@dataclass
class TwoSides:
    """The gateway and what is behind it: each a process of its own, or both on virtual time."""

    gateway: GatewayProcess | InProcessGateway
    upstream: Upstream | Stand

    def ask(self, path: str, body: Any, **headers: str) -> Seen:
        """One request to its end; the key is an application's, unless `headers` bear one."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if not {"x_api_key", "authorization"} & set(headers):
            headers["x_api_key"] = APP_KEY
        named = {name.replace("_", "-"): value for name, value in headers.items() if value}
        if isinstance(self.gateway, InProcessGateway):
            named |= {"host": "localhost", "content-length": str(len(content))}
            got = self.gateway.virtual.run(self.gateway.send("POST", path, named, content))
            return Seen(got.status, got.headers, got.body)
        seen = Seen()
        try:
            with httpx.stream(
                "POST", f"{self.gateway.url}{path}", content=content, headers=named, trust_env=False, timeout=30
            ) as answer:
                seen.status, seen.headers = answer.status_code, dict(answer.headers)
                for part in answer.iter_raw():
                    seen.body += part
        except httpx.HTTPError as problem:
            seen.broken = repr(problem)
        return seen

    def chat(self, model: str, *, stream: bool = False, **more: Any) -> Seen:
        """A chat completion."""
        return self.ask(CHAT, {"model": model, "messages": HELLO, **({"stream": True} if stream else {}), **more})

    def message(self, model: str, *, stream: bool = False, **more: Any) -> Seen:
        """One of Anthropic's messages."""
        body = {"model": model, "max_tokens": 100, "messages": HELLO, **({"stream": True} if stream else {}), **more}
        return self.ask(MESSAGES, body, anthropic_version="2023-06-01")

    def got(self, model: str, path: str) -> dict[str, Any]:
        """What the upstream got last for this behaviour."""
        rows = self.upstream.ask("/_seen")
        return next(row for row in reversed(rows) if (row["model"], row["path"].partition("?")[0]) == (model, path))

    def body_of(self, model: str, path: str) -> dict[str, Any]:
        """The body of that."""
        found: dict[str, Any] = json.loads(self.got(model, path)["body"])
        return found

    def metrics(self) -> str:
        """What Prometheus would scrape now."""
        return self.gateway.client().get("/metrics").text

    def record(self, seen: Seen) -> dict[str, Any]:
        """What the gateway has on record of an answer."""
        found: dict[str, Any] = self.gateway.decision(seen.headers["x-gateway-decision"], OPERATOR_KEY)["record"]
        return found


def of_events(body: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream of Anthropic's: (name, data). Every one has both; comments are passed over."""
    for piece in body.decode().split("\n\n"):
        lines = [line for line in piece.split("\n") if line and not line.startswith(":")]
        if lines:
            assert [line.partition(": ")[0] for line in lines] == ["event", "data"], lines
            name, data = lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))
            assert data["type"] == name
            yield name, data


def chunks_of(seen: Seen) -> list[dict[str, Any]]:
    """The chunks of a chat completion, less [DONE]."""
    return [json.loads(event) for event in seen.events if event != "[DONE]"]


def said_by(chunks: list[dict[str, Any]], member: str) -> str:
    """The deltas of a member, joined."""
    return "".join(choice["delta"].get(member) or "" for chunk in chunks for choice in chunk["choices"])


def folded(seen: Seen) -> dict[str, Any]:
    """The message that a stream of Anthropic's comes to, as its SDKs put it together; the order of events is checked."""
    message: dict[str, Any] = {}
    open_block: dict[str, Any] | None = None
    arguments = ""
    is_over = False
    for name, data in of_events(seen.body):
        assert not is_over, "nothing follows message_stop"
        match name:
            case "message_start":
                assert not message
                message = data["message"]
                assert message["content"] == []
            case "content_block_start":
                assert open_block is None
                assert message["stop_reason"] is None
                assert data["index"] == len(message["content"])
                open_block, arguments = dict(data["content_block"]), ""
                message["content"].append(open_block)
            case "content_block_delta":
                assert open_block is not None
                assert data["index"] == len(message["content"]) - 1
                delta = data["delta"]
                match delta["type"]:
                    case "text_delta":
                        open_block["text"] += delta["text"]
                    case "thinking_delta":
                        open_block["thinking"] += delta["thinking"]
                    case "signature_delta":
                        open_block["signature"] = delta["signature"]
                    case "input_json_delta":
                        arguments += delta["partial_json"]
            case "content_block_stop":
                assert open_block is not None
                assert data["index"] == len(message["content"]) - 1
                if open_block["type"] == "tool_use":
                    open_block["input"] = json.loads(arguments or "{}")
                open_block = None
            case "message_delta":
                assert open_block is None
                assert message["stop_reason"] is None
                message |= data["delta"]
                message["usage"] = {**message["usage"], **data["usage"]}
            case "message_stop":
                assert message["stop_reason"] is not None
                is_over = True
            case "ping":
                pass
            case _:
                raise AssertionError(f"an event of the name {name}")
    assert is_over, "it does not end with message_stop"
    return message

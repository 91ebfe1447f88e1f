"""Refusals with fixed bodies, as real providers send them; seen on the wire where a vendor and version are named."""

from dataclasses import dataclass

from tests.fake_upstream.wire import HTML, JSON, Header, Headers, as_json, error_body, html_page

_INVALID = "invalid_request_error"
_TEXT: Header = ("content-type", "text/plain; charset=utf-8")


@dataclass(frozen=True)
class Row:
    """A refusal; `kind` is its content type."""

    name: str
    status: int
    meaning: str
    body: bytes
    kind: Header | None = JSON
    headers: Headers = ()


def _html(name: str, status: int, meaning: str) -> Row:
    return Row(name, status, meaning, html_page(status), HTML)


_AZURE_FILTER = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "high"}},
        },
    }
}
_GOOGLE = [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": []}}]
_PYDANTIC = {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required", "input": {}}]}
_TOO_LONG_VLLM = (
    "This model's maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens, "
    "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. "
    "(parameter=input_tokens, value=2049)"
)
_TOO_LONG_LLAMA = {
    "error": {
        "code": 400,
        "message": "request (9031 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 9031,
        "n_ctx": 4096,
    }
}
_TOO_LONG = "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens."
_TOO_LONG_MISTRAL = {
    "object": "error",
    "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
    "type": "invalid_request_prompt",
    "param": None,
    "code": "3051",
}
_TOO_LONG_VLLM_BARE = {
    "object": "error",
    "message": "This model's maximum context length is 2048 tokens. However, you requested 2049 tokens.",
    "type": "BadRequestError",
    "param": None,
    "code": 400,
}
_XAI_KEY = {
    "code": "Client specified an invalid argument",
    "error": "Incorrect API key provided: xa***ys. You can obtain an API key from https://console.x.ai.",
}
_XAI_POLICY = {
    "code": "The caller does not have permission to execute the specified operation",
    "error": "Content violates usage guidelines. Team: t-1, API key ID: k-1, Failed check: SAFETY_CHECK_TYPE_BIO",
}
_RATE_BILLING = (
    "Rate limit reached for a-model in organization org-x on requests per min. Limit: 3 / min. Please add a payment "
    "method to your account to increase your rate limit. Visit https://platform.openai.com/account/billing."
)
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_NO_KEY_LLAMA = {"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}
_REGION = "Country, region, or territory not supported"
_OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

ROWS = (
    Row(
        "bad_param_400",
        400,
        "OpenAI: a bad parameter, with param and code",
        error_body(
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            _INVALID,
            "temperature",
            "decimal_above_max_value",
        ),
    ),
    Row(
        "bad_param_vllm_400",
        400,
        "vLLM 0.32: a bad parameter, code is a number",
        error_body(
            "temperature must be non-negative, got -1.0. (parameter=temperature, value=-1.0)",
            "BadRequestError",
            "temperature",
            400,
        ),
    ),
    Row(
        "context_length_400",
        400,
        "OpenAI: context_length_exceeded",
        error_body(_TOO_LONG, _INVALID, "messages", "context_length_exceeded"),
    ),
    Row(
        "context_length_vllm_400",
        400,
        "vLLM 0.32: prompt too long, param input_tokens",
        error_body(_TOO_LONG_VLLM, "BadRequestError", "input_tokens", 400),
    ),
    Row("context_length_llamacpp_400", 400, "llama.cpp: exceed_context_size_error", as_json(_TOO_LONG_LLAMA)),
    Row(
        "content_policy_400",
        400,
        "OpenAI: content_policy_violation",
        error_body(
            "Your request was rejected as a result of our safety system.", _INVALID, None, "content_policy_violation"
        ),
    ),
    Row("context_length_mistral_400", 400, "Mistral: no member around the error", as_json(_TOO_LONG_MISTRAL)),
    Row("context_length_bare_400", 400, "vLLM before 0.10: no member around the error", as_json(_TOO_LONG_VLLM_BARE)),
    Row("key_xai_400", 400, "xAI: a wrong key is a bad request", as_json(_XAI_KEY)),
    Row("policy_xai_403", 403, "xAI: its content policy, as a lack of permission", as_json(_XAI_POLICY)),
    Row(
        "moderation_403",
        403,
        "OpenRouter: the moderation of the provider behind it",
        error_body("Your chosen model requires moderation and your input was flagged", "", None, 403),
    ),
    Row(
        "credit_400",
        400,
        "Anthropic: the credit is used up",
        error_body("Your credit balance is too low to access the Anthropic API.", _INVALID),
    ),
    Row(
        "decommissioned_400",
        400,
        "Groq: the model was retired",
        error_body(
            "The model has been decommissioned and is no longer supported.", _INVALID, None, "model_decommissioned"
        ),
    ),
    Row(
        "model_openrouter_400",
        400,
        "OpenRouter: unknown model, code is a number",
        error_body("nobody/nothing is not a valid model ID", "", None, 400),
    ),
    Row("content_filter_azure_400", 400, "Azure: content_filter with innererror", as_json(_AZURE_FILTER)),
    Row("google_400", 400, "Google's OpenAI surface: a list around the error", as_json(_GOOGLE)),
    Row(
        "unauthorized_401",
        401,
        "OpenAI: invalid_api_key",
        error_body("Incorrect API key provided: sk-fake****.", _INVALID, None, "invalid_api_key"),
    ),
    Row("unauthorized_vllm_401", 401, "vLLM 0.32: the error is a text", b'{"error":"Unauthorized"}'),
    Row("unauthorized_llamacpp_401", 401, "llama.cpp: authentication_error", as_json(_NO_KEY_LLAMA)),
    Row(
        "payment_402",
        402,
        "DeepSeek: insufficient balance",
        error_body("Insufficient Balance", "unknown_error", None, _INVALID),
    ),
    Row(
        "forbidden_403",
        403,
        "the key may not use this model",
        error_body("You do not have access to this model.", _INVALID, None, "model_not_allowed"),
    ),
    Row(
        "region_403",
        403,
        "OpenAI: region not supported",
        error_body(_REGION, "request_forbidden", None, "unsupported_country_region_territory"),
    ),
    _html("firewall_403", 403, "a firewall's HTML page"),
    Row(
        "model_404",
        404,
        "OpenAI: model_not_found",
        error_body(
            "The model `model_404` does not exist or you do not have access to it.", _INVALID, None, "model_not_found"
        ),
    ),
    Row(
        "model_vllm_404",
        404,
        "vLLM 0.32: unknown model, code is a number",
        error_body("The model `nope` does not exist. Valid aliases: smollm2-135m.", "NotFoundError", "model", 404),
    ),
    Row("path_404", 404, "vLLM 0.32: unknown path", b'{"detail":"Not Found"}'),
    Row(
        "method_405", 405, "the method is not allowed", b'{"detail":"Method Not Allowed"}', headers=(("allow", "GET"),)
    ),
    _html("proxy_407", 407, "a proxy wants authentication"),
    Row("timeout_408", 408, "the server gave up on the request", error_body("Request timed out.", "timeout")),
    Row("conflict_409", 409, "a conflict, to be tried again", error_body("Conflict, please retry.", "conflict_error")),
    Row(
        "gone_410",
        410,
        "the model was retired",
        error_body("The model has been deprecated.", _INVALID, None, "model_deprecated"),
    ),
    _html("too_large_413", 413, "nginx: the request is too large"),
    Row("teapot_418", 418, "a status that nobody expects", b"I'm a teapot", _TEXT),
    Row("unprocessable_422", 422, "FastAPI: a list of what is wrong", as_json(_PYDANTIC)),
    Row("too_early_425", 425, "too early, to be tried again", error_body("Too early.", "server_error")),
    Row(
        "rate_limit_bare_429",
        429,
        "a rate limit that does not say how long",
        error_body("Too many requests.", "requests", None, "rate_limit_exceeded"),
    ),
    Row(
        "rate_limit_billing_429",
        429,
        "OpenAI: a rate limit that speaks of billing",
        error_body(_RATE_BILLING, "requests"),
    ),
    Row(
        "rate_limit_reset_429",
        429,
        "OpenAI: used up, by x-ratelimit headers alone",
        error_body("Rate limit reached for tokens.", "tokens", None, "rate_limit_exceeded"),
        headers=(
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "1.5s"),
        ),
    ),
    Row(
        "rate_limit_nonsense_429",
        429,
        "retry-after is neither number nor date",
        error_body("Too many requests.", "requests"),
        headers=(("retry-after", "soon"),),
    ),
    Row(
        "rate_limit_negative_429",
        429,
        "retry-after is negative",
        error_body("Too many requests.", "requests"),
        headers=(("retry-after", "-5"),),
    ),
    _html("rate_limit_html_429", 429, "a proxy's HTML page"),
    Row(
        "insufficient_quota_429",
        429,
        "OpenAI: the quota is used up, waiting does not help",
        error_body(_QUOTA, "insufficient_quota", None, "insufficient_quota"),
    ),
    Row(
        "error_500",
        500,
        "OpenAI: server_error",
        error_body("The server had an error while processing your request. Sorry about that!", "server_error"),
    ),
    _html("html_500", 500, "an HTML page"),
    Row("error_text_500", 500, "plain text", b"Internal Server Error", _TEXT),
    Row("error_string_500", 500, "the error is a text", b'{"error":"CUDA out of memory"}'),
    Row("error_null_500", 500, "the error is null", b'{"error":null}'),
    Row("error_message_500", 500, "a message and no error object", b'{"message":"Internal server error"}'),
    Row("error_not_json_500", 500, "says JSON, is none", b'{"error":{"message":"half'),
    _html("html_502", 502, "nginx: bad gateway"),
    Row("unavailable_503", 503, "no body of OpenAI's, no retry-after", b"no healthy upstream", _TEXT),
    Row(
        "loading_503",
        503,
        "llama.cpp: still loading the model",
        as_json({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}),
    ),
    _html("html_504", 504, "nginx: gateway timeout"),
    Row("overloaded_529", 529, "Anthropic's shape: overloaded_error", as_json(_OVERLOADED)),
)

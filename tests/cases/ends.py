"""What an outcome is to a caller: who is at fault, the status, the code and the type of the error, and what follows.

Written out, so that it can be held against `docs/reference/errors.md` by eye: nothing here is read from the code.
"""

from typing import NamedTuple


class End(NamedTuple):
    """A row. `status` is that of an answer that has not begun. `code` is OpenAI's `code`, and the `error_code` in Anthropic's
    details; `openai` and `anthropic` are the dialects' `type`. `next`: another candidate is asked. `again`: the same one is.
    """

    fault: str | None
    status: int
    code: str | None
    openai: str | None
    anthropic: str | None
    next: bool
    again: bool


# fmt: off
ENDS: dict[str, End] = {
    # outcome                      fault       status code                       type by OpenAI           by Anthropic             next   again
    "ok":                      End(None,       200, None,                       None,                    None,                    False, False),
    "connection_lost":         End("provider", 502, "connection_lost",          "upstream_error",        "api_error",             True,  True),
    "first_output_timeout":    End("provider", 504, "first_output_timeout",     "timeout_error",         "timeout_error",         True,  False),
    "idle_timeout":            End("provider", 504, "idle_timeout",             "timeout_error",         "timeout_error",         True,  False),
    "total_timeout":           End("provider", 504, "total_timeout",            "timeout_error",         "timeout_error",         True,  False),
    "rate_limited":            End("provider", 429, "rate_limited",             "rate_limit_error",      "rate_limit_error",      True,  True),
    "overloaded":              End("provider", 503, "overloaded",               "upstream_error",        "overloaded_error",      True,  True),
    "server_error":            End("provider", 502, "server_error",             "upstream_error",        "api_error",             True,  True),
    "error_in_answer":         End("provider", 502, "error_in_answer",          "upstream_error",        "api_error",             True,  True),
    "empty_answer":            End("provider", 502, "empty_answer",             "upstream_error",        "api_error",             True,  False),
    "malformed_answer":        End("provider", 502, "malformed_answer",         "upstream_error",        "api_error",             True,  False),
    "answer_too_large":        End("provider", 502, "answer_too_large",         "upstream_error",        "api_error",             True,  False),
    "truncated":               End("provider", 502, "truncated",                "upstream_error",        "api_error",             True,  True),
    "credential_refused":      End("gateway",  502, "credential_refused",       "upstream_error",        "api_error",             True,  False),
    "quota_exhausted":         End("gateway",  502, "quota_exhausted",          "upstream_error",        "api_error",             True,  False),
    "deployment_gone":         End("gateway",  502, "deployment_gone",          "upstream_error",        "api_error",             True,  False),
    "redirected":              End("gateway",  502, "redirected",               "upstream_error",        "api_error",             True,  False),
    "bad_request":             End("caller",   400, "bad_request",              "invalid_request_error", "invalid_request_error", False, False),
    "content_policy":          End("caller",   400, "content_policy_violation", "invalid_request_error", "invalid_request_error", False, False),
    "context_too_long":        End("caller",   400, "context_length_exceeded",  "invalid_request_error", "invalid_request_error", True,  False),
}
# what the provider says of the caller's own request is passed on: its code, its status where that says more than 400
SAID: dict[str, End] = {
    # behaviour                    fault       status code                       type by OpenAI           by Anthropic             next   again
    "bad_param_400":           End("caller",   400, "decimal_above_max_value",  "invalid_request_error", "invalid_request_error", False, False),
    "content_filter_azure_400": End("caller",  400, "content_filter",           "invalid_request_error", "invalid_request_error", False, False),
    "too_large_413":           End("caller",   413, "bad_request",              "invalid_request_error", "request_too_large",     False, False),
    "vectors_400_for":         End("caller",   400, "not_liked",                "invalid_request_error", "invalid_request_error", False, False),
    "invalid_value_400":       End("caller",   400, "invalid_value",            "invalid_request_error", "invalid_request_error", False, False),
    "unprocessable_422":       End("caller",   422, "bad_request",              "invalid_request_error", "invalid_request_error", False, False),
}
# fmt: on


def end_of(outcome: str, behaviour: str) -> End:
    """The row of a request that ended so by this behaviour."""
    said = SAID.get(behaviour)
    return said if said is not None and outcome in ("bad_request", "content_policy") else ENDS[outcome]

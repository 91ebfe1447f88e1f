"""How each behaviour of the fake upstream must end, in the words of the decision record.

What is not listed ends well. The rest of a case follows from the outcome: its fault, its status, what may be shown.
"""

from typing import Any

from gateway.values.outcome import Outcome

# in both modes
_BOTH: dict[Outcome, str] = {
    Outcome.ANSWER_TOO_LARGE: "gzip_bomb",
    Outcome.BAD_REQUEST: (
        "bad_param_400 bad_param_vllm_400 echoes_key echoes_prompt teapot_418 too_large_413 unprocessable_422"
    ),
    Outcome.CONNECTION_LOST: "close_before half_headers half_status_line only_continue_100 reset_before",
    Outcome.CONTENT_POLICY: "content_filter_azure_400 content_policy_400 moderation_403 policy_xai_403",
    Outcome.CONTEXT_TOO_LONG: (
        "context_length_400 context_length_bare_400 context_length_llamacpp_400 context_length_mistral_400 "
        "context_length_vllm_400"
    ),
    Outcome.CREDENTIAL_REFUSED: (
        "firewall_403 forbidden_403 google_400 key_xai_400 proxy_407 region_403 unauthorized_401 unauthorized_llamacpp_401 "
        "unauthorized_vllm_401"
    ),
    Outcome.DEPLOYMENT_GONE: "decommissioned_400 gone_410 method_405 model_404 model_openrouter_400 model_vllm_404 path_404",
    Outcome.EMPTY_ANSWER: "detail_200 empty_200 object_200 text_202",
    Outcome.ERROR_IN_ANSWER: "error_200 finish_network finish_stop_error finish_system",
    Outcome.MALFORMED_ANSWER: (
        "bad_chunk bad_header bad_length bad_status bare_body deep_200 garbage gzip_lie html_200 huge_headers "
        "length_and_chunked list_200 not_json_200 null_200 number_200 switching_101 text_200 two_lengths "
        "unknown_encoding"
    ),
    Outcome.OVERLOADED: ("conflict_409 overloaded_503 overloaded_529 timeout_408 too_early_425"),
    Outcome.QUOTA_EXHAUSTED: "credit_400 insufficient_quota_429 payment_402",
    Outcome.RATE_LIMITED: (
        "rate_limit_429 rate_limit_bare_429 rate_limit_billing_429 rate_limit_date_429 rate_limit_html_429 rate_limit_ms_429 "
        "rate_limit_negative_429 rate_limit_nonsense_429 rate_limit_reset_429"
    ),
    Outcome.REDIRECTED: "redirect",
    Outcome.SERVER_ERROR: (
        "bad_utf8_error empty_error endless_error error_500 error_message_500 error_not_json_500 "
        "error_null_500 error_string_500 error_text_500 error_wait_500 gzip_error html_500 html_502 html_504 huge_error loading_503 "
        "short_error silent_error status unavailable_503"
    ),
    Outcome.TRUNCATED: "close_after_headers cut_in_chunk reset_after_headers",
}

# of whole answers only
_WHOLE: dict[Outcome, str] = {
    Outcome.ANSWER_TOO_LARGE: "big_body endless_body",
    Outcome.EMPTY_ANSWER: "empty_content_200 no_choices_200 null_choices_200 null_content_200",
    Outcome.ERROR_IN_ANSWER: "abort_200 error_and_choices_200 error_in_choice_200",
    Outcome.MALFORMED_ANSWER: (
        "bad_utf8 null_choice_200 null_message_200 sse_for_json trailing_json_200 truncated_json_200 wrong_types_200"
    ),
    Outcome.TOTAL_TIMEOUT: "blank_lines drip endless_headers silent silent_after_headers silent_mid_body",
    Outcome.TRUNCATED: "cut_body gzip_cut no_finish_200 no_terminator reset_body short_body",
}

# of streams only
_STREAMS: dict[Outcome, str] = {
    Outcome.ANSWER_TOO_LARGE: "endless_event",
    Outcome.EMPTY_ANSWER: "empty_finish empty_stream empty_stream_length_0 empty_texts only_done only_empty_choices role_done",
    Outcome.ERROR_IN_ANSWER: (
        "error_after_role error_at_end error_event_first error_event_mid error_event_text_mid error_first "
        "error_in_choice_mid error_mid error_mid_end error_mid_goes_on error_string_first finish_abort "
        "finish_error"
    ),
    Outcome.FIRST_OUTPUT_TIMEOUT: (
        "drip empty_deltas endless_headers pings pings_after_role silent silent_after_headers silent_after_role"
    ),
    Outcome.IDLE_TIMEOUT: "crawl half_event_silent late_done pings_mid silent_after silent_before_done",
    Outcome.MALFORMED_ANSWER: (
        "bad_json_first bad_json_mid bad_utf8_mid deep_event_mid html_events "
        "list_event_mid null_event_first null_event_mid only_comments text_events wrong_types_mid"
    ),
    Outcome.TOTAL_TIMEOUT: "endless",
    Outcome.TRUNCATED: (
        "cut_after cut_after_role cut_before_done cut_before_finish early_done end_after end_after_role "
        "end_before_finish error_bare_mid half_done half_event half_event_end html_mid length_short "
        "no_finish one_choice_open other_events reasoning_cut reset_after "
        "reset_after_role tool_cut tool_end"
    ),
}


def _by_name(table: dict[Outcome, str]) -> dict[str, Outcome]:
    return {name: outcome for outcome, names in table.items() for name in names.split()}


WHOLE = _by_name(_BOTH) | _by_name(_WHOLE)
STREAMS = _by_name(_BOTH) | _by_name(_STREAMS)


def expected(name: str, *, stream: bool) -> Outcome:
    """The outcome of asking for this behaviour without a fallback."""
    return (STREAMS if stream else WHOLE).get(name, Outcome.OK)


# what a 2xx had used although it failed, or had not said although it did not
_TOLD_AND_FAILED = frozenset(
    ["cut_before_done", "empty_finish", "error_at_end", "half_done", "late_done", "silent_before_done"]
)
# streams that fail with output in them, wherever reads cut it
_SHOWN_AND_FAILED = frozenset(["bad_chunk", "bad_json_mid", "bad_utf8_mid", "crawl", "cut_after", "cut_before_finish", "cut_in_chunk", "deep_event_mid", "early_done", "end_after", "end_before_finish", "endless", "error_bare_mid", "error_event_mid", "error_event_text_mid", "error_in_choice_mid", "error_mid", "error_mid_end", "error_mid_goes_on", "finish_abort", "finish_error", "finish_stop_error", "finish_system", "half_event", "half_event_end", "half_event_silent", "html_mid", "length_short", "list_event_mid", "no_finish", "null_event_mid", "one_choice_open", "pings_mid", "reasoning_cut", "reset_after", "silent_after", "tool_cut", "tool_end", "wrong_types_mid"])  # fmt: skip
_OK_AND_NOT_TOLD = frozenset(
    ["no_blank_line_end", "no_usage", "nonsense_usage", "null_usage", "usage_after_done", "usage_never"]
)


def settlement(name: str, attempt: dict[str, Any], *, stream: bool) -> str:
    """What an attempt at this behaviour is settled with: nothing (it was refused, or never sent), what was counted there,
    an estimate by what was seen, or unknown.
    """
    if attempt["status"] is None or not 200 <= attempt["status"] < 300:
        return "nothing"
    is_told = name not in _OK_AND_NOT_TOLD if attempt["outcome"] == "ok" else stream and name in _TOLD_AND_FAILED
    if is_told:
        return "counted"
    has_output = attempt["outcome"] == "ok" or name in _SHOWN_AND_FAILED
    return "estimated" if stream and has_output else "unknown"

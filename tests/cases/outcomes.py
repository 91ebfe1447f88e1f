"""How each behaviour of the fake upstream must end, in the words of the decision record.

What is not listed ends well. The rest of a case follows from the outcome (`ends`): its fault, its status, its code.
"""

from typing import Any


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# of providers of OpenAI's dialect, in both modes
_OPENAI_BOTH: dict[str, str] = {
    "answer_too_large": "gzip_bomb",
    "bad_request": (
        "bad_param_400 bad_param_vllm_400 echoes_key echoes_prompt teapot_418 too_large_413 unprocessable_422"
    ),
    "connection_lost": "close_before half_headers half_status_line only_continue_100 reset_before",
    "content_policy": "content_filter_azure_400 content_policy_400 moderation_403 policy_xai_403",
    "context_too_long": (
        "context_length_400 context_length_bare_400 context_length_llamacpp_400 context_length_mistral_400 "
        "context_length_vllm_400"
    ),
    "credential_refused": (
        "firewall_403 forbidden_403 google_400 key_xai_400 proxy_407 region_403 unauthorized_401 unauthorized_llamacpp_401 "
        "unauthorized_vllm_401"
    ),
    "deployment_gone": "decommissioned_400 gone_410 method_405 model_404 model_openrouter_400 model_vllm_404 path_404",
    "empty_answer": "detail_200 empty_200 object_200 text_202",
    "error_in_answer": "error_200 finish_network finish_stop_error finish_system",
    "malformed_answer": (
        "bad_chunk bad_header bad_length bad_status bare_body deep_200 garbage gzip_lie html_200 huge_headers "
        "length_and_chunked list_200 not_json_200 null_200 number_200 switching_101 text_200 two_lengths "
        "unknown_encoding"
    ),
    "overloaded": ("conflict_409 overloaded_503 overloaded_529 timeout_408 too_early_425"),
    "quota_exhausted": "credit_400 insufficient_quota_429 payment_402",
    "rate_limited": (
        "rate_limit_429 rate_limit_bare_429 rate_limit_billing_429 rate_limit_date_429 rate_limit_html_429 rate_limit_ms_429 "
        "rate_limit_negative_429 rate_limit_nonsense_429 rate_limit_reset_429"
    ),
    "redirected": "redirect",
    "server_error": (
        "bad_utf8_error empty_error endless_error error_500 error_message_500 error_not_json_500 "
        "error_null_500 error_string_500 error_text_500 error_wait_500 gzip_error html_500 html_502 html_504 huge_error loading_503 "
        "short_error silent_error status unavailable_503"
    ),
    "truncated": "close_after_headers cut_in_chunk reset_after_headers",
}

# of whole answers only
_OPENAI_WHOLE: dict[str, str] = {
    "answer_too_large": "big_body endless_body",
    "empty_answer": "empty_content_200 no_choices_200 null_choices_200 null_content_200",
    "error_in_answer": "abort_200 error_and_choices_200 error_in_choice_200",
    "malformed_answer": (
        "bad_utf8 null_choice_200 null_message_200 sse_for_json trailing_json_200 truncated_json_200 wrong_types_200"
    ),
    "total_timeout": "blank_lines drip endless_headers silent silent_after_headers silent_mid_body",
    "truncated": "cut_body gzip_cut no_finish_200 no_terminator reset_body short_body",
}

# of streams only
_OPENAI_STREAMS: dict[str, str] = {
    "answer_too_large": "endless_event",
    "empty_answer": "empty_finish empty_stream empty_stream_length_0 empty_texts only_done only_empty_choices role_done",
    "error_in_answer": (
        "error_at_end error_event_first error_event_mid error_event_text_mid error_first "
        "error_in_choice_mid error_mid error_mid_end error_mid_goes_on error_string_first finish_abort "
        "finish_error"
    ),
    "first_output_timeout": (
        "drip empty_deltas endless_headers pings pings_after_role silent silent_after_headers silent_after_role"
    ),
    "idle_timeout": "crawl half_event_silent late_done pings_mid silent_after silent_before_done",
    "malformed_answer": (
        "bad_json_first bad_json_mid bad_utf8_mid deep_event_mid html_events "
        "list_event_mid null_event_first null_event_mid only_comments text_events wrong_types_mid"
    ),
    "quota_exhausted": "error_after_role",
    "total_timeout": "endless",
    "truncated": (
        "cut_after cut_after_role cut_before_done cut_before_finish early_done end_after end_after_role "
        "end_before_finish error_bare_mid half_done half_event half_event_end html_mid length_short "
        "no_finish one_choice_open other_events reasoning_cut reset_after "
        "reset_after_role tool_cut tool_end"
    ),
}


# of Anthropic's
_ANTHROPIC_BOTH: dict[str, str] = {
    "bad_request": "invalid_400 too_large_413",
    "context_too_long": "too_long_400",
    "credential_refused": "permission_403 unauthorized_401",
    "deployment_gone": "not_found_404",
    "overloaded": "overloaded_529",
    "quota_exhausted": "credit_400",
    "rate_limited": "rate_limit_429",
    "server_error": "error_500",
}
_ANTHROPIC_WHOLE: dict[str, str] = {"total_timeout": "silent"}
_ANTHROPIC_STREAMS: dict[str, str] = {
    "first_output_timeout": "only_pings silent",
    "idle_timeout": "silent_after",
    "overloaded": "error_after",
    "total_timeout": "endless",
    "truncated": "cut_after no_end tool_cut",
}
# of Responses
_RESPONSES_BOTH: dict[str, str] = {
    "bad_request": "invalid_value_400",
    "context_too_long": "too_long_400",
    "credential_refused": "unauthorized_401",
    "deployment_gone": "not_found_404",
    "malformed_answer": "not_a_response_200",
    "overloaded": "overloaded_503",
    "quota_exhausted": "quota_429",
    "rate_limited": "rate_limit_429",
    "server_error": "error_500",
}
_RESPONSES_WHOLE: dict[str, str] = {
    "empty_answer": "no_output_200",
    "error_in_answer": "cancelled_200 failed_200",
    "malformed_answer": "not_a_response_200 wrong_types_200",
    "total_timeout": "silent",
    "truncated": "in_progress_200",
}
_RESPONSES_STREAMS: dict[str, str] = {
    "empty_answer": "only_created",
    "error_in_answer": "error_after failed_first failed_not_streamed",
    "first_output_timeout": "only_progress silent",
    "idle_timeout": "silent_after",
    "malformed_answer": "bad_json_mid not_a_response_200",
    "quota_exhausted": "quota_first",
    "rate_limited": "failed_after",
    "total_timeout": "endless",
    "truncated": "cut_after end_after no_end tool_cut",
}
# of Gemini's
_GEMINI_BOTH: dict[str, str] = {
    "bad_request": "invalid_400",
    "context_too_long": "too_long_400",
    "credential_refused": "key_400 permission_403 place_400",
    "deployment_gone": "not_found_404",
    "empty_answer": "says_nothing",
    "malformed_answer": "malformed_call",
    "overloaded": "overloaded_503",
    "quota_exhausted": "day_429",
    "rate_limited": "rate_limit_429",
    "server_error": "error_500",
}
_GEMINI_WHOLE: dict[str, str] = {"total_timeout": "silent"}
_GEMINI_STREAMS: dict[str, str] = {
    "error_in_answer": "error_bare_mid",
    "first_output_timeout": "silent",
    "idle_timeout": "silent_after",
    "overloaded": "error_after",
    "total_timeout": "endless",
    "truncated": "cut_after half_event no_end",
}
# of Bedrock's
_BEDROCK_BOTH: dict[str, str] = {
    "bad_request": "invalid_400",
    "context_too_long": "too_long_400",
    "credential_refused": "denied_403 expired_403",
    "deployment_gone": "no_model_400 not_found_404",
    "empty_answer": "empty",
    "error_in_answer": "malformed_tool",
    "overloaded": "model_timeout_408 not_ready_429 unavailable_503",
    "quota_exhausted": "quota_400",
    "rate_limited": "throttled_429",
    "server_error": "error_500 model_error_424",
}
_BEDROCK_WHOLE: dict[str, str] = {"total_timeout": "silent"}
_BEDROCK_STREAMS: dict[str, str] = {
    "first_output_timeout": "silent",
    "idle_timeout": "silent_after",
    "malformed_answer": "bad_checksum",
    "rate_limited": "error_first",
    "server_error": "error_after",
    "total_timeout": "endless",
    "truncated": "cut_after half_message no_end",
}
# where it is another outcome than a chat's, and rightly
_COMPLETIONS_STREAMS: dict[str, str] = {
    "empty_answer": "end_after_role role_done",  # there are no roles
    "ok": "empty_finish empty_texts",  # a model may end at once
    "truncated": "n_short",  # of two choices one is missing
}
_EMBEDDINGS: dict[str, str] = {
    "bad_request": "vectors_400_for",
    "malformed_answer": "detail_200 null_vector vector_short vector_twice vectors_nan",  # detail_200: its `data` is no list
    "rate_limited": "vectors_429_once",
    "server_error": "vectors_500_for vectors_500_once vectors_b_500_for",
    "total_timeout": "vectors_hang_for",
    "truncated": "vector_missing vector_missing_once vector_too_many",
}
# what cannot be said as a completion, or is a habit of chats only
_CHATS_ONLY = _names(
    """
    all_in_one_chunk annotations_only content_parts empty_content_200 empty_content_counted empty_deltas
    finish_network finish_stop_error finish_system finish_unknown images_only null_content_200 null_message_200
    reasoning_cut reasoning_details_only reasoning_model role_each strict tool_cut tool_end tools_without_index
    wrong_types_200
    """
)
# there are neither choices nor texts in embeddings, and no tokens of an output
_TEXTS_ONLY = _CHATS_ONLY | _names(
    """
    abort_200 bad_utf8 error_in_choice_200 no_choices_200 no_finish_200 null_choice_200 null_choices_200 usage_odd
    """
)
# behaviours that fail once: the same deployment answers when it is asked again
RECOVERS = frozenset(["vector_missing_once", "vectors_429_once", "vectors_500_once"])
# which are told to take longer than anything that a machine may do by itself
_LONGER = {"crawl": 5000, "late_done": 10_000}


def _by_name(*tables: dict[str, str]) -> dict[str, str]:
    return {name: outcome for table in tables for outcome, names in table.items() for name in names.split()}


_OPENAI = {
    False: _by_name(_OPENAI_BOTH, _OPENAI_WHOLE),
    True: _by_name(_OPENAI_BOTH, _OPENAI_STREAMS),
}
_ANTHROPIC = {
    False: _by_name(_ANTHROPIC_BOTH, _ANTHROPIC_WHOLE),
    True: _by_name(_ANTHROPIC_BOTH, _ANTHROPIC_STREAMS),
}
_RESPONSES = {
    False: _by_name(_RESPONSES_BOTH, _RESPONSES_WHOLE),
    True: _by_name(_RESPONSES_BOTH, _RESPONSES_STREAMS),
}
_GEMINI = {
    False: _by_name(_GEMINI_BOTH, _GEMINI_WHOLE),
    True: _by_name(_GEMINI_BOTH, _GEMINI_STREAMS),
}
_BEDROCK = {
    False: _by_name(_BEDROCK_BOTH, _BEDROCK_WHOLE),
    True: _by_name(_BEDROCK_BOTH, _BEDROCK_STREAMS),
}
# by side and whether streamed
TABLES: dict[str, dict[bool, dict[str, str]]] = {
    "chat": _OPENAI,
    "messages": _OPENAI,
    "completions": {False: _OPENAI[False], True: _OPENAI[True] | _by_name(_COMPLETIONS_STREAMS)},
    "embeddings": {False: _OPENAI[False] | _by_name(_EMBEDDINGS)},
    "chat-over-anthropic": _ANTHROPIC,
    "messages-over-anthropic": _ANTHROPIC,
    "responses": _OPENAI,
    "responses-over-anthropic": _ANTHROPIC,
    "responses-over-responses": _RESPONSES,
    "chat-over-responses": _RESPONSES,
    "messages-over-responses": _RESPONSES,
    "chat-over-gemini": _GEMINI,
    "messages-over-gemini": _GEMINI,
    "chat-over-bedrock": _BEDROCK,
    "messages-over-bedrock": _BEDROCK,
}
# in tests/surfaces/test_responses_upstream.py: searches have a price of their own, and thoughts that another one may read
# are no fault of the caller's while there is another one
_APART = {name: frozenset(["searches", "foreign_thoughts_400"]) for name, one in TABLES.items() if one is _RESPONSES}
NOT_FOR: dict[str, frozenset[str]] = {"completions": _CHATS_ONLY, "embeddings": _TEXTS_ONLY, **_APART}


def expected(side: str, name: str, *, stream: bool) -> str:
    """The outcome of an attempt at this behaviour."""
    return TABLES[side][stream].get(name, "ok")


def model_of(name: str) -> str:
    """The behaviour as a model's name."""
    return f"{name}@{_LONGER[name]}" if name in _LONGER else name


# what a 2xx had used although it failed, or had not said although it did not
_TOLD_AND_FAILED = _names(
    "cut_before_done empty empty_finish error_at_end half_done late_done n_short says_nothing silent_before_done"
)
# streams that fail with output in them, wherever reads cut it
_SHOWN_AND_FAILED = _names(
    """
    bad_checksum bad_chunk bad_json_mid bad_utf8_mid crawl cut_after cut_before_finish cut_in_chunk deep_event_mid early_done
    end_after end_before_finish endless error_after error_bare_mid error_event_mid error_event_text_mid
    error_in_choice_mid error_mid error_mid_end error_mid_goes_on failed_after finish_abort finish_error finish_stop_error
    finish_system half_event half_event_end half_event_silent half_message html_mid length_short list_event_mid malformed_tool no_end no_finish
    null_event_mid one_choice_open pings_mid reasoning_cut reset_after silent_after tool_cut tool_end wrong_types_mid
    """
)
_OK_AND_NOT_TOLD = _names(
    """
    no_blank_line_end no_metadata no_usage nonsense_usage null_usage usage_after_done usage_never vectors_odd_usage
    vectors_without_usage
    """
)


def settlement(side: str, name: str, attempt: dict[str, Any], *, stream: bool) -> str:
    """What an attempt at this behaviour is settled with: nothing (it was refused, or never sent), what was counted there,
    an estimate by what was seen, or unknown.
    """
    if attempt["status"] is None or not 200 <= attempt["status"] < 300:
        return "nothing"
    is_ok = attempt["outcome"] == "ok"
    if is_ok and (side, name) == ("completions", "empty_texts"):
        return "estimated"  # it is counted as nothing, and says nothing
    is_told = name not in _OK_AND_NOT_TOLD if is_ok else stream and name in _TOLD_AND_FAILED
    if is_told:
        return "counted"
    return "estimated" if stream and (is_ok or name in _SHOWN_AND_FAILED) else "unknown"

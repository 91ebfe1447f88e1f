"""What each behaviour answers where no stream was asked for: status, how it ends, a pattern of the body's bytes."""

from typing import NamedTuple


class Json(NamedTuple):
    """`answers`: the body parses, and the first choice says `says`."""

    body: bytes = b""
    end: str = "kept"
    status: int = 200
    says: str | None = None


_SAYS = "You said: hi there"
_GOOD = Json(says=_SAYS)
_CLOSED = Json(says=_SAYS, end="closed")


def _is(body: bytes) -> Json:
    return Json(rb"^" + body + rb"$")


EXPECTED: dict[str, Json] = {
    # answers
    "ok": _GOOD,
    "tokens": Json(says=" ".join(map(str, range(64)))),
    "logprobs": Json(rb'"logprobs":\{"content":\[\{"token":"You"', says=_SAYS),
    "tools": Json(rb'"content":null.*"arguments":"\{\\"city\\":\\"Paris, 75001\\"\}".*"finish_reason":"tool_calls"'),
    "tools_parallel": Json(rb'"id":"call_0".*"id":"call_1".*75002'),
    "tools_and_text": Json(rb'"tool_calls":\[', says="Let me look."),
    "tools_stop": Json(rb'"tool_calls":\[.*"finish_reason":"stop"'),
    "json_schema": Json(says='{"answer":"hi there"}'),
    "reasoning": Json(rb'"reasoning":"The user', says=_SAYS),
    "reasoning_content": Json(rb'"reasoning_content":"The user', says=_SAYS),
    "reasoning_only": Json(rb'"reasoning":"The user.*"finish_reason":"length"', says=""),
    "refusal": Json(rb'"content":null,"refusal":"I can\'t help with that\."'),
    "length": Json(rb'"finish_reason":"length"', says="0 1 2 3 4 5 6 7"),
    "content_filter": Json(rb'"finish_reason":"content_filter"', says="0 1 2"),
    "content_filter_empty": Json(rb'"finish_reason":"content_filter"', says=""),
    "cached_usage": Json(rb'"cached_tokens":1.*"reasoning_tokens":8', says=_SAYS),
    "dated_model": Json(rb'"model":"dated_model-2026-08-07"', says=_SAYS),
    "vllm": Json(rb'"prompt_logprobs":null', says=_SAYS),
    "llamacpp": Json(rb'"timings":\{', says=_SAYS),
    "unicode": Json(says="Grüße, 你好, שלום, 👩🏽‍🚀🌍 — naïve façade ✓"),
    # slow
    "slow": _GOOD,
    "one_at_a_time": _GOOD,
    "strict": _GOOD,
    "strict_groq": _GOOD,
    "reasoning_model": _GOOD,
    "metered": _GOOD,
    "seats": _GOOD,
    "first_after": _GOOD,
    "drip": _GOOD,
    "silent": Json(rb"^$", "open", 0),
    "silent_after_headers": Json(rb"^$", "open"),
    "silent_mid_body": Json(rb'^\{"id":', "open"),
    "blank_lines": Json(rb"^\n{2,}$", "open"),
    "blank_lines_then_ok": Json(rb"^\n{3}\{", says=_SAYS),
    "endless_headers": Json(rb"^$", "open", 0),
    # http framing
    "continue_100": _GOOD,
    "early_hints_103": _GOOD,
    "chunked_json": _GOOD,
    "chunk_extensions": _GOOD,
    "trailers": _GOOD,
    "until_close": _CLOSED,
    "http_1_0": _CLOSED,
    "odd_headers": _GOOD,
    "many_headers": _GOOD,
    "rate_headers": _GOOD,
    "connection_close": _CLOSED,
    "close_unsaid": _CLOSED,
    "reset_unsaid": Json(end="reset", says=_SAYS),
    "close_on_next": _CLOSED,
    "extra_answer": Json(end="extra", says=_SAYS),
    "extra_bytes": Json(end="extra", says=_SAYS),
    # encodings
    "gzip": Json(rb"^\x1f\x8b\x08"),
    "gzip_cut": Json(rb"^\x1f\x8b\x08"),
    "gzip_lie": _GOOD,
    "unknown_encoding": Json(rb"^\x8b\x01"),
    "gzip_bomb": Json(rb"^\x1f\x8b\x08"),
    "big_body": Json(rb'"content":"0{2097152}"'),
    "endless_body": Json(rb'"content":"0{65536}', "open"),
    "bad_utf8": Json(rb"You \xff\xfe said"),
    # before the body is complete
    "close_before": Json(rb"^$", "cut", 0),
    "reset_before": Json(rb"^$", "reset", 0),
    "half_status_line": Json(rb"^$", "cut", 0),
    "half_headers": Json(rb"^$", "cut", 0),
    "close_after_headers": Json(rb"^$", "cut"),
    "reset_after_headers": Json(rb"^$", "reset"),
    "only_continue_100": Json(rb"^$", "cut", 0),
    "garbage": Json(rb"^$", "cut", 0),
    "bare_body": Json(rb"^$", "cut", 0),
    "huge_headers": _GOOD,
    "short_body": Json(end="cut", says=_SAYS),
    "cut_body": Json(rb'^\{"id":', "cut"),
    "reset_body": Json(rb'^\{"id":', "reset"),
    "no_terminator": Json(end="cut", says=_SAYS),
    "cut_in_chunk": Json(rb'^\{"id":', "cut"),
    "bad_chunk": Json(rb'^\{"id":.{94}$', "cut"),
    "two_lengths": _CLOSED,
    "length_and_chunked": _CLOSED,
    "bad_length": _CLOSED,
    "bad_header": _CLOSED,
    "bad_status": Json(rb"^$", "closed", 0),
    "switching_101": Json(rb"^$", "closed", 101),
    # no answer
    "null_200": _is(rb"null"),
    "list_200": _is(rb"\[\]"),
    "text_200": _is(rb'"ok"'),
    "number_200": _is(rb"42"),
    "object_200": _is(rb"\{\}"),
    "not_json_200": _is(rb"OK, done!"),
    "detail_200": Json(rb'^\{"status":"success"'),
    "deep_200": _is(rb"\[{100000}\]{100000}"),
    "error_200": Json(rb'^\{"error":\{"message":"The model crashed\."'),
    "error_and_choices_200": Json(rb'"choices":\[\].*"error":\{"message":"Provider returned error"'),
    "abort_200": Json(rb'"finish_reason":"abort"', says="You said"),
    "error_in_choice_200": Json(rb'"content":"".*"finish_reason":"error".*"error":\{'),
    "html_200": Json(rb"^<html>"),
    "empty_200": _is(rb""),
    "truncated_json_200": Json(rb'^\{"id":.*[^}]$'),
    "trailing_json_200": Json(rb"^(\{.*\})\1$"),
    "sse_for_json": Json(rb"^data: \{.*\n\ndata: \[DONE\]\n\n$"),
    "no_choices_200": Json(rb'"choices":\[\]'),
    "null_choices_200": Json(rb'"choices":null'),
    "null_choice_200": Json(rb'"choices":\[null\]'),
    "null_message_200": Json(rb'"message":null'),
    "null_content_200": Json(rb'"content":null,"refusal":null.*"completion_tokens":0'),
    "empty_content_200": Json(rb'"completion_tokens":0', says=""),
    "empty_content_counted": Json(rb'"completion_tokens":3', says=""),
    "wrong_types_200": Json(rb'"content":42'),
    "no_finish_200": Json(rb'"finish_reason":null', says=_SAYS),
    "reasoning_details_only": Json(rb'"reasoning_details":\[', says=None),
    "images_only": Json(rb'"images":\[', says=None),
    "annotations_only": Json(rb'"annotations":\[\{', says=None),
    "content_parts": Json(rb'"content":\[\{"type":"thinking"', says=None),
    "finish_system": Json(rb'"finish_reason":"insufficient_system_resource"', says="0 1 2"),
    "finish_network": Json(rb'"finish_reason":"network_error"', says=""),
    "finish_stop_error": Json(rb'"finish_reason":"stop","error":\{', says="0 1 2"),
    "finish_unknown": Json(rb'"finish_reason":"satisfied"', says="0 1 2"),
    "usage_odd": Json(rb'"completion_tokens":4.0', says=_SAYS),
    "tools_without_index": Json(rb'"tool_calls":\[\{"id":"call_0"', says=None),
    "no_usage": Json(rb'^(?!.*"usage")', says=_SAYS),
    "null_usage": Json(rb'"usage":null', says=_SAYS),
    "nonsense_usage": Json(rb'"prompt_tokens":-5', says=_SAYS),
    "text_usage": Json(rb'"prompt_tokens":"12"', says=_SAYS),
    "wrong_type": _GOOD,
    "no_type": _GOOD,
    "text_202": Json(rb"job-1", status=202),
}

# Refusals are the same in both modes; those of `refusal_table` are checked against their rows.
REFUSALS: dict[str, Json] = {
    "status": Json(rb"This is status 503\.", status=503),
    "rate_limit_429": Json(rb'"code":"rate_limit_exceeded"', status=429),
    "rate_limit_date_429": Json(rb'"code":"rate_limit_exceeded"', status=429),
    "rate_limit_ms_429": Json(rb'"code":"rate_limit_exceeded"', status=429),
    "error_wait_500": Json(rb"had an error while processing", status=500),
    "overloaded_503": Json(rb"currently overloaded", status=503),
    "redirect": Json(rb"^<html>", status=302),
    "echoes_key": Json(rb"Cannot read the request beside Bearer sk-mine\.", status=400),
    "echoes_prompt": Json(rb"Cannot process: hi there", status=400),
    "huge_error": Json(rb'"message":"e{2097152}"', status=500),
    "endless_error": Json(rb"^ {1024,}$", "open", 500),
    "silent_error": Json(rb"^$", "open", 500),
    "short_error": Json(rb'^\{"error"', "cut", 503),
    "bad_utf8_error": Json(rb"\xff\xfe", status=500),
    "empty_error": Json(rb"^$", status=500),
    "gzip_error": Json(rb"^\x1f\x8b", status=503),
}

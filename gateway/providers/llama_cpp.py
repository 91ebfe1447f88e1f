"""llama.cpp: the OpenAI dialect, answers that it goes on with, a tokenizer that can be asked, and its own ways with legacy
completions.

It counts a conversation in Anthropic's dialect, by the model's own template (source: llama.cpp, tools/server/README.md,
"POST /v1/messages/count_tokens"). `POST /tokenize` counts a text, not a conversation.

Completions, as its server was seen to answer (xllamacpp 2026.10):

- log probabilities have the form that chats have (`content`), and `logprobs: 0` gives none;
- `usage` is of one choice: a stream has it beside each choice's end, a whole answer has that of the first choice only;
- a stream of several choices may begin with an event whose data is `null`.
"""

from typing import Annotated, Any

import msgspec

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.completion_body import Habits
from gateway.dialects.openai.completions import CompletionsTranslator
from gateway.dialects.openai.continuation import ContinuingTranslator
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.openai.finish import OPENAI as OPENAI_FINISHES
from gateway.dialects.openai.repair import members
from gateway.dialects.reported import MOST_TOKENS
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_COUNTED = ("system", "messages", "tools", "tool_choice")
_NULL = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode
_choices = msgspec.json.Decoder(list[dict[str, Any]]).decode
_count = msgspec.json.Decoder(int | None).decode


class _Count(msgspec.Struct):
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


_decode_counted = msgspec.json.Decoder(_Count).decode


class LlamaCppTranslator(ContinuingTranslator):
    """The verbs of the dialect, and two for counting."""

    def __init__(self) -> None:
        super().__init__(usage_in_streams=True, finishes=OPENAI_FINISHES)

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """What of the body makes the prompt. Raises AttemptFailed for what has no form in Anthropic's dialect."""
        try:
            fields, _ = ANTHROPIC.fields(OPENAI.chat(request.fields))
        except AttemptFailed as none:
            raise AttemptFailed(Outcome.FIELD_REFUSED, none.detail) from None
        counted = {name: fields[name] for name in _COUNTED if name in fields}
        headers = (("content-type", "application/json"), ("accept", "application/json"), ("x-request-id", request.id))
        return Call("POST", "/messages/count_tokens", headers, msgspec.json.encode({"model": target.model, **counted}))

    def decode_count(self, body: bytes) -> int:
        """The tokens of the prompt, the template's included."""
        try:
            return _decode_counted(body).input_tokens
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no count of tokens came") from wrong


class LlamaCppCompletions(CompletionsTranslator):
    """Completions of its server."""

    def __init__(self) -> None:
        super().__init__(usage_in_streams=True, finishes=OPENAI_FINISHES)

    def encode(self, request: Request, target: Deployment) -> Call:
        """To be told of the tokens themselves it has to be asked for one alternative."""
        if _number(request, "logprobs") == 0:
            request = msgspec.structs.replace(request, fields={**request.fields, "logprobs": msgspec.Raw(b"1")})
        return super().encode(request, target)

    def habits(self, request: Request) -> Habits | None:
        """Nothing is to be put in order where one choice is asked for, without log probabilities."""
        logprobs = _number(request, "logprobs")
        return None if logprobs is None and request.facts.choices == 1 else _Habits(request, logprobs)


class _Habits:
    """Of one answer. `alternatives`: how many log probabilities beside each token's were asked for; None: none at all."""

    prelude = b"null"

    def __init__(self, request: Request, alternatives: int | None) -> None:
        self._several = request.facts.choices > 1
        self._of_a_prompt = _number(request, "n") or 1
        self._alternatives = alternatives
        self._offsets: dict[int, int] = {}  # characters so far, by choice
        self._prompts: dict[int, int] = {}  # tokens, by prompt
        self._generated = 0

    def whole(self, body: bytes) -> bytes:
        """A whole answer. What it says of its usage is less than it was, so it says nothing."""
        answer: dict[str, Any] = members(body)
        if self._several and "usage" in answer:
            answer["usage"] = _NULL
        return self._written(answer)

    def event(self, data: bytes) -> bytes:
        """One event of a stream: what was used so far by all choices is beside each one's end."""
        event: dict[str, Any] = members(data)
        if self._several and bytes(event.get("usage", _NULL)) != bytes(_NULL):
            event["usage"] = self._usage(event)
        return self._written(event)

    def _usage(self, event: dict[str, Any]) -> dict[str, Any]:
        """Each prompt counts once, however many choices it has."""
        usage, choices = msgspec.json.decode(event["usage"]), _choices(event.get("choices", b"[]"))
        self._generated += usage["completion_tokens"]
        for choice in choices[:1]:
            self._prompts[choice["index"] // self._of_a_prompt] = usage["prompt_tokens"]
        prompts = sum(self._prompts.values())
        return {
            "prompt_tokens": prompts,
            "completion_tokens": self._generated,
            "total_tokens": prompts + self._generated,
        }

    def _written(self, answer: dict[str, Any]) -> bytes:
        if self._alternatives is not None and "choices" in answer:
            answer["choices"] = [self._choice(choice) for choice in _choices(answer["choices"])]
        return _encode(answer)

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        logprobs = choice.get("logprobs")
        if not isinstance(logprobs, dict) or "content" not in logprobs:
            return choice
        tokens: list[dict[str, Any]] = logprobs["content"] or []
        at, offsets = self._offsets.get(choice["index"], 0), []
        for token in tokens:
            offsets.append(at)
            at += len(token["token"])
        self._offsets[choice["index"]] = at
        found = {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [self._top(token) for token in tokens],
            "text_offset": offsets,
        }
        return {**choice, "logprobs": found}

    def _top(self, token: dict[str, Any]) -> dict[str, float]:
        """As vLLM has it: the token's own is always among them."""
        own = {token["token"]: token["logprob"]}
        others = token.get("top_logprobs") or []
        return own | {one["token"]: one["logprob"] for one in others[: self._alternatives]}


def _number(request: Request, name: str) -> int | None:
    number: int | None = _count(request.fields.get(name, _NULL))
    return number

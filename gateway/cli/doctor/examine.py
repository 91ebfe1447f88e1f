"""The checks of one deployment, in an order in which each may spare those after it."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from gateway.cli.doctor import questions
from gateway.cli.doctor.advice import FATAL, advice, sentence
from gateway.cli.doctor.ask import Asker, Told
from gateway.cli.doctor.finding import Finding, Result
from gateway.cli.doctor.models_list import is_named, names_in, nearest, other_root
from gateway.dialects.contract import Preparer, Translator
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Capability, Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.surface import Surface
from gateway.values.usage import billed_usd

_SKEW_S = 60.0  # between two clocks, from which on tokens that are dated are refused
_NOT_THERE = frozenset({
    Outcome.DEPLOYMENT_GONE, Outcome.MALFORMED_ANSWER, Outcome.EMPTY_ANSWER, Outcome.REDIRECTED,
})  # fmt: skip
_ENDING = _NOT_THERE | {Outcome.TOTAL_TIMEOUT}  # nothing better can be expected of what is asked next
_REFUSALS = frozenset({Outcome.BAD_REQUEST, Outcome.FIELD_REFUSED, Outcome.EMPTY_ANSWER, Outcome.SERVER_ERROR})
Heard = Callable[[Finding], None]
Translators = Mapping[Surface, Translator]


class Examination:
    """Of one deployment. `models`: the path that lists its models, None where there is none; `has_key`: whether a credential is
    configured; `heard` is told each finding.
    """

    def __init__(  # noqa: PLR0913 - what a deployment is examined with
        self,
        deployment: Deployment,
        translators: Translators,
        models: str | None,
        asker: Asker,
        heard: Heard,
        *,
        has_key: bool,
    ) -> None:
        self._deployment = deployment
        self._translators = translators
        self._models = models
        self._asker = asker
        self._heard = heard
        self._has_key = has_key
        self._listed: list[str] | None = None
        self._list_status: int | None = None
        self._told_clock = False

    async def run(self) -> None:
        """All checks that make sense."""
        surfaces, failed = self._deployment.surfaces, await self._list()
        checks = []
        if Surface.CHAT in surfaces and Surface.CHAT in self._translators:
            checks += [self._answer, self._stream, self._tools, self._schema]
        if Surface.COMPLETIONS in surfaces and Surface.COMPLETIONS in self._translators:
            checks.append(self._completion)
        if Surface.EMBEDDINGS in surfaces and Surface.EMBEDDINGS in self._translators:
            checks.append(self._embedding)
        if not checks:
            self._find("answer", Result.SKIPPED, "it serves nothing that can be asked cheaply")
        left, is_over = len(checks), failed is not None and failed.outcome in FATAL
        while left and not is_over:
            is_first, check = left == len(checks), checks[-left]
            failed, left = await check(), left - 1
            is_over = failed is not None and (failed.outcome in FATAL or (is_first and failed.outcome in _ENDING))
        if left:
            self._find("the rest", Result.SKIPPED, "nothing else was asked after that")

    def _find(
        self, check: str, result: Result, said: str, hint: str | None = None, told: Told | None = None
    ) -> AttemptFailed | None:
        cost = None
        if told is not None:
            self._look_at_the_clock(told)
            cost = None if told.said is None else billed_usd(self._deployment.price, told.said.usage)
        took_s = None if told is None else told.took_s
        self._heard(
            Finding(
                deployment=self._deployment.name, check=check, result=result, said=said, advice=hint, took_s=took_s, cost_usd=cost
            )
        )  # fmt: skip
        return None if told is None else told.failed

    def _fail(self, check: str, told: Told, failed: AttemptFailed, hint: str | None = None) -> AttemptFailed:
        hint = hint or advice(failed, self._deployment, has_key=self._has_key)
        self._find(check, Result.FAILED, sentence(failed), hint, told)
        return failed

    def _look_at_the_clock(self, told: Told) -> None:
        if told.date is None or self._told_clock:
            return
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            ahead_s = time.time() - parsedate_to_datetime(told.date).timestamp()
            if abs(ahead_s) > _SKEW_S:
                self._told_clock = True
                way = "ahead of" if ahead_s > 0 else "behind"
                said = f"this machine's clock is {abs(ahead_s):.0f} s {way} the provider's"
                self._find("clock", Result.WARNING, said, "set it by NTP: signed and dated credentials are refused")

    async def _ask(self, request: Request, surface: Surface = Surface.CHAT) -> Told:
        return await self._asker.question(self._deployment, self._translators[surface], request)

    async def _list(self) -> AttemptFailed | None:
        """What models there are. That there is no list is no fault by itself."""
        if self._models is None:
            return None
        told = await self._asker.fetched(self._deployment, self._get(self._models))
        self._list_status = told.status
        if told.failed is not None:
            return self._fail("list", told, told.failed)
        self._listed = names_in(told.body) if told.status is not None and 200 <= told.status < 300 else None
        if self._listed is None:
            self._find("list", Result.NOTE, f"no list of models is there (HTTP {told.status})", told=told)
        elif is_named(self._deployment.model, self._listed):
            self._find("list", Result.OK, f"{len(self._listed)} models, {self._deployment.model} among them", told=told)
        else:
            said = f"{self._deployment.model} is not among its {len(self._listed)} models"
            self._find("list", Result.NOTE, said + nearest(self._deployment.model, self._listed), told=told)
        return None

    def _get(self, path: str, *, beside_api: bool = False) -> Call:
        """With what the dialect's calls say beside their body."""
        headers: tuple[tuple[str, str], ...] = (("accept", "application/json"),)
        translator = self._translators.get(Surface.CHAT)
        if translator is not None:
            with contextlib.suppress(AttemptFailed):
                request = questions.answer()
                own = translator.prepare(request).request if isinstance(translator, Preparer) else request
                call = translator.encode(own, self._deployment)
                headers = tuple(one for one in call.headers if one[0] not in {"content-type", "x-request-id"})
        return Call("GET", path, headers, b"", beside_api=beside_api)

    async def _answer(self) -> AttemptFailed | None:
        told = await self._ask(questions.answer())
        if told.failed is None:
            return self._find("answer", Result.OK, _of(told), told=told)
        return self._fail("answer", told, told.failed, await self._where(told.failed))

    async def _where(self, failed: AttemptFailed) -> str | None:
        """Whether it is the address or the model's name that is wrong."""
        if failed.outcome not in _NOT_THERE or failed.outcome is Outcome.REDIRECTED:
            return None
        model = self._deployment.model
        if self._listed is not None and not is_named(model, self._listed):
            return f"model: {model} is not among those that it lists{nearest(model, self._listed)}"
        if self._models is None or self._listed is not None:
            return None
        beside, hint = other_root(self._deployment)
        call = self._get(self._models if beside else f"/v1{self._models}", beside_api=beside)
        told = await self._asker.fetched(self._deployment, call)
        is_there = told.failed is None and (told.status in {401, 403} or names_in(told.body) is not None)
        return hint if is_there and told.status != self._list_status else None

    async def _stream(self) -> AttemptFailed | None:
        told = await self._ask(questions.stream())
        if told.failed is not None:
            return self._fail("stream", told, told.failed)
        if told.said is None or told.said.usage is None:
            said = "it streams, and does not say what was used: costs of streams are estimated"
            return self._find("stream", Result.NOTE, said, told=told)
        return self._find("stream", Result.OK, _of(told), told=told)

    async def _tools(self) -> AttemptFailed | None:
        declared = Capability.TOOLS in self._deployment.capabilities
        forced = declared and Capability.FORCED_TOOLS in self._deployment.capabilities
        told = await self._ask(questions.tool_call(forced=forced))
        called = told.failed is None and _calls(told.body)
        word = "forced_tools" if forced else "tools"
        if told.failed is None and declared and not called:
            said = "it answered without the call that it was asked for"
            hint = f"{word} in its capabilities promises more" if forced else "a weak model, or tools are passed over"
            return self._find("tools", Result.WARNING, said, hint, told)
        return self._capability("tools", word, told, declared=declared, works=called)

    async def _schema(self) -> AttemptFailed | None:
        declared = Capability.JSON_SCHEMA in self._deployment.capabilities
        told = await self._ask(questions.schema())
        works = told.failed is None and not told.lost and _is_by_schema(told.body)
        if told.failed is None and declared and not works:
            said = f"what it answered does not keep to the schema{' (its dialect loses it)' if told.lost else ''}"
            return self._find("schema", Result.WARNING, said, "json_schema in its capabilities promises more", told)
        return self._capability("schema", "json_schema", told, declared=declared, works=works)

    def _capability(self, check: str, word: str, told: Told, *, declared: bool, works: bool) -> AttemptFailed | None:
        """One that is declared and refused, or there and not declared."""
        if declared and told.failed is not None:
            hint = f"{word} is declared, and refused: take it out of capabilities, or have the server started with it"
            return self._fail(check, told, told.failed, hint if told.failed.outcome in _REFUSALS else None)
        if works and not declared:
            said, hint = (
                f"{word} is there, and not declared",
                f"add {word} to capabilities, that requests with it may come",
            )
            return self._find(check, Result.NOTE, said, hint, told)
        if not declared:
            self._find(check, Result.OK, f"{word} is not declared, and not there", told=told)
            return None if told.failed is None or told.failed.outcome not in FATAL else told.failed
        return self._find(check, Result.OK, _of(told), told=told)

    async def _completion(self) -> AttemptFailed | None:
        return self._beside("completion", await self._ask(questions.completion(), Surface.COMPLETIONS), "completions")

    async def _embedding(self) -> AttemptFailed | None:
        return self._beside("embedding", await self._ask(questions.embedding(), Surface.EMBEDDINGS), "embeddings")

    def _beside(self, check: str, told: Told, word: str) -> AttemptFailed | None:
        if told.failed is None:
            return self._find(check, Result.OK, _of(told), told=told)
        is_refused = told.failed.outcome in _REFUSALS | {Outcome.DEPLOYMENT_GONE}
        hint = f"does this model serve {word}? say which it serves by 'surfaces'" if is_refused else None
        return self._fail(check, told, told.failed, hint)


def _of(told: Told) -> str:
    """What an answer says of itself."""
    usage = None if told.said is None else told.said.usage
    model = told.said.model if told.said is not None and told.said.model else "it"
    counted = "usage not said" if usage is None else f"{usage.prompt_tokens} + {usage.completion_tokens} tokens"
    odd = told.said.anomalies if isinstance(told.said, WholeAnswer) else ()
    return f"{model} answered, {counted}" + (f", {', '.join(one.value for one in odd)}" if odd else "")


def _message(body: bytes) -> dict[str, Any]:
    """Of an answer in the form of chat completions."""
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError):
        found = msgspec.json.decode(body)["choices"][0]["message"]
    return found if isinstance(found, dict) else {}


def _calls(body: bytes) -> bool:
    calls: Any = _message(body).get("tool_calls")
    with contextlib.suppress(LookupError, TypeError):
        return bool(calls[0]["function"]["name"] == questions.TOOL)
    return False


def _is_by_schema(body: bytes) -> bool:
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        found = json.loads(_message(body).get("content") or "")
        return isinstance(found, dict) and isinstance(found.get("status"), str) and len(found) == 1
    return False

"""The process's log: its level, its form, and a line for each request where that is wanted. No prompt, no key."""

import datetime as dt
import logging
from typing import Any

import msgspec

from gateway.values.outcome import Outcome
from gateway.values.records import RequestAbandoned, RequestFinished, RequestRejected, answering

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_access = logging.getLogger("gateway.access")


def set_up_logs(level: str, *, as_json: bool) -> None:
    """Of the root logger's handlers; `level` is debug, info, warning or error."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in root.handlers:
        handler.setFormatter(JsonLines() if as_json else logging.Formatter(TEXT))


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message; the fields of a request; a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


class AccessLog:
    """Listener: a line for each request, with its fields for JSON."""

    def request_finished(self, record: RequestFinished) -> None:
        """Listener."""
        answer = answering(record.attempts)
        costs = [one.cost_usd for one in record.attempts if one.may_have_cost]
        usage = answer[-1].usage if answer else None
        self._say({
            "request": record.id,
            "surface": record.surface,
            "model": record.decision.facts.model,
            "rule": record.decision.rule,
            "outcome": record.outcome.value,
            "deployment": record.answered_by,
            "attempts": len(record.attempts),
            "ms": round(record.duration_s * 1e3, 1),
            "first_output_ms": None if record.first_output_s is None else round(record.first_output_s * 1e3, 1),
            "prompt_tokens": None if usage is None else usage.prompt_tokens,
            "output_tokens": None if usage is None else usage.completion_tokens,
            "cost_usd": None if None in costs else round(sum(one for one in costs if one is not None), 9),
        })  # fmt: skip

    def request_rejected(self, record: RequestRejected) -> None:
        """Listener."""
        self._say({"surface": record.surface, "outcome": "rejected", "status": record.status, "code": record.code})

    def request_abandoned(self, record: RequestAbandoned) -> None:
        """Listener."""
        self._say({"surface": record.surface, "outcome": Outcome.CALLER_LEFT.value})

    @staticmethod
    def _say(fields: dict[str, Any]) -> None:
        text = " ".join(f"{name}={'-' if value is None else value}" for name, value in fields.items())
        _access.info("%s", text, extra={"fields": fields})

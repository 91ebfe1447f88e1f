"""How much a model is to think, in the words that it knows: a level from Gemini 3 on, a budget before.

Source: Google, "Gemini thinking" (November 2026): levels from minimal to high; both at once are refused. The budgets of levels
are those of Google's own OpenAI-compatible API. Gemini 2.5 Pro thinks at least 128 tokens; Pro models since, and Gemini 4, know
no `minimal`.
"""

import re
from typing import Any

from gateway.dialects.contract import Adapted, Deviation
from gateway.values.chat import Thinking

_LEVELS = {
    "minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high",
}  # fmt: skip
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576}
_BY_BUDGET = re.compile(r"(?:^|/)gemini-[12](?:\.|-|$)")
_KNOWS_MINIMAL = re.compile(r"flash")
_LEAST_OF_PRO = 128
OFF: dict[str, Any] = {"thinkingBudget": 0}


def asked(thinking: Thinking) -> tuple[dict[str, Any], list[Deviation]]:
    """A `thinkingConfig` for any model, and how it deviates; `fitted` to one where it is sent. What the model thinks is told
    where it is asked to.
    """
    if not thinking.is_on:
        return OFF, [Adapted("thinking", "as little as the model can: from Gemini 3 on it thinks all the same")]
    config: dict[str, Any] = {"includeThoughts": True}
    effort = thinking.effort
    level = None if effort is None else _LEVELS.get(effort)
    if thinking.budget_tokens is not None:
        config["thinkingBudget"] = thinking.budget_tokens
        return config, [] if effort is None else ["thinking.effort"]
    if level is None:
        return config, [] if effort is None else ["thinking.effort"]
    config["thinkingLevel"] = level
    return config, [] if level == effort else [Adapted("thinking.effort", "high, the most that there is")]


def fitted(config: dict[str, Any], model: str) -> dict[str, Any]:
    """The same for a model of this name."""
    level, budget = config.get("thinkingLevel"), config.get("thinkingBudget")
    rest = {name: value for name, value in config.items() if name not in ("thinkingLevel", "thinkingBudget")}
    if _BY_BUDGET.search(model):
        if isinstance(level, str) and level.lower() in _BUDGETS:
            return {**rest, "thinkingBudget": _BUDGETS[level.lower()]}
        return {**rest, "thinkingBudget": _LEAST_OF_PRO} if budget == 0 and "pro" in model else config
    least = "minimal" if _KNOWS_MINIMAL.search(model) else "low"
    if budget == 0:
        return {**rest, "thinkingLevel": least}
    return {**rest, "thinkingLevel": least} if isinstance(level, str) and level.lower() == "minimal" else config

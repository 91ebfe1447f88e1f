"""Amazon Bedrock: Converse is the same for all models, but for what is of one family of them alone.

Source: the user guides of Amazon Bedrock ("Inference request parameters") and Amazon Nova ("Core inference"): `top_k` is
`inferenceConfig.topK` to Nova. Only Claude is told whether, and for how many tokens, it is to think; an effort has a member of
Converse's own. A model that does not take a bound of its thoughts refuses it, and another candidate is asked.
"""

from typing import Any

import msgspec

from gateway.dialects.bedrock import ConverseTranslator
from gateway.dialects.bedrock.write_chat import ADDITIONAL
from gateway.values.deployment import Deployment

_CLAUDE, _NOVA = "anthropic.", "amazon.nova"
_FAMILIES = (
    "ai21.", "amazon.", "cohere.", "deepseek.", "google.", "meta.", "minimax.", "mistral.", "moonshot", "nvidia.", "openai.",
    "qwen.", "writer.", "zai.",
)  # fmt: skip
_BOUNDED = "enabled"
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class BedrockTranslator(ConverseTranslator):
    """The verbs of the dialect. An ARN of a profile does not say what model is behind it: then it is taken for Claude."""

    def adapted(self, fields: dict[str, msgspec.Raw], target: Deployment) -> dict[str, msgspec.Raw]:
        """What is of a family in its own form, or left out where it says no more than what the family does anyway."""
        model = target.model
        if ADDITIONAL not in fields or _CLAUDE in model or not any(one in model for one in _FAMILIES):
            return fields
        more = _decode(fields[ADDITIONAL])
        if more.get("thinking", {}).get("type") != _BOUNDED:
            more.pop("thinking", None)
        if _NOVA in model and "top_k" in more:
            more["inferenceConfig"] = {"topK": more.pop("top_k")}
        others = {name: value for name, value in fields.items() if name != ADDITIONAL}
        return {**others, ADDITIONAL: msgspec.Raw(_encode(more))} if more else others

"""The vendors, one row each. A vendor that speaks a dialect we have is a row; behaviour of its own earns a file.

To add one: a row here, one in `FIELDS`, and its captured answers under tests/golden/<name>/.
"""

from gateway.dialects.contract import Continuer, TokenCounter, Translator
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.continuation import ContinuingTranslator
from gateway.dialects.openai.finish import OPENAI
from gateway.providers.request_fields import LLAMA_CPP_FIELDS, OPENAI_FIELDS, VLLM_FIELDS
from gateway.providers.vllm import VllmTranslator
from gateway.values.skill import Skill, Skills
from gateway.values.taken_fields import UNKNOWN_FIELDS, Vendors

VENDORS: dict[str, Translator] = {
    "openai": OpenAITranslator(usage_in_streams=True, finishes=OPENAI),
    "vllm": VllmTranslator(),
    "llama_cpp": ContinuingTranslator(usage_in_streams=True, finishes=OPENAI),
    # any other server with OpenAI's chat completions; `stream_options` is not sent to it unless the caller does
    "openai_compatible": OpenAITranslator(usage_in_streams=False),
}


def _skills(translator: Translator) -> frozenset[Skill]:
    verbs = {Skill.CONTINUE: Continuer, Skill.COUNT: TokenCounter}
    return frozenset(skill for skill, verb in verbs.items() if isinstance(translator, verb))


SKILLS: Skills = {name: _skills(translator) for name, translator in VENDORS.items()}

# which members of a body they take (gateway/providers/request_fields.py)
FIELDS: Vendors = {
    "openai": OPENAI_FIELDS,
    "vllm": VLLM_FIELDS,
    "llama_cpp": LLAMA_CPP_FIELDS,
    "openai_compatible": UNKNOWN_FIELDS,
}

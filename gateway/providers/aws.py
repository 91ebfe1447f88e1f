"""Amazon Bedrock: a row for Converse, which all its models speak, and one for Claude in Anthropic's own dialect."""

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.bedrock.dialect import BEDROCK
from gateway.dialects.bedrock.invoke import InvokeAnthropicTranslator
from gateway.providers.bedrock import BedrockTranslator
from gateway.providers.vendor import Vendor, Verified
from gateway.values.auth import Auth
from gateway.values.surface import Serves

_SOURCE = "botocore's model of Amazon Bedrock Runtime 2023-09-30, which takes what the tests send"

AWS: dict[str, Vendor] = {
    "bedrock": Vendor(
        title="Amazon Bedrock",
        source=_SOURCE,
        verified=Verified.DOCUMENTATION,
        chat=BEDROCK,
        translators={Serves.CHAT: BedrockTranslator()},
        auth=Auth.AWS,
        limit_name="maxTokens",
        counts="cached and written beside input, reasoning in output",
        reasoning="reasoningContent blocks",
    ),
    # Anthropic's own tools do not run there
    "bedrock_anthropic": Vendor(
        title="Anthropic on Amazon Bedrock",
        source="Anthropic's Python SDK 2.14, lib/bedrock",
        verified=Verified.DOCUMENTATION,
        chat=ANTHROPIC,
        translators={Serves.CHAT: InvokeAnthropicTranslator()},
        auth=Auth.AWS,
        limit_name="max_tokens",
        counts="cached and written beside input, thinking in output",
        reasoning="thinking blocks",
    ),
}

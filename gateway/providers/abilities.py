"""What most models of a vendor can do, as its row says it where a deployment does not."""

from gateway.values.deployment import Capability as Can

TOOLS = frozenset({Can.TOOLS, Can.FORCED_TOOLS})
JSON = frozenset({Can.JSON_OBJECT, Can.JSON_SCHEMA})
ALL = TOOLS | JSON | {Can.VISION, Can.LOGPROBS, Can.MULTIPLE_CHOICES}
# engines: structured output and sampling are the server's own, tools depend on how it was started
SERVERS = JSON | {Can.LOGPROBS, Can.MULTIPLE_CHOICES}
CALLS = frozenset({Can.TOOLS, Can.JSON_OBJECT})  # `tool_choice` is auto or none there

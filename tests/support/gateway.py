"""A real gateway process, as an operator starts it: `gateway serve --config FILE`."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any, Self

import httpx2 as httpx

from tests.support.forked import REPOSITORY, Forked

START_S = 60


class GatewayProcess:
    """Serves `config` (the file's content as data; None: the embedded default) on a free port until the block ends."""

    def __init__(
        self, directory: Path, config: dict[str, Any] | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.log = directory / "gateway.log"
        self.state = directory / "state"
        self._config = config
        self._env = {**os.environ, "PORT": "0", **(env or {}), "GATEWAY_STATE_DIR": str(self.state)}
        self._process: Forked | None = None
        self._said: IO[str] | None = None  # its output
        self.port = 0
        self.greeting = ""  # the first line that it printed

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        arguments = ["serve"]
        if self._config is not None:
            file = self.directory / "gateway.yaml"
            file.write_text(json.dumps(self._config))
            arguments += ["--config", str(file)]
        ours, theirs = os.pipe()
        with self.log.open("a") as log, Path(os.devnull).open() as nothing:
            self._process = Forked(*arguments, env=self._env, stdin=nothing, stdout=theirs, stderr=log, cwd=REPOSITORY)
        os.close(theirs)
        self._said = os.fdopen(ours)
        timer = threading.Timer(START_S, self._process.kill)
        timer.start()
        self.greeting = self._said.readline()
        timer.cancel()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.greeting)
        assert found, f"the gateway did not start: {self.greeting}{self.log.read_text()[-3000:]}"
        self.port = int(found[1])
        return self

    def send_signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended by itself."""
        assert self._process is not None
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            if self._said is not None:
                self._said.close()

    def client(self, headers: dict[str, str] | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    def decision(self, decision_id: str, key: str | None = None) -> dict[str, Any]:
        """The finished record of a decision, and its sentences; waits for its end. `key` is an operator's."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        until = time.monotonic() + 10
        while time.monotonic() < until:
            answer = httpx.get(f"{self.url}/admin/decisions/{decision_id}", headers=headers, trust_env=False)
            if answer.status_code == 200 and not answer.json()["record"].get("in_progress"):
                return answer.json()
            time.sleep(0.02)
        raise AssertionError(f"decision {decision_id} did not end")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def deployment(base_url: str, model: str, **more: Any) -> dict[str, Any]:
    """A deployment of a fake upstream, impatient so that tests are quick."""
    timeouts = {"connect_s": 1, "first_output_s": 2.5, "idle_s": 0.7, "total_s": 5}
    base = {"provider": "openai", "hosting": "commercial", "base_url": base_url, "model": model}
    return {**base, "clearance": "restricted", "timeouts": timeouts, **more}

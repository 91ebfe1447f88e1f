"""An operator at the admin API of a gateway."""

from typing import Any

import httpx2 as httpx

from tests.support.gateway import GatewayProcess
from tests.support.in_process import InProcessGateway


class Operator:
    """Each verb is one request; `key` is the operator's."""

    def __init__(self, gateway: GatewayProcess | InProcessGateway, key: str | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.client = gateway.client(headers)

    def put(self, text: str | bytes, *, share: float | None = None, expected: str | None = None) -> httpx.Response:
        headers = {} if expected is None else {"if-match": f'"{expected}"'}
        params = {} if share is None else {"share": str(share)}
        return self.client.put("/admin/policy", content=text, headers=headers, params=params)

    def published(self, text: str, share: float | None = None) -> str:
        """The name of the revision that the document became."""
        answer = self.put(text, share=share)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["record"]["revision"]["name"])

    def policy(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/admin/policy").json()["record"]
        return found

    def revisions(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/admin/policy/revisions", params=params).json()["record"]
        return found

    def states(self) -> list[tuple[int, str]]:
        """Newest first."""
        return [(one["number"], one["state"]) for one in self.revisions()]

    def post(self, verb: str, **params: Any) -> httpx.Response:
        return self.client.post(f"/admin/policy/{verb}", params=params)

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/readyz").json()
        return found

    def metric(self, line: str) -> float:
        """The value of a series, by its name with labels as they are exposed; 0 where there is none."""
        for one in self.client.get("/metrics").text.splitlines():
            name, _, value = one.rpartition(" ")
            if name == line:
                return float(value)
        return 0.0

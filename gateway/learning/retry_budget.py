"""How often deployments may be asked again: a share of the live traffic, of each and of all together, so that an outage
is not multiplied. Where there is little traffic, a few are always paid for.

Going on to another deployment, or to another address, is not paid: what is known to fail is passed over anyway, and what
is not has yet to be asked by this request.
"""

SHARE = 0.1  # of a request's first attempts at a deployment, each puts so much in
FEW, FEW_IN_ALL = 10.0, 100.0  # that can be made at any time, if none were lately
FEW_PER_S = 0.5  # how fast those come back, for each deployment; and in all so many times as fast as they are more
MOST = 10.0  # times as many that can be saved up


class RetryBudget:
    """One per process. `now` is seconds since the epoch."""

    def __init__(self) -> None:
        self._all = _Bucket(FEW_IN_ALL)
        self._by_name: dict[str, _Bucket] = {}

    def earn(self, deployment: str) -> None:
        """A request asks this deployment for the first time."""
        self._of(deployment).put_in()
        self._all.put_in()

    def has(self, deployment: str, now: float) -> bool:
        """Whether it may be asked again now."""
        return self._of(deployment).has(now) and self._all.has(now)

    def spend(self, deployment: str, now: float) -> bool:
        """The same; if so, it counts."""
        if not self.has(deployment, now):
            return False
        self._of(deployment).take_out()
        self._all.take_out()
        return True

    def _of(self, deployment: str) -> "_Bucket":
        bucket = self._by_name.get(deployment)
        if bucket is None:
            bucket = self._by_name[deployment] = _Bucket(FEW)
        return bucket


class _Bucket:
    """`few` is what it begins with, and fills up to by itself."""

    def __init__(self, few: float) -> None:
        self._few = self._saved = few
        self._filled_at: float | None = None

    def put_in(self) -> None:
        self._saved = min(self._saved + SHARE, MOST * self._few)

    def take_out(self) -> None:
        self._saved -= 1.0

    def has(self, now: float) -> bool:
        since = 0.0 if self._filled_at is None else max(now - self._filled_at, 0.0)
        self._filled_at = now
        if self._saved < self._few:
            self._saved = min(self._saved + since * FEW_PER_S * self._few / FEW, self._few)
        return self._saved >= 1.0

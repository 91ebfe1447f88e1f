"""A provider that fails for seconds under load is left alone, and taken back. `python -m benchmarks.outage` is a minute."""

from pathlib import Path

import pytest

from benchmarks.outage import measure


@pytest.mark.long
@pytest.mark.parametrize("with_fallback", [False, True], ids=["alone", "with a fallback"])
def test_an_outage_is_not_multiplied_and_ends_by_itself(tmp_path: Path, with_fallback: bool) -> None:
    found = measure(tmp_path, 5, with_fallback=with_fallback)
    assert found.broken() == []
    if with_fallback:
        assert found.during.keys() == {"spare"}  # nobody saw anything of it
    else:
        assert found.during.keys() == {"no_healthy_deployment", "server_error"}
        assert found.during["no_healthy_deployment"] > 0.9 * found.requests

"""A staged plan decides about its share of the requests, and about all of a session or none."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.staging import Staging

ids = st.integers(0, 2**112 - 1).map(lambda number: f"{number:028x}")


def staged(share: float, salt: int) -> Staging:
    return Staging(None, share, salt)  # type: ignore[arg-type]


@given(st.floats(0.001, 0.999), st.integers(0, 2**32 - 1), st.text(min_size=1), st.lists(ids, min_size=2))
def test_a_session_is_on_one_side(share: float, salt: int, session: str, requests: list[str]) -> None:
    assert len({staged(share, salt).takes(session, one) for one in requests}) == 1


@given(st.floats(0.001, 0.998), st.integers(0, 2**32 - 1), st.text(), ids)
def test_a_larger_share_takes_what_a_smaller_one_took(share: float, salt: int, session: str, one: str) -> None:
    assert staged(share, salt).takes(session, one) <= staged(share + 0.001, salt).takes(session, one)


def test_the_share_is_kept_over_requests_and_over_sessions_anew_for_each_revision() -> None:
    for share in (0.01, 0.1, 0.5):
        took = []
        for salt in (1, 2):
            split = staged(share, salt)
            took.append([split.takes(f"session {number}", "x") for number in range(20_000)])
            alone = sum(split.takes(None, f"{number:028x}") for number in range(20_000))
            for count in (sum(took[-1]), alone):
                assert abs(count - 20_000 * share) < 5 * (20_000 * share * (1 - share)) ** 0.5
        both = sum(one and other for one, other in zip(*took, strict=True))
        assert abs(both - 20_000 * share**2) < 5 * (20_000 * share**2) ** 0.5 + 1

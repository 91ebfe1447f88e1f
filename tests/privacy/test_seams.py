"""What is split over texts, in however many pieces; and that the work grows as the pieces do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.privacy.budget import Meter, ScanBudget
from gateway.privacy.seams import batches
from gateway.values.finding import SensitiveKind
from tests.privacy.measure import kinds
from tests.privacy.test_bounds import steps
from tests.privacy.test_detect import DETECTOR, raw
from tests.privacy.test_properties import PLANTED


def in_parts(texts: list[str]) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]}


@pytest.mark.parametrize("before", ["", "my card is", "my card is "])
@pytest.mark.parametrize("after", ["", "is it valid?", " ok"])
def test_a_digit_at_a_time(before: str, after: str) -> None:
    texts = [before, *"4111111111111111", after]
    assert kinds(DETECTOR.detect(raw(in_parts(texts)))) == {SensitiveKind.CARD: 1}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLANTED), st.data(), st.integers(0, 40), st.integers(0, 40), st.booleans(), st.booleans())
def test_split_over_any_two_texts_among_many(
    planted: tuple[SensitiveKind, str], data: st.DataObject, before: int, after: int, in_messages: bool, touching: bool
) -> None:
    cut = data.draw(st.integers(1, len(planted[1]) - 1))
    around = "ok" if touching else "ok "
    texts = [around] * before + [planted[1][:cut], planted[1][cut:]] + [" fine " * 30] * after
    body = {"messages": [{"role": "user", "content": text} for text in texts]} if in_messages else in_parts(texts)
    assert planted[0] in kinds(DETECTOR.detect(raw(body)))


@pytest.mark.parametrize(
    "piece", ["1", "a", "41", "a@", "4111 ", "汉", "key=", "sk-", "eyJ", "x1", " ", "1 2 3 4 5 6 7 8 9 "]
)
def test_twice_the_pieces_take_twice_the_work(piece: str) -> None:
    few, many = (steps(in_parts([piece] * count)) for count in (1500, 3000))
    assert many <= 2.2 * few + 100


@pytest.mark.parametrize("piece", ["1", "41", "4111 ", "ab12", "x" * 40, "x" * 200, "x" * 400])
def test_what_is_read_again_is_a_bounded_multiple(piece: str) -> None:
    meter = Meter(ScanBudget())
    read = sum(len(one.text) for batch in batches([piece] * 2000) for one in batch.readings(meter))
    assert read <= 2000 * (40 * min(len(piece), 48) + 512)


def test_no_piece_is_lost_between_batches() -> None:
    for count in (15, 16, 17, 31, 32, 33):
        texts = ["lorem ipsum " * 21] * count + ["mail jane.doe@exam", "ple.com now"]
        assert kinds(DETECTOR.detect(raw(in_parts(texts)))) == {SensitiveKind.EMAIL: 1}

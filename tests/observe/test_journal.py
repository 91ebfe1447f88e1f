"""The journal: bounded, off the hot path, and what is lost is counted."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from gateway.observe.bus import Bus
from gateway.observe.journal import Journal, find, newest
from gateway.values.decision import Bounds, Decision
from gateway.values.outcome import Outcome
from gateway.values.records import DecisionMade, RequestFinished
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity


def record(number: int) -> RequestFinished:
    facts = Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=None,
        stream=False,
    )  # fmt: skip
    decision = Decision(f"{number:08d}", float(number), "1-x", "r", facts, 0, (), (), Bounds(1.0, 1))
    return RequestFinished(
        id="x", surface="s", decision=decision, outcome=Outcome.OK, fault=None, attempts=(), answered_by=None,
        duration_s=0.0, overhead_s=0.0, first_output_s=None, output_started=False,
    )  # fmt: skip


class Lost:
    count = 0

    def add(self, count: int) -> None:
        self.count += count


def test_records_are_found_before_and_after_they_are_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "j.db", keep=100, queue=100, dropped=Lost().add)
    journal.decision_made(DecisionMade(record(1).decision))
    assert journal.in_progress("00000001")
    journal.request_finished(record(1))
    assert not journal.in_progress("00000001")
    assert journal.find("00000001")
    journal.close()
    assert find(tmp_path / "deep" / "j.db", "00000001")
    assert (tmp_path / "deep" / "j.db").stat().st_mode & 0o077 == 0


def test_newest_first_and_pages_without_gap_or_double(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db", keep=1000, queue=1000, dropped=Lost().add)
    for number in range(50):
        journal.request_finished(record(number))
        if number == 25:
            time.sleep(0.3)  # some are in the file, some still wait
    seen: list[str] = []
    before: str | None = None
    while page := journal.newest(7, before):
        seen += [one.id for one in page]
        before = page[-1].id
    journal.close()
    assert seen == [f"{number:08d}" for number in reversed(range(50))]


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    lost = Lost()
    journal = Journal(tmp_path / "j.db", keep=10_000, queue=10, dropped=lost.add)
    for number in range(5000):
        journal.request_finished(record(number))
    journal.close()
    assert lost.count > 0
    assert len(newest(tmp_path / "j.db", 10_000)) + lost.count == 5000


def test_the_oldest_go_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db", keep=20, queue=10_000, dropped=Lost().add)
    for number in range(200):
        journal.request_finished(record(number))
    journal.close()
    left = newest(tmp_path / "j.db", 1000)
    assert len(left) == 20
    assert left[0].id == "00000199"


def test_a_kill_loses_at_most_what_was_not_yet_written(tmp_path: Path) -> None:
    program = f"""
import time
from pathlib import Path
from gateway.observe.journal import Journal
from tests.observe.test_journal import record
journal = Journal(Path({str(tmp_path / "j.db")!r}), keep=1000, queue=1000, dropped=print)
for number in range(100):
    journal.request_finished(record(number))
time.sleep(0.6)
print("written", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert len(newest(tmp_path / "j.db", 1000)) == 100


def test_a_listener_that_fails_harms_nobody() -> None:
    bus = Bus()
    heard: list[RequestFinished] = []

    def fails(_: RequestFinished) -> None:
        raise ValueError("a bug")

    bus.subscribe(RequestFinished, fails)
    bus.subscribe(RequestFinished, heard.append)
    bus.publish(record(1))
    assert len(heard) == 1

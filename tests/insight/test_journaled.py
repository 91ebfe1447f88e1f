"""Traffic and behaviour from a journal: what is read, what is assumed, what is refused; and the command over a real file."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from msgspec.structs import replace

from gateway.app import load_plan
from gateway.cli import main
from gateway.insight.chooser import Planned
from gateway.insight.journaled import NO_LENGTH, UNREADABLE, read_journal
from gateway.insight.traffic import Arrival
from gateway.insight.world import Batching, Behaviour, Failures, FirstOutput, Service, Spread, World, read_world
from gateway.journal.journal import Journal, JournalRecord, every
from gateway.providers.vendors import OFFERS
from gateway.routing.document import HedgeEntry, Limits
from gateway.settings import load
from gateway.state.revisions import Revisions
from gateway.values.outcome import Outcome
from gateway.values.records import RequestFinished
from gateway.values.revision import Actor, Channel, KeptRevision, Revision, RevisionState
from gateway.values.surface import Surface
from gateway.values.usage import Usage
from tests.insight.test_fit import traffic
from tests.insight.worlds import arrivals, catalogue, deployment, facts, planned, simulated, steady
from tests.support.forked import gateway_command
from tests.support.gateway import REPOSITORY

ONE = catalogue(deployment("a"))
HOME = Batching(prefill_tokens_per_s=10_000, step_s=0.012, step_per_sequence_s=0.0002, max_running=40, overhead_s=0.03)
CLOUD = Service(
    first_output=FirstOutput(median_s=0.4, sigma=0.3, per_prompt_token_s=0.00003),
    output_token=Spread(median_s=0.012, sigma=0.2),
)
CLOUD_FIRST = {"rules": [{"name": "cloud-first", "prefer": {"order": ["cloud", "home"]}}]}


def as_written(records: list[RequestFinished]) -> list[JournalRecord]:
    return [JournalRecord(one.id, one.decision.at, msgspec.Raw(msgspec.json.encode(one))) for one in records]


def test_requests_come_back_as_they_were_asked() -> None:
    asked = arrivals([0.0, 0.5, 1.0], 20, facts(300, max_output_tokens=50))
    plan = planned(ONE).plan
    read = read_journal(as_written(simulated(Planned(plan), ONE, {"a": steady()}, asked)), "j", lambda _: plan)
    assert list(read.traffic.requests) == asked
    assert (read.traffic.left_out, read.traffic.assumed) == ({}, {})
    assert [row.by for row in read.rows] == ["a"] * 3


def test_embeddings_that_were_asked_in_parts_have_the_tokens_of_all() -> None:
    (record,) = simulated(planned(ONE), ONE, {"a": steady()}, arrivals([0.0], 0, facts(300)))
    (one,) = record.attempts
    part = replace(one, usage=Usage(prompt_tokens=150, completion_tokens=0))
    failed = replace(one, outcome=Outcome.SERVER_ERROR, usage=None)
    asked = replace(record.decision, facts=replace(record.decision.facts, surface=Surface.EMBEDDINGS))
    told = replace(record, decision=asked, attempts=(part, failed, part))
    (arrival,) = read_journal(as_written([told]), "j", lambda _: None).traffic.requests
    assert (arrival.prompt_tokens, arrival.output_tokens) == (300, 0)
    unknown = replace(told, attempts=(part, replace(part, usage=None)))
    assert read_journal(as_written([unknown]), "j", lambda _: None).traffic.left_out == {NO_LENGTH: 1}


def test_the_callers_own_bounds_are_told_from_the_rules() -> None:
    plan = planned(ONE, limits=Limits(deadline_s=30)).plan
    asked = [*arrivals([0.0], deadline_s=5.0), *arrivals([1.0], max_cost_usd=0.5, of=facts(max_output_tokens=5))]
    read = read_journal(as_written(simulated(Planned(plan), ONE, {"a": steady()}, asked)), "j", lambda _: plan)
    assert [(one.deadline_s, one.max_cost_usd) for one in read.traffic.requests] == [(5.0, None), (None, 0.5)]


def test_bounds_of_a_rule_as_it_was_are_not_the_callers() -> None:
    """The rule was stricter once; since then it has been loosened, and requests are on record of both times."""
    was = planned(ONE, limits=Limits(deadline_s=30, max_cost_usd=1)).plan
    now = msgspec.structs.replace(planned(ONE, limits=Limits(deadline_s=60)).plan, revision="2-other")
    asked = arrivals([0.0], of=facts(max_output_tokens=5))
    records = as_written(simulated(Planned(was), ONE, {"a": steady()}, asked))
    for plans in ({was.revision: was, now.revision: now}, {now.revision: now}):
        (one,) = read_journal(records, "j", plans.get).traffic.requests
        assert (one.deadline_s, one.max_cost_usd) == (None, None)


def test_the_length_of_a_whole_answer_is_known_though_what_lost_to_it_ended_later() -> None:
    of, asked = catalogue(deployment("a"), deployment("b")), arrivals([0.0], 40, facts(stream=False))
    hedged = planned(of, limits=Limits(hedge=HedgeEntry(after_s=0.1, share=1.0)))
    (record,) = simulated(hedged, of, {"a": steady(9.0), "b": steady(0.2)}, asked)
    assert {one.outcome for one in record.attempts} == {Outcome.OK, Outcome.HEDGE_LOST}
    for attempts in (record.attempts, record.attempts[::-1]):
        written = as_written([msgspec.structs.replace(record, attempts=attempts)])
        read = read_journal(written, "j", lambda _: hedged.plan)
        assert (read.traffic.assumed, read.traffic.requests[0].output_tokens) == ({}, 40)


def test_answers_that_never_came_are_assumed_to_be_of_the_usual_length_and_it_is_said() -> None:
    plan = planned(ONE).plan
    good = simulated(Planned(plan), ONE, {"a": steady()}, arrivals([0.0, 1.0, 2.0], 40))
    bad = simulated(Planned(plan), ONE, {"a": steady(failures=Failures(share=1.0))}, arrivals([3.0]))
    bad = [msgspec.structs.replace(one, id="z", decision=msgspec.structs.replace(one.decision, id="z")) for one in bad]
    other = msgspec.structs.replace(bad[0].decision, id="y", facts=facts(model="rare"))
    alone = msgspec.structs.replace(bad[0], id="y", decision=other)
    junk = JournalRecord("x", 0.0, msgspec.Raw(b'{"id": 5}'))
    read = read_journal([*as_written([*good, *bad, alone]), junk], "j", lambda _: plan)
    assert read.traffic.assumed == {Outcome.SERVER_ERROR.value: 1}
    assert read.traffic.left_out == {NO_LENGTH: 1, UNREADABLE: 1}
    assert [one.output_tokens for one in read.traffic.requests] == [40] * 4


def write(path: Path, records: list[RequestFinished]) -> None:
    journal = Journal(path, keep=10_000, queue=10_000, dropped=lambda lost: pytest.fail(f"{lost} records are lost"))
    for record in records:
        journal.request_finished(record)
    journal.close()


def simulated_journal(configuration: Path, asked: list[Arrival]) -> list[RequestFinished]:
    """What became of these requests, written to the configuration's journal."""
    settings = load(str(configuration), {}, OFFERS, without_secrets=True)
    world = {
        "home": Behaviour(self_hosted=HOME), "cloud": Behaviour(commercial=CLOUD), "cloud-2": Behaviour(commercial=CLOUD)
    }  # fmt: skip
    records = simulated(Planned(load_plan(settings)), settings.catalogue, world, asked)
    write(settings.journal_path, records)
    return records


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and the journal of a busy hour under it."""
    path = tmp_path_factory.mktemp("journal")
    document: dict[str, Any] = yaml.safe_load((REPOSITORY / "policies" / "spill-over.yaml").read_text())
    document["journal"] = {"path": "journal.db"}
    (path / "gateway.yaml").write_text(json.dumps(document))
    records = simulated_journal(path / "gateway.yaml", traffic(3000, 5.0))
    write(path / "short.db", records[:700])
    (path / "draft.yaml").write_text(json.dumps(CLOUD_FIRST))
    (path / "cloud-2.yaml").write_text(
        "deployments: {cloud-2: {commercial: {first_output: {median_s: 0.4, sigma: 0.3, per_prompt_token_s: 0.00003},"
        " output_token: {median_s: 0.012, sigma: 0.2}}}}"
    )
    return path


def simulate(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return gateway_command("simulate", "-c", str(folder / "gateway.yaml"), *more)


def test_what_cannot_be_played_is_in_no_column(folder: Path) -> None:
    """An hour before, five requests for a model that is no more: neither they nor the hour between count."""
    settings = load(str(folder / "gateway.yaml"), {}, OFFERS, without_secrets=True)
    records = [msgspec.json.decode(one.record, type=RequestFinished) for one in every(settings.journal_path)][:400]
    gone = [
        replace(one, id=f"gone-{one.id}", decision=replace(
            one.decision, id=f"gone-{one.id}", at=one.decision.at - 3600, facts=replace(one.decision.facts, model="gone")
        ))
        for one in records[:5]
    ]  # fmt: skip
    write(folder / "gone.db", [*gone, *records])
    (folder / "all.yaml").write_text(msgspec.json.encode(World(deployments={
        "home": Behaviour(self_hosted=HOME), "cloud": Behaviour(commercial=CLOUD), "cloud-2": Behaviour(commercial=CLOUD)
    })).decode())  # fmt: skip
    done = simulate(folder, "--journal", str(folder / "gone.db"), "--world", str(folder / "all.yaml"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["left_out"] == {"no such model": 5}
    assert found["requests"] == found["recorded"]["requests"] == found["current"]["requests"] == 400
    assert found["seconds"] < 600
    assert found["recorded"]["cost"]["hardware"] == pytest.approx(found["current"]["cost"]["hardware"], rel=0.2)


def test_a_journal_is_played_again_and_agrees_with_the_record(folder: Path) -> None:
    done = simulate(folder, "--journal", "--world", str(folder / "cloud-2.yaml"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["requests"] == 3000
    assert set(found["fits"]) == {"home", "cloud"}
    was, now = found["recorded"], found["current"]
    assert now["cost"]["total"] == pytest.approx(was["cost"]["total"], rel=0.1)
    assert now["objective"]["share"] == pytest.approx(was["objective"]["share"], abs=0.02)
    for name in ("home", "cloud"):
        assert now["deployments"][name]["share"] == pytest.approx(was["deployments"][name]["share"], abs=0.05)
    for rank in ("p50", "p95"):
        assert now["first_output_s"][rank] == pytest.approx(was["first_output_s"][rank], rel=0.1)
        assert now["total_s"][rank] == pytest.approx(was["total_s"][rank], rel=0.1)


def test_a_simulation_can_be_started_after_few_requests(folder: Path) -> None:
    """What was hardly seen is fitted or assumed, in doubt, and the world that was taken is handed out to be edited."""
    args = ("--journal", str(folder / "short.db"), "--policy", str(folder / "draft.yaml"))
    done = simulate(folder, *args)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"note: cloud-2 may be up to \d\.\d times as slow, or as quick, as it was taken to be: \d+ requests",
        done.stdout,
    )
    assert re.search(r"\n  between +- +\S+ and \S+ +\S+ and \S+\n", done.stdout)
    table, _, world = done.stdout.partition("in doubt no more:\n")
    assert "cost  " in table
    settings = load(str(folder / "gateway.yaml"), {}, OFFERS, without_secrets=True)
    assert set(read_world(world, "w", settings.catalogue.deployments).deployments) == {"home", "cloud", "cloud-2"}
    written = folder / "written.yaml"
    asked = simulate(folder, *args, "--write-world", str(written), "--json")
    found = json.loads(asked.stdout)
    assert written.read_text() == world.lstrip("\n").removesuffix("\n")
    assert [one["how"] for one in found["otherwise"]] == ["slower", "faster"]
    sure = json.loads(simulate(folder, *args, "--world", str(written), "--json").stdout)
    assert (sure["notes"], sure["otherwise"], sure["fits"]) == ([], [], {})
    assert sure["draft"]["cost"]["total"] == pytest.approx(found["draft"]["cost"]["total"], rel=0.05)


def test_a_draft_that_sends_far_more_than_was_seen_is_in_doubt(folder: Path) -> None:
    """The cloud was seen with a tenth of the traffic; what it would do with all of it the record cannot tell."""
    args = ("--journal", "--world", str(folder / "cloud-2.yaml"), "--policy", str(folder / "draft.yaml"))
    done = simulate(folder, *args)
    assert done.returncode == 0, done.stderr
    assert "note: cloud may be up to 2.0 times as slow" in done.stdout
    assert "is the most on record" in done.stdout


def test_a_trace_alone_is_given_a_world_to_begin_with(folder: Path) -> None:
    (folder / "start.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,10,5\n")
    args = ("--trace", str(folder / "start.csv"))
    done = simulate(folder, *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cloud-2 cannot be predicted: nothing says how it behaves" in done.stderr
    (folder / "begin.yaml").write_text(done.stderr.partition("begin with:\n")[2])
    for file in ("begin.yaml", "begun.yaml"):
        if file == "begun.yaml":
            assert simulate(folder, *args, "--write-world", str(folder / file)).returncode == 1
        done = simulate(folder, *args, "--world", str(folder / file))
        assert done.returncode == 0, done.stderr


def test_no_journal_is_said(folder: Path) -> None:
    done = simulate(folder, "--journal", str(folder / "none.db"))
    assert done.returncode == 1
    assert "there is no journal" in done.stderr
    done = simulate(folder, "--journal", str(folder / "draft.yaml"))
    assert done.returncode == 1
    assert "file is not a database" in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--journal", "--limit", "5"], "--model, --speed, --limit, --key and --team are of a --trace"),
        (["--journal", "--speed", "2"], "--model, --speed, --limit, --key and --team are of a --trace"),
        (["--journal", "--team", "x"], "--model, --speed, --limit, --key and --team are of a --trace"),
        (["--trace", "t.csv", "--speed", "nan"], "--speed is a number"),
    ],
)
def test_options_that_would_do_nothing_are_refused(folder: Path, more: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["simulate", "-c", str(folder / "gateway.yaml"), *more])
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_report_that_cannot_be_written_does_not_lose_the_result(folder: Path) -> None:
    (folder / "t.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,10,5\n")
    world = str(REPOSITORY / "tests" / "insight" / "world.yaml")
    args = ["-c", str(folder / "gateway.yaml"), "--world", world, "--trace", str(folder / "t.csv"), "--json"]
    done = CliRunner().invoke(main, ["simulate", *args, "--report", str(folder / "none" / "r.html")])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["requests"] == 1
    assert "r.html: No such file or directory" in done.stderr


def test_that_another_policy_is_in_force_is_said(folder: Path) -> None:
    settings = load(str(folder / "gateway.yaml"), {}, OFFERS, without_secrets=True)
    world = str(REPOSITORY / "tests" / "insight" / "world.yaml")
    (folder / "one.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,10,5\n")
    args = [
        "simulate",
        "-c",
        str(folder / "gateway.yaml"),
        "--world",
        world,
        "--trace",
        str(folder / "one.csv"),
        "--json",
    ]
    content = load_plan(settings).content
    for published, notes in ((content, 0), ("f" * 64, 1)):
        settings.revisions_path.unlink(missing_ok=True)
        revisions = Revisions(settings.revisions_path)
        revision = Revision(number=1, content=published, by=Actor(Channel.ADMIN, 1.0), state=RevisionState.IN_FORCE)
        revisions.add(KeptRevision(revision=revision, document="", context=settings.compile_context))
        revisions.save()
        found = json.loads(CliRunner().invoke(main, args).stdout)
        said = [one for one in found["notes"] if not one.startswith("no request came to")]
        assert len(said) == notes
        assert all(one.startswith(f"revision {revision.name} is in force") for one in said)
    settings.revisions_path.unlink()


def test_a_trace_is_of_a_key_or_a_team_and_rules_that_no_request_came_to_are_named(tmp_path: Path) -> None:
    document: dict[str, Any] = yaml.safe_load((REPOSITORY / "policies" / "spill-over.yaml").read_text())
    document["models"]["inner"] = {"deployments": ["home"]}
    document["teams"] = {"law": {"sensitivity": "confidential"}}
    document["keys"] = {
        "app": {"secret": "${env:APP}", "models": ["inner"], "tags": {"app": "x"}},
        "bot": {"secret": "${env:BOT}", "team": "law"},
    }
    document["policy"]["rules"] = [
        {"name": "of-law", "when": {"team": ["law"]}},
        {"name": "of-app", "when": {"key": ["app"], "tags": {"app": "x"}}},
        {"name": "rest"},
    ]
    (tmp_path / "gateway.yaml").write_text(json.dumps(document))
    (tmp_path / "t.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,10,5\n")
    (tmp_path / "draft.yaml").write_text(json.dumps({"rules": [{"name": "all"}, {"name": "more"}]}))
    world = str(REPOSITORY / "tests" / "insight" / "world.yaml")
    args = [
        "simulate", "-c", str(tmp_path / "gateway.yaml"), "--world", world, "--trace", str(tmp_path / "t.csv"), "--json",
        "--policy", str(tmp_path / "draft.yaml"),
    ]  # fmt: skip
    for more, rule, never in (
        ([], "rest", "of-law, of-app"),
        (["--team", "law"], "of-law", "of-app, rest"),
        (["--key", "bot"], "of-law", "of-app, rest"),
        (["--key", "app"], "of-app", "of-law, rest"),  # and it asks for the model that it may ask for
        (["--key", "app", "--team", "law"], "of-law", "of-app, rest"),
    ):
        done = CliRunner().invoke(main, [*args, *more])
        assert done.exit_code == 0, done.stderr
        found = json.loads(done.stdout)
        assert list(found["current"]["rules"]) == [rule]
        assert found["current"]["answered"] == 1, found["current"]["refused"]
        assert found["notes"] == [
            f"no request came to the current policy's rules {never}", "no request came to the draft's rule more"
        ]  # fmt: skip
    done = CliRunner().invoke(main, [*args, "--key", "other"])
    assert done.exit_code == 2
    assert "no key is named 'other'; there are: app, bot" in done.stderr
    done = CliRunner().invoke(main, [*args, "--team", "other"])
    assert done.exit_code == 2
    assert "no team is named 'other'; there are: law" in done.stderr

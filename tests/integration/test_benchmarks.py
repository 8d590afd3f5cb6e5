"""Benchmarks that nothing else runs still run, at a size at which they measure nothing."""

import itertools
import json
import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.answers import columns_of, microseconds
from benchmarks.audit import honest_log, in_own_process, write
from benchmarks.batch import make_scorecard, make_scorer
from benchmarks.batch import measure as measure_batch
from benchmarks.decisions import added_to_a_score, decisions_a_second, drained
from benchmarks.decisions import world as limits_asked
from benchmarks.durable_desk import METHOD
from benchmarks.load import Question
from benchmarks.partner_import import measure, write_file
from benchmarks.partner_pass import generated, plain_pass, private_pass
from benchmarks.serving import commit_us, one_round, our_targets, report_all, running, write_tls
from benchmarks.soak import soak
from benchmarks.wire import Connection, keep_asking
from server.journal.journal import open_journal


def test_an_audit_is_measured_and_its_log_is_true(tmp_path: Path) -> None:
    write(honest_log(4, 3), tmp_path)
    found = in_own_process(tmp_path)
    assert set(found) == {
        "audit_verify_s",
        "audit_price_s",
        "audit_s",
        "audit_cpu_s",
        "audit_rss_mb",
    }


@pytest.mark.parametrize("rows_each", [1, 3])
def test_the_pass_without_privacy_adds_up_the_same_gradients(rows_each: int) -> None:
    batch, question = generated(600, 4, rows_each=rows_each)
    vectors = question.vectors(batch)
    everybody = np.zeros(len(vectors.places), dtype=np.int64)
    added = vectors.added_by(everybody, owners=1, width=question.width).entries[0]
    np.testing.assert_allclose(plain_pass(question, batch), added)
    assert private_pass(question, batch).shape == added.shape


def test_an_import_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(tmp_path / "loans.parquet", rows=90, features=2, rows_each=3)
    measure(tmp_path / "loans.parquet", rows=90, features=2)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["unit"] for line in said] == ["s", "MiB", "MiB"]


@pytest.fixture
def h2load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # h2load is no dependency of ours: a stand-in that writes the log it would write.
    fake = tmp_path / "h2load"
    fake.write_text(
        "#!/bin/sh\nfor word in $*; do case $word in --log-file=*) log=${word#*=};; esac; done\n"
        "for wait in 100 200 300; do echo 1 200 $wait; done > $log\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_h2loads_log_is_read(tmp_path: Path, h2load: None) -> None:
    question = Question(METHOD, b"request", write_tls(tmp_path))
    echo = our_targets(tmp_path, METHOD)[:1]
    with running(echo, question) as pids:
        found = one_round(pids, question, in_flight=16, seconds=0.5, order=echo)["echo"]
    assert (found.calls, found.calls_per_s, found.p50_us) == (3, 6, 200)


def test_three_servers_are_held_against_the_echo_and_asked_another_request_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = Question(METHOD, b"a 0000000000000000000 z", write_tls(tmp_path), b"0" * 19)
    first, second = itertools.islice(question.bodies(), 2)
    assert first != second
    assert (first[:2], first[-2:], len(first)) == (b"a ", b" z", len(question.body))
    targets = our_targets(tmp_path, METHOD)
    with running(targets, question) as pids:
        report_all([one_round(pids, question, in_flight=16, seconds=0.3, order=targets)], 16)
        other = Connection(targets[2].port, "/other", question.authority.decode())
        with pytest.raises(RuntimeError, match="a call was refused"):
            keep_asking([other], question.bodies(), in_flight=1, warm_s=1, seconds=1)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = {(line["setting"]["target"], line["name"]): line["value"] for line in said}
    assert all(values[name, "calls_per_s"] > 20 for name in ("echo", "public", "fast"))
    ratio = values["fast", "p50_us"] / values["echo", "p50_us"]
    assert values["fast", "p50_us_ratio"] == pytest.approx(ratio, abs=0.01)
    assert commit_us(tmp_path) > 0


def test_scoring_files_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Namespace(rows=900, files=2, times=1, engine="local", workers=2, reasons=True)
    measure_batch(tmp_path, asked)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["unit"] for line in said] == ["M rows/s", "ns/row", "M rows/s", "ns/row", "MiB"]
    assert all(line["value"] >= 0 and line["setting"]["rows"] == 900 for line in said)


def test_answers_from_tables_are_measured_on_the_same_applicants_as_the_scorecards() -> None:
    scorecard, evaluator = make_scorecard(), make_scorer(has_reasons=True).evaluator
    numbers, codes = np.full((3, 22), 5.0), np.array([[0] * 8, [6] * 8, [7] * 8])
    points = [one.points for one in scorecard.score(columns_of(numbers, codes, scorecard))]
    assert evaluator.answer(numbers, codes).points.tolist() == points
    assert len(microseconds(lambda: None, times=2)) == 2


def test_decisions_are_measured_with_prices_that_are_known_and_that_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = limits_asked(40)
    decisions_a_second(asked, days=2)
    for prices in ("known", "none known", "as they come"):
        added_to_a_score(asked, prices)
    drained(asked, times=1)
    first, *timed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first["value"] > 10
    assert first["setting"]["APPROVE"] + first["setting"]["COUNTEROFFER"] > 0.5
    assert [line["unit"] for line in timed] == ["us"] * 13
    added = {
        line["setting"].get("prices"): line["value"] for line in timed if "adds" in line["name"]
    }
    assert added["none known"] > added["known"] > 0


def test_a_soak_asks_another_question_each_time_at_the_rate_that_it_says(tmp_path: Path) -> None:
    samples = list(soak(tmp_path, seconds=0.6, calls_a_second=200, core="fast", every_s=0.2))
    assert len(samples) >= 3
    last = samples[-1]
    assert last.refused == 0
    assert 90 <= last.calls <= 200 * last.at_s + 1
    assert 0 < last.p50_us <= last.p99_us
    assert 50 < last.written_mib < 1_000
    journal = open_journal(tmp_path / "journal.sqlite")
    records = journal.list("platform", "DecideLimit", after=0, limit=500)
    journal.close()
    assert last.calls <= len(records) <= 200 * last.at_s + 1

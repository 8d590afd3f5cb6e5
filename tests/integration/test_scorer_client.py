"""Both clients against the real server: what it answers, and what they do while it is away."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients.scorer.client import ScorerClient
from clients.scorer.endpoint import Endpoint
from protocols.contracts.applicants import Applicant, RequestError
from protocols.contracts.decisions import LimitDecision
from protocols.contracts.scores import ScoreAnswer, ScoreRequest
from protocols.contracts.served import CategoricalInput, NumericInput, ServedRelease
from protocols.errors import DuplicateRequestError, ReleaseError
from server.journal.journal import open_journal
from server.serving.main import RunningServer, ServingSettings, start_server
from tests.unit.clients.scorer.asking import Ask, ask, ask_async, both_clients
from tests.unit.server.serving.world import (
    limit_request,
    make_release,
    plain_settings,
    score_request,
    serving,
    tls_settings,
    write_world,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_world(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Give a server for tests that share its journal, so each needs ids of its own."""
    folder = tmp_path_factory.mktemp("shared")
    write_world(folder)
    with _server(plain_settings(folder)) as running:
        yield _plain(running.port)


@contextmanager
def _server(settings: ServingSettings) -> Iterator[RunningServer]:
    running = start_server(serving(make_release()), settings)
    try:
        yield running
    finally:
        running.stop(0)


def _plain(port: int) -> Endpoint:
    return Endpoint(f"127.0.0.1:{port}", insecure_loopback=True)


def _tls(folder: Path, port: int, name: str | None = None) -> Endpoint:
    return Endpoint(
        f"127.0.0.1:{port}",
        ca_path=folder / "ca.pem",
        certificate_path=name and folder / f"{name}.pem",
        key_path=name and folder / f"{name}.key",
    )


@both_clients
def test_every_method_is_asked_and_answered(ask: Ask, here: Endpoint) -> None:
    release, mine = make_release(), uuid.uuid4().hex
    score = ask(here, "score", score_request(mine))
    decision = ask(here, "decide_limit", limit_request(mine))
    assert ask(here, "get_decision", decision.decision_id) == decision
    both = [limit_request(mine), limit_request(mine, amount_minor=9)]
    again, reused = ask(here, "decide_many", both)
    many = ask(here, "score_many", [score_request(mine), score_request(f"{mine}-2")])
    described = ask(here, "get_release")
    assert ask(here, "get_release", release.digest) == described
    assert ask(here, "list_releases") == (described,)
    with pytest.raises(ReleaseError, match="not served now"):
        ask(here, "get_release", bytes(32), timeout_s=0.1)
    assert isinstance(score, ScoreAnswer)
    assert isinstance(decision, LimitDecision)
    assert again == decision
    assert isinstance(reused, DuplicateRequestError)
    assert (many[0], many[1].request_id) == (score, f"{mine}-2")
    _check_described(described)


def _check_described(described: ServedRelease) -> None:
    release = make_release()
    contract = release.scorecard.contract
    assert described.release_digest == release.digest
    assert described.contract_digest.hex() == release.manifest.contract_digest
    assert [item.name for item in described.inputs] == [item.name for item in contract.inputs]
    kinds = {item.name: type(item) for item in described.inputs}
    assert (kinds["income"], kinds["home"]) == (NumericInput, CategoricalInput)


@both_clients
def test_lists_go_on_over_pages_and_batches_over_requests(ask: Ask, here: Endpoint) -> None:
    mine = uuid.uuid4().hex
    names = [f"{mine}-{number}" for number in range(2_500)]  # 300 kB, where a request may have 262
    ask(here, "decide_many", [limit_request(name) for name in names[:128]])
    listed = [one.request_id for one in ask(here, "list_decisions")]
    scores = ask(here, "batch_score", map(score_request, names))
    assert [name for name in listed if name.startswith(mine)] == names[:128]
    assert [item.request_id for item in scores] == names


def test_a_server_that_is_killed_and_started_again_in_time_loses_and_doubles_nothing(
    folder: Path,
) -> None:
    command = [sys.executable, "-m", "tests.unit.server.serving.world", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with ScorerClient(_plain(port)) as client, ThreadPoolExecutor(2) as threads:
        before = client.decide_limit(limit_request())
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(timeout=20) == -signal.SIGKILL
        waiting = [
            threads.submit(client.decide_limit, limit_request()),
            threads.submit(ask_async, _plain(port), "decide_limit", limit_request("new")),
        ]
        time.sleep(0.3)
        assert not any(one.done() for one in waiting)
        with _server(plain_settings(folder).model_copy(update={"port": port})):
            again, new = [one.result(timeout=20) for one in waiting]
    assert again == before
    assert new.request_id == "new"
    journal = open_journal(folder / "journal.sqlite")
    assert journal.verify() == 2
    journal.close()


@both_clients
def test_who_may_ask_so_often_and_asks_more_is_only_slower(ask: Ask, folder: Path) -> None:
    rules = (folder / "access.toml").read_text()
    (folder / "access.toml").write_text(rules.replace("1_000\nburst = 1_000", "20\nburst = 1", 1))
    with _server(tls_settings(folder, client_ca=True)) as running:
        platform = _tls(folder, running.port, "platform")
        begun = time.monotonic()
        for number in range(4):
            ask(platform, "score", score_request(f"r-{number}"))
        assert time.monotonic() - begun > 0.15 - 0.01  # three rows at 20 a second


@both_clients
def test_who_shows_no_certificate_is_told_that_one_may_be_asked_for(ask: Ask, folder: Path) -> None:
    with _server(tls_settings(folder, client_ca=True)) as running:
        anonymous = _tls(folder, running.port)
        with pytest.raises(ReleaseError, match="may ask for a client certificate: --certificate"):
            ask(anonymous, "score", score_request(), timeout_s=0.5)


def test_the_documents_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    with _server(tls_settings(folder, client_ca=True)) as running:
        for there, here in {
            "coordinator.example:50051": f"127.0.0.1:{running.port}",
            "ca.crt": f"{folder}/ca.pem",
            "platform.example.crt": f"{folder}/platform.pem",
            "platform.example.key": f"{folder}/platform.key",
        }.items():
            assert there in example
            example = example.replace(there, here)
        exec(compile(example, "limits.md", "exec"), {})
    outcome, _, request_id = capsys.readouterr().out.split()
    assert outcome in ("APPROVE", "COUNTEROFFER", "DECLINE")
    assert uuid.UUID(request_id)


def test_what_has_another_cause_is_not_said_to_be_for_want_of_a_certificate(folder: Path) -> None:
    with _server(tls_settings(folder, client_ca=True)) as running:
        anonymous = _tls(folder, running.port)
        other = dataclasses.replace(anonymous, ca_path=folder / "platform.pem")
        with pytest.raises(ReleaseError, match="CERTIFICATE_VERIFY_FAILED") as unknown:
            ask(other, "score", score_request(), timeout_s=0.3)
    with pytest.raises(ReleaseError, match="Connection refused") as gone:
        ask(anonymous, "score", score_request(), timeout_s=0.3)
    assert "client certificate" not in f"{unknown.value} {gone.value}"


@both_clients
def test_a_request_that_breaks_a_rule_is_refused_by_field(ask: Ask, here: Endpoint) -> None:
    wrong = ScoreRequest(request_id="r", features=Applicant(numbers={"home": 1.0}, categories={}))
    with pytest.raises(RequestError) as caught:
        ask(here, "score", wrong)
    (result,) = ask(here, "batch_score", [wrong])
    assert isinstance(result, RequestError)
    assert result.violations == caught.value.violations
    assert [item.field for item in result.violations] == ["features.numbers.home"]

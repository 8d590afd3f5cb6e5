"""From a decision to its receipt, and offline to the auditor: real servers, real commands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients.scorer.client import ScorerClient
from clients.scorer.endpoint import Endpoint
from clients.scorer.failures import ServiceError
from protocols.contracts.decisions import LimitDecision
from protocols.errors import ContractError, ReleaseError
from protocols.ledger.receipt import parse_receipt, verify_receipt
from protocols.lock import only_process
from server.receipts.folder import LOCK, PUBLIC_NAME, ReceiptFolder
from server.serving.main import start_server
from tests.unit.clients.scorer.asking import Ask, both_clients
from tests.unit.server.serving.world import (
    limit_request,
    make_release,
    plain_settings,
    score_request,
    serving,
    write_world,
)

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
REQUEST = {
    "request_id": "asked-by-command",
    "requested_amount_minor": 700_000,
    "currency": "USD",
    "features": {"income": 41_234.5678, "home": "rent"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_world(tmp_path)
    ReceiptFolder(tmp_path / "receipts").begin("test/decisions")
    return tmp_path


@contextmanager
def _served(folder: Path) -> Iterator[Endpoint]:
    running = start_server(serving(make_release()), plain_settings(folder))
    try:
        yield Endpoint(f"127.0.0.1:{running.port}", insecure_loopback=True)
    finally:
        running.stop(0)


@both_clients
def test_a_receipt_is_there_within_a_second(ask: Ask, folder: Path) -> None:
    log = ReceiptFolder(folder / "receipts").log()
    with _served(folder) as endpoint:
        decision: LimitDecision = ask(endpoint, "decide_limit", limit_request())
        begun_s = time.monotonic()
        receipt = ask(endpoint, "get_receipt", decision.decision_id, timeout_s=5.0)
        assert time.monotonic() - begun_s < 2  # and one more for a machine that is busy
        assert (receipt.answer_id, receipt.request_id) == (decision.decision_id, "request-1")
        assert verify_receipt(receipt, log).size == receipt.position == 1
        with pytest.raises(ContractError):
            ask(endpoint, "get_receipt", "none")


def test_the_command_writes_a_receipt_that_the_auditor_s_verifies(folder: Path) -> None:
    (folder / "applicant.json").write_text(json.dumps(REQUEST))
    with _served(folder) as endpoint:
        where = ["--address", endpoint.address, "--insecure-loopback"]
        _run("fedscore-score", "applicant.json", *where, "--receipt", "receipt.json", at=folder)
        name = parse_receipt((folder / "receipt.json").read_bytes()).answer_id
        _run("fedscore-score", "--decision", name, *where, "--receipt", "again.json", at=folder)
        score = ["applicant.json", "--score-only", "--receipt", "score.json"]
        _run("fedscore-score", *score, *where, at=folder)
    assert (folder / "receipt.json").stat().st_mode & 0o777 == 0o600
    key = ["--key", f"receipts/{PUBLIC_NAME}"]
    for file in ("receipt.json", "again.json", "score.json"):
        said = _run(
            "fedscore-audit", "receipt", file, *key, "--request", "applicant.json", at=folder
        )
        assert "\nTRUE: " in said
        assert make_release().digest.hex() in said


def _run(*words: str, at: Path) -> str:
    done = subprocess.run(
        [BIN / words[0], *words[1:]], cwd=at, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@contextmanager
def _process(folder: Path) -> Iterator[tuple[Endpoint, int]]:
    command = [sys.executable, "-m", "tests.unit.server.serving.world", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield Endpoint(f"127.0.0.1:{port}", insecure_loopback=True), process.pid
        finally:
            process.kill()


def test_what_was_given_before_a_kill_9_has_a_receipt_after_the_restart(folder: Path) -> None:
    log = ReceiptFolder(folder / "receipts").log()
    # Who holds the lock keeps the server from logging what it has committed and given.
    with only_process(folder / "receipts", LOCK), _process(folder) as (endpoint, pid):
        with ScorerClient(endpoint, timeout_s=20) as client:
            decision = client.decide_limit(limit_request())
        with (
            ScorerClient(endpoint, timeout_s=0.5) as client,
            pytest.raises(ReleaseError, match="not in the decision log yet"),
        ):
            client.get_receipt(decision.decision_id)
        os.kill(pid, signal.SIGKILL)
    with _served(folder) as endpoint, ScorerClient(endpoint, timeout_s=20) as client:
        receipt = client.get_receipt(decision.decision_id)
    assert verify_receipt(receipt, log).size == 1


def test_of_two_servers_one_writes_and_both_give_receipts(folder: Path) -> None:
    log = ReceiptFolder(folder / "receipts").log()
    with _served(folder) as one, _served(folder) as other:
        with ScorerClient(one) as client:
            names = [client.decide_limit(limit_request(f"r{n}")).decision_id for n in range(5)]
        with ScorerClient(other) as client:
            names.append(client.decide_limit(limit_request("r5")).decision_id)
        for endpoint in (one, other):
            with ScorerClient(endpoint) as client:
                for name in names:
                    verify_receipt(client.get_receipt(name), log)


def test_without_a_log_there_is_no_such_method(tmp_path: Path) -> None:
    write_world(tmp_path)
    with _served(tmp_path) as endpoint, ScorerClient(endpoint) as client:
        score = client.score(score_request())
        with pytest.raises(ServiceError, match="no such method"):
            client.get_receipt(score.score_id, method="Score")

"""Recourse over real TLS: a platform and officers with certificates, a kill, and a silent log."""

import asyncio
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clients.scorer.client import ScorerClient
from clients.scorer.endpoint import Endpoint
from clients.scorer.failures import ServiceError
from clients.scorer.recourse import AsyncRecourseClient, RecourseClient
from clients.scorer.review_cli import main
from protocols.contracts.cases import CaseEvent, ReviewResolved
from protocols.contracts.decisions import LimitDecision
from protocols.errors import (
    ContractError,
    ReleaseError,
)
from protocols.logs import JsonLines
from protocols.recourse_errors import (
    ClaimedByAnotherError,
    SameReviewerError,
    StaleCaseError,
)
from server.journal.journal import open_journal
from server.serving.main import RunningServer, start_server
from tests.unit.server.decisions.recourse_world import (
    add_evidence,
    claim,
    override,
    overturn,
    request_review,
    submit_appeal,
    uphold,
    withdraw,
)
from tests.unit.server.serving.world import (
    limit_request,
    make_release,
    plain_settings,
    serving,
    tls_settings,
    write_world,
)

ROOT = Path(__file__).parents[2]
Take = Callable[..., Any]  # a step's event, or what a method answers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_world(tmp_path)
    return tmp_path


@contextmanager
def _server(folder: Path, *, port: int = 0, is_plain: bool = False) -> Iterator[RunningServer]:
    settings = plain_settings(folder) if is_plain else tls_settings(folder, client_ca=True)
    running = start_server(serving(make_release()), settings.model_copy(update={"port": port}))
    try:
        yield running
    finally:
        running.stop(0)


def _as(folder: Path, port: int, name: str) -> Endpoint:
    files = {"certificate_path": folder / f"{name}.pem", "key_path": folder / f"{name}.key"}
    return Endpoint(f"127.0.0.1:{port}", ca_path=folder / "ca.pem", **files)


def _decide(endpoint: Endpoint, request_id: str = "request-1") -> LimitDecision:
    with ScorerClient(endpoint) as client:
        return client.decide_limit(limit_request(request_id, amount_minor=700_000))


def _plain(endpoint: Endpoint, method: str, *arguments: object) -> Any:
    with RecourseClient(endpoint) as client:
        given = getattr(client, method)(*arguments)
        return list(given) if isinstance(given, Iterator) else given


def _async(endpoint: Endpoint, method: str, *arguments: object) -> Any:
    async def answer() -> Any:
        async with AsyncRecourseClient(endpoint) as client:
            given = getattr(client, method)(*arguments)
            if hasattr(given, "__aiter__"):
                return [item async for item in given]
            return await given

    return asyncio.run(answer())


def _other_limit(decision: LimitDecision) -> dict[str, object]:
    """Return an override of another limit than the decision's."""
    minor = 600_000 if decision.limit_minor != 600_000 else 550_000
    put = override(datetime.now(UTC), limit_minor=minor, outcome="COUNTEROFFER")
    return {"override": put, "decision_id": decision.decision_id}


@pytest.mark.parametrize("ask", [_plain, _async], ids=["sync", "async"])
def test_a_decision_is_contested_reviewed_and_appealed_by_certificate(
    ask: Take, folder: Path
) -> None:
    with _server(folder) as running:
        platform, ann, bob, rival = (
            _as(folder, running.port, name) for name in ("platform", "ann", "bob", "rival")
        )
        decision = _decide(platform)
        name = {"decision_id": decision.decision_id}
        ask(platform, "take", request_review(**name, request_id="r-1"))
        ask(platform, "take", add_evidence(**name, request_id="r-2"))
        assert [case.state for case in ask(ann, "list_cases")] == ["SUBMITTED"]
        ask(ann, "take", claim(**name, request_id="r-3", expected_version=2))
        with pytest.raises(ClaimedByAnotherError):
            ask(bob, "take", claim(**name, request_id="r-4"))
        with pytest.raises(StaleCaseError) as stale:
            ask(ann, "take", uphold(2, **name, request_id="r-5"))
        assert stale.value.current_version == 3
        event = ask(ann, "take", overturn(3, **_other_limit(decision), request_id="r-6"))
        assert isinstance(event, CaseEvent)
        case = ask(platform, "get_case", decision.decision_id)
        assert case.decision == decision
        assert case.events[-1] == event
        assert [one.author for one in case.events] == ["platform", "platform", "ann", "ann"]
        assert case.standing.supersedes == decision.decision_id
        assert (case.summary.is_solely_automated, case.summary.reviewed_by) == (False, "ann")
        ask(platform, "take", submit_appeal(**name, request_id="r-7"))
        with pytest.raises(SameReviewerError):
            ask(ann, "take", claim(**name, request_id="r-8"))
        for nobody in (rival, platform):
            unknown = decision.decision_id if nobody is rival else str(uuid.uuid4())
            with pytest.raises(ContractError, match="no such decision"):
                ask(nobody, "get_case", unknown)
    journal = open_journal(folder / "journal.sqlite")
    assert journal.verify() == 6
    journal.close()


def test_who_contests_reviews_nothing_and_officers_decide_and_contest_nothing(
    folder: Path,
) -> None:
    with _server(folder) as running:
        platform, ann = (_as(folder, running.port, name) for name in ("platform", "ann"))
        name = {"decision_id": _decide(platform).decision_id}
        for step in (claim(**name), uphold(1, **name)):
            with pytest.raises(ServiceError, match="may not call this method"):
                _plain(platform, "take", step)
        for step in (request_review(**name), withdraw(**name), add_evidence(**name)):
            with pytest.raises(ServiceError, match="may not call this method"):
                _plain(ann, "take", step)
        with pytest.raises(ServiceError, match="may not call this method"):
            _decide(ann)


def test_a_server_that_is_killed_between_events_loses_and_doubles_none(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.unit.server.serving.world", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    here = Endpoint(f"127.0.0.1:{port}", insecure_loopback=True)
    name = {"decision_id": _decide(here).decision_id}
    _plain(here, "take", request_review(**name, request_id="first"))
    steps = [add_evidence(**name, request_id=f"e-{number}") for number in range(60)]
    acknowledged: dict[str, CaseEvent] = {}

    def send(client: RecourseClient, number: int) -> None:
        for step in steps[number::4]:
            acknowledged[step.request_id] = client.take(step)
            if len(acknowledged) == 20:
                os.kill(process.pid, signal.SIGKILL)

    with RecourseClient(here, timeout_s=0.5) as client, ThreadPoolExecutor(4) as threads:
        for sent in [threads.submit(send, client, number) for number in range(4)]:
            assert isinstance(sent.exception(timeout=20), ReleaseError)
    assert process.wait(timeout=20) == -signal.SIGKILL
    with _server(folder, port=port, is_plain=True), RecourseClient(here) as client:
        again = {step.request_id: client.take(step) for step in steps}
        case = client.get_case(name["decision_id"])
        client.take(claim(**name, request_id="c"))
        resolved = client.take(uphold(62, **name, request_id="u"))
    assert 20 <= len(acknowledged) < 60
    assert {key: again[key] for key in acknowledged} == acknowledged
    assert sorted(event.version for event in again.values()) == list(range(2, 62))
    assert list(case.events[1:]) == sorted(again.values(), key=lambda event: event.version)
    assert isinstance(resolved.detail, ReviewResolved)
    assert resolved.author == "local"


def test_the_log_tells_no_note_no_id_and_nobodys_name(folder: Path) -> None:
    with _written() as log, _server(folder) as running:
        platform, ann = (_as(folder, running.port, name) for name in ("platform", "ann"))
        decision = _decide(platform)
        name = {"decision_id": decision.decision_id}
        _plain(platform, "take", request_review(**name, request_id="secret-1", note="sesame"))
        _plain(ann, "take", claim(**name, request_id="secret-2"))
        with pytest.raises(StaleCaseError):
            _plain(ann, "take", uphold(9, **name, request_id="secret-3", note="castle"))
        _plain(ann, "take", overturn(2, **_other_limit(decision), request_id="secret-4"))
        _plain(ann, "list_cases")
        logging.getLogger("server.serving").debug("the log is on")
    text = log.getvalue()
    assert "the log is on" in text
    secrets = ["sesame", "castle", "secret-", decision.decision_id, "income verified", "pay slip"]
    secrets += ["ann", (b"e" * 32).hex(), "600000"]
    assert [one for one in secrets if one in text] == []


@contextmanager
def _written() -> Iterator[io.StringIO]:
    log, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(log), root.level
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def test_an_officer_works_by_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _server(folder) as running:
        platform = _as(folder, running.port, "platform")
        decision = _decide(platform)
        name = decision.decision_id
        review = request_review(decision_id=name, note="my income\nis higher")
        _plain(platform, "take", review)

        def run(verb: str, *rest: str, who: str = "ann") -> tuple[int, str, str]:
            at = ["--address", f"127.0.0.1:{running.port}", "--ca", str(folder / "ca.pem")]
            shown = [f"--certificate={folder}/{who}.pem", f"--key={folder}/{who}.key"]
            status = main([verb, *rest, *at, *shown])
            captured = capsys.readouterr()
            return status, captured.out, captured.err

        status, listed, _ = run("list")
        assert status == 0
        assert listed.startswith(f"{name}: SUBMITTED, version 1, due ")
        assert run("claim", name)[:1] == (0,)
        taken = run("claim", name, who="bob")
        assert taken == (1, "", "fedscore-review: another officer has the case\n")
        until = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
        words = ["--version", "2", "--note", "pay slip seen", "--expires-on", until]
        words += ["--limit-minor", "610000", "--reason-code", "OVERRIDE.INCOME_VERIFIED"]
        status, said, _ = run("overturn", name, *words)
        assert status == 0
        assert said.startswith("recorded as version 3, by ann: overturned, COUNTEROFFER, ")
        status, text, _ = run("show", name)
        assert "stands now: COUNTEROFFER, 6,100.00 USD, an override until " in text
        assert "a person has reviewed it: ann" in text
        assert "\n    is higher\n" in text
        plain = json.loads(run("show", name, "--json")[1])
        assert plain["events"][-1]["detail"]["kind"] == "REVIEW_RESOLVED"
        assert plain["standing"]["limit_minor"] == 610_000
        assert run("list") == (0, "nothing is under review\n", "")
        assert json.loads(run("list", "--json")[1]) == []
        again = run("uphold", name, "--version", "3", "--note", "so it stays")
        assert again == (1, "", "fedscore-review: nothing is under review\n")
        malformed = run("uphold", name, "--version", "0", "--note", "so it stays")
        assert malformed[0] == 2


def test_the_documents_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "recourse.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    with _server(folder) as running:
        platform = _as(folder, running.port, "platform")
        for there, here in {
            "coordinator.example:50051": platform.address,
            "ca.crt": f"{folder}/ca.pem",
            "platform.example.crt": f"{folder}/platform.pem",
            "platform.example.key": f"{folder}/platform.key",
            "DECISION_ID": _decide(platform).decision_id,
        }.items():
            assert there in example
            example = example.replace(there, here)
        exec(compile(example, "recourse.md", "exec"), {})
    due, _, outcome = capsys.readouterr().out.rpartition("\n")[0].rpartition("\n")
    assert datetime.fromisoformat(due) - datetime.now(UTC) > timedelta(days=29)
    assert outcome in ("APPROVE", "COUNTEROFFER", "DECLINE")

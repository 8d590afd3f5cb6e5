"""Both clients ask a real server about decisions: nothing is stored, and nobody else is told."""

import json
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from clients.scorer.cli import main
from clients.scorer.client import ScorerClient
from clients.scorer.endpoint import Endpoint
from protocols.contracts.applicants import RequestError
from protocols.contracts.decisions import LimitDecision
from protocols.contracts.explanations import Explanation, Lender
from protocols.contracts.quotes import OfferedLoan
from protocols.errors import ContractError, ReleaseError, ScoringError
from server.journal.journal import open_journal
from server.serving.main import start_server
from tests.policies import write_policies
from tests.unit.clients.scorer.asking import Ask, both_clients
from tests.unit.server.decisions.advised import followed
from tests.unit.server.decisions.cases import EXAMPLE
from tests.unit.server.serving.monotone import AT, borrower, monotone_release
from tests.unit.server.serving.world import serving, tls_settings, write_world

REQUEST = borrower()
LENDER = Lender(name_and_address="Bank of Somewhere", contest="Write to us.")
SECRETS = ("52000", "0.91", "21000", "433300", "request-1", "Bank of Somewhere")


class Served(NamedTuple):
    """A server with one decision of the platform's, and how it is reached as either tenant."""

    platform: Endpoint
    rival: Endpoint
    decision: LimitDecision
    journal: str


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("explained")
    write_world(folder)
    # Of a group of which the applicant's values are all there.
    policy = EXAMPLE.read_text(encoding="utf-8").replace("fewest_known = 6", "fewest_known = 1")
    write_policies(folder / "policies", policy)
    settings = tls_settings(folder, client_ca=True)
    running = start_server(serving(monotone_release()), settings, clock=lambda: AT)
    try:
        platform = _endpoint(folder, running.port, "platform")
        with ScorerClient(platform) as client:
            decision = client.decide_limit(REQUEST)
        rival = _endpoint(folder, running.port, "rival")
        yield Served(platform, rival, decision, settings.journal)
    finally:
        running.stop(0)


def _endpoint(folder: Path, port: int, name: str) -> Endpoint:
    return Endpoint(
        f"127.0.0.1:{port}",
        ca_path=folder / "ca.pem",
        certificate_path=folder / f"{name}.pem",
        key_path=folder / f"{name}.key",
    )


@both_clients
def test_every_method_is_answered_and_none_stores_anything(
    ask: Ask, here: Served, caplog: pytest.LogCaptureFixture
) -> None:
    decision, name = here.decision, here.decision.decision_id
    loan = OfferedLoan(decision_id=name, method="EQUAL_INSTALMENT", months=12)
    with caplog.at_level(logging.DEBUG):
        tried = ask(here.platform, "simulate_limit", REQUEST)
        replay = ask(here.platform, "replay_decision", name, REQUEST)
        explanation = ask(here.platform, "explain_decision", name, REQUEST, "zh")
        notice = ask(here.platform, "get_adverse_action_notice", name, "en", LENDER)
        quote = ask(here.platform, "quote_plan", loan)
        settled = ask(here.platform, "quote_early_settlement", loan, date(2027, 1, 27))
    assert (tried.limit_minor, tried.decision_id) == (decision.limit_minor, "")
    assert replay.verdict == "MATCH"
    assert [one.code for one in explanation.reasons] == [
        one.code for one in decision.principal_reasons
    ]
    assert explanation.advice[0].sentence.endswith("额度15,000.00 USD。")
    assert LENDER.name_and_address in notice.text
    assert quote.paid_minor == quote.principal_minor + quote.interest_minor + quote.fees_minor
    assert settled.principal_minor < quote.principal_minor
    assert _stored(here) == 1
    for record in caplog.records:
        assert not [one for one in SECRETS if one in str(vars(record))]


@both_clients
def test_other_tenants_are_told_that_there_is_no_such_decision(ask: Ask, here: Served) -> None:
    name = here.decision.decision_id
    loan = OfferedLoan(decision_id=name, method="EQUAL_INSTALMENT", months=12)
    for method, arguments in (
        ("replay_decision", (name, REQUEST)),
        ("explain_decision", (name, REQUEST)),
        ("get_adverse_action_notice", (name,)),
        ("quote_plan", (loan,)),
    ):
        with pytest.raises(ContractError, match="no such decision"):
            ask(here.rival, method, *arguments)


def test_who_follows_an_advice_is_given_what_it_says(here: Served) -> None:
    with ScorerClient(here.platform) as client:
        explanation: Explanation = client.explain_decision(here.decision.decision_id, REQUEST)
        for advice in explanation.advice:
            again = client.simulate_limit(followed(REQUEST, advice))
            assert (again.outcome, again.limit_minor) == (advice.outcome, advice.limit_minor)


def test_the_command_tries_and_explains(
    here: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, options = tmp_path / "request.json", here.platform
    plain = REQUEST.model_dump(mode="json", exclude={"line", "observed", "months"})
    named = plain["features"]["numbers"] | plain["features"]["categories"]
    file.write_text(json.dumps(plain | {"features": named}), encoding="utf-8")
    common = [str(file), "--address", options.address, "--ca", str(options.ca_path)]
    common += ["--certificate", str(options.certificate_path), "--key", str(options.key_path)]
    assert main([*common, "--simulate-profile", "us"]) == 0
    assert capsys.readouterr().out.startswith("tried only, not decided\nCOUNTEROFFER: 10,000.00")
    assert main([*common, "--explain", "zh"]) == 0
    assert "您的可用授信大部分已被使用。" in capsys.readouterr().out
    assert main([*common, "--explain", "en", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "COUNTEROFFER"
    assert _stored(here) == 1  # the same request id and body


def test_faults_are_told_by_field(here: Served) -> None:
    with ScorerClient(here.platform, timeout_s=5) as client:
        with pytest.raises(RequestError, match="is not the one that was decided on"):
            client.explain_decision(
                here.decision.decision_id, borrower(requested_amount_minor=3_002_000)
            )
        with pytest.raises(RequestError, match="profile: there is none"):
            client.simulate_limit(REQUEST, profile="mars")
        with pytest.raises(ScoringError, match="no such policy is here"):
            client.simulate_limit(REQUEST, policy_digest=bytes(32))


def test_to_try_is_limited_as_to_decide_is(here: Served) -> None:
    asked = REQUEST.model_copy(update={"subject": "ann"})
    with ScorerClient(here.rival, timeout_s=1) as client:
        for _ in range(3):  # per_subject, in the tenant's rules
            client.simulate_limit(asked)
        with pytest.raises(ReleaseError):
            client.simulate_limit(asked)
    assert _stored(here) == 1


def _stored(here: Served) -> int:
    journal = open_journal(here.journal)
    try:
        return journal.verify()
    finally:
        journal.close()

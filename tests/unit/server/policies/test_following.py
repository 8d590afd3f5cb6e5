"""A server decides by what the book says, follows it, and takes no other book for it."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from protocols.contracts.applicants import RequestError
from protocols.decision_errors import GoneError
from protocols.errors import ContractError, FolderError
from server.policies import following
from server.policies.errors import NoActivePolicyError
from server.policies.following import Policies
from tests.policies import APPROVER, AUTHOR, NOTICE, Office, open_office
from tests.unit.server.serving.world import POLICY_TOML

OTHER_TOML = POLICY_TOML.replace('"0.2"', '"0.3"')
CARD_TOML = POLICY_TOML.replace("test-loan", "card")
EURO_TOML = POLICY_TOML.replace('"USD"', '"EUR"')
NEVER = 1_000.0

Follow = Callable[[], Policies]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path / "policies")


@pytest.fixture
def follow(office: Office) -> Iterator[Follow]:
    """Return what opens the office's policies, to be looked at by hand."""
    opened: list[Policies] = []

    def follow(every_s: float = NEVER) -> Policies:
        made = Policies(office.path, currency="USD", clock=lambda: office.now, look_every_s=every_s)
        opened.append(made)
        return made

    yield follow
    for one in opened:
        one.close()


def test_a_question_is_decided_by_the_only_product_s_policy(office: Office, follow: Follow) -> None:
    one = office.activated(POLICY_TOML)
    policies = follow()
    for product in ("", "test-loan"):
        chosen = policies.for_question(product, office.now)
        assert chosen.digest == one


def test_a_question_is_decided_by_the_policy_of_its_instant(office: Office, follow: Follow) -> None:
    one, other = office.activated(POLICY_TOML), office.approved(OTHER_TOML)
    office.by(APPROVER).activate(other)
    policies, then = follow(), office.now + NOTICE
    assert policies.for_question("", then - timedelta(microseconds=1)).digest == one
    assert policies.for_question("", then).digest == other


def test_without_an_active_policy_there_is_no_decision(office: Office, follow: Follow) -> None:
    policies = follow()
    for product in ("", "test-loan"):
        with pytest.raises(NoActivePolicyError):
            policies.for_question(product, office.now)
    one = office.activated(POLICY_TOML)
    policies.look()
    assert policies.for_question("", office.now).digest == one
    with pytest.raises(NoActivePolicyError):
        policies.for_question("card", office.now)
    with pytest.raises(NoActivePolicyError):
        policies.for_question("", office.now - NOTICE)


def test_of_several_products_one_must_be_named(office: Office, follow: Follow) -> None:
    loan, card = office.activated(POLICY_TOML), office.activated(CARD_TOML)
    policies = follow()
    assert policies.for_question("test-loan", office.now).digest == loan
    assert policies.for_question("card", office.now).digest == card
    with pytest.raises(RequestError) as caught:
        policies.for_question("", office.now)
    assert [violation.field for violation in caught.value.violations] == ["product"]


def test_the_book_is_followed_by_itself(office: Office, follow: Follow) -> None:
    policies = follow(0.01)
    one = office.activated(POLICY_TOML)
    end = time.monotonic() + 20
    while not policies.book.lives:
        assert time.monotonic() < end
        time.sleep(0.01)
    while policies.book.active_digest("test-loan", office.now) != one:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_has_not_changed_is_not_read_again(
    office: Office, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.activated(POLICY_TOML)
    policies = follow()
    monkeypatch.setattr(following, "verify_book", None)  # would be unexpected
    policies.look()
    assert policies.problem is None
    office.submitted(OTHER_TOML)
    policies.look()
    assert policies.problem == "unexpected error: TypeError"


def test_a_book_that_does_not_verify_is_not_taken_and_said_once(
    office: Office, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    one = office.activated(POLICY_TOML)
    policies = follow()
    other = office.activated(OTHER_TOML)
    path = office.folder.policy_file(other)
    raw = path.read_bytes()
    path.write_bytes(b"")
    with caplog.at_level(logging.INFO):
        policies.look()
        policies.look()
        assert policies.for_question("", office.now).digest == one
        path.write_bytes(raw)
        policies.look()
    assert policies.for_question("", office.now).digest == other
    said = [record.getMessage() for record in caplog.records]
    assert said.count("policies not taken") == 1
    assert said[-1] == "policies are followed again"
    assert policies.problem is None


def test_a_book_that_lost_its_end_is_not_taken(office: Office, follow: Follow) -> None:
    one = office.activated(POLICY_TOML)
    policies, book = follow(), office.folder.book
    whole = book.read_bytes()
    for shorter in (b"", b"\n".join(whole.split(b"\n")[:2]) + b"\n"):
        book.write_bytes(shorter)
        policies.look()
        assert "is shorter than it was" in str(policies.problem)
        assert policies.for_question("", office.now).digest == one
    book.write_bytes(whole)
    policies.look()
    assert policies.problem is None


def test_a_book_that_was_away_is_followed_again_once_it_is_back(
    office: Office, follow: Follow
) -> None:
    one = office.activated(POLICY_TOML)
    policies, book = follow(), office.folder.book
    book.rename(book.with_name("away"))
    policies.look()
    assert "is shorter than it was" in str(policies.problem)
    book.with_name("away").rename(book)  # the very same file: it does not look changed
    policies.look()
    assert policies.problem is None
    assert policies.for_question("", office.now).digest == one


def test_another_book_is_not_taken_though_it_verifies(office: Office, follow: Follow) -> None:
    one = office.activated(POLICY_TOML)
    policies = follow()
    office.folder.book.unlink()
    office.activated(OTHER_TOML)
    office.activated(CARD_TOML)
    policies.look()
    assert "is another book than it was" in str(policies.problem)
    assert policies.for_question("", office.now).digest == one


@pytest.mark.parametrize("act", ["active", "later"])
def test_a_policy_in_another_currency_does_not_start(
    act: str, office: Office, follow: Follow
) -> None:
    euro = office.approved(EURO_TOML)
    follow()  # approved is not in force
    office.by(APPROVER).activate(euro)
    if act == "active":
        office.now += NOTICE
    with pytest.raises(ContractError, match="currency must be USD, as in the release"):
        follow()


def test_a_policy_that_was_in_another_currency_does_not_matter(
    office: Office, follow: Follow
) -> None:
    office.activated(EURO_TOML)
    one = office.activated(POLICY_TOML)
    assert follow().for_question("", office.now).digest == one


def test_a_policy_in_another_currency_is_not_taken(office: Office, follow: Follow) -> None:
    one = office.activated(POLICY_TOML)
    policies = follow()
    euro = office.activated(EURO_TOML)
    policies.look()
    assert "currency must be USD" in str(policies.problem)
    assert policies.for_question("", office.now).digest == one
    office.by(APPROVER).activate(one)
    office.by(APPROVER).retire_policy(euro)
    office.now += NOTICE
    policies.look()
    assert policies.problem is None


def test_what_is_known_too_late_is_logged(
    office: Office, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    policies = follow()
    office.activated(POLICY_TOML)
    policies.look()
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]
    office.activated(OTHER_TOML)
    office.now += timedelta(seconds=7)
    policies.look()
    (late,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert late.getMessage() == "policy known after it took effect"
    assert late.__dict__["late_s"] == 7


def test_a_book_that_does_not_verify_does_not_start(office: Office, follow: Follow) -> None:
    one = office.activated(POLICY_TOML)
    office.folder.policy_file(one).unlink()
    with pytest.raises(FolderError):
        follow()


def test_an_officer_may_come_without_a_restart(office: Office, follow: Follow) -> None:
    policies = follow()
    officers = office.path / "officers.toml"
    officers.write_text(officers.read_text().replace('"approver"', '"author"'))
    policies.look()
    assert policies.problem is None


def test_who_wrote_a_policy_that_the_book_does_not_know_is_not_nobody(
    office: Office, follow: Follow
) -> None:
    one, policies = office.activated(POLICY_TOML), follow()
    assert policies.officers_of(one) == [AUTHOR, APPROVER]
    with pytest.raises(GoneError):
        policies.officers_of(bytes(32))

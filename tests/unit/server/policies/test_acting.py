"""What an officer does is in the book when it returns, or nothing was written."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocols.contracts.limit_policy import LimitPolicy
from protocols.errors import (
    ConfigError,
    ContractError,
    DateError,
    FolderError,
    ForeignKeyError,
    RoleError,
    TurnError,
)
from server.policies.acting import Signer, resolve, utc_now
from server.policies.errors import UnprovenPolicyError
from server.policies.folder import MOST_FILE_BYTES
from server.policies.officers import officer_text
from server.policies.proof import Proof
from tests.policies import APPROVER, AUTHOR, NOTICE, Office, officer_key, open_office, prove_nothing
from tests.unit.server.serving.world import POLICY_TOML, make_policy

OTHER_TOML = POLICY_TOML.replace('"0.2"', '"0.3"')


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path / "policies")


def test_a_policy_lives_from_draft_to_retired(office: Office) -> None:
    one, book = office.submitted(POLICY_TOML), lambda: office.book
    assert one == make_policy().digest
    assert book().status(one, office.now) == "draft"
    office.by(APPROVER).approve(one, prove=prove_nothing)
    assert book().status(one, office.now) == "approved"
    assert office.by(APPROVER).activate(one).product == "test-loan"
    assert book().active("test-loan", office.now) is None
    assert book().active("test-loan", office.now + NOTICE) == make_policy()
    office.now += timedelta(days=30)
    office.by(APPROVER).retire_policy(one)
    assert book().active("test-loan", office.now) == make_policy()
    assert book().active("test-loan", office.now + NOTICE) is None
    assert book().policy(one) == make_policy()
    assert book().officers_of(one) == (AUTHOR, APPROVER)


def test_a_file_is_kept_exactly_as_it_was_submitted(office: Office) -> None:
    text = "# why: see the minutes of 26 November\r\n" + POLICY_TOML
    one = office.submitted(text)
    assert office.folder.policy_file(one).read_bytes() == text.encode()
    with pytest.raises(TurnError, match="submitted before"):  # comments are no other policy
        office.submitted(POLICY_TOML)
    assert office.folder.policy_file(one).read_bytes() == text.encode()


def test_what_the_proof_said_is_kept_and_named(office: Office) -> None:
    one = office.submitted(POLICY_TOML)
    proof = office.by(APPROVER).approve(one, prove=lambda _: Proof("1,000 cases, no fault\n"))
    assert office.book.life(one).proof_digest == proof.digest
    assert office.folder.proof_file(proof.digest).read_bytes() == b"1,000 cases, no fault\n"


def test_a_policy_with_a_counterexample_is_not_approved(office: Office) -> None:
    one = office.submitted(POLICY_TOML)
    seen: list[LimitPolicy] = []

    def prove(policy: LimitPolicy) -> Proof:
        seen.append(policy)
        return Proof("anna gets less than boris", ("anna",))

    with pytest.raises(UnprovenPolicyError, match="fails its proof") as caught:
        office.by(APPROVER).approve(one, prove=prove)
    assert caught.value.said == "anna gets less than boris"
    assert seen == [make_policy()]
    assert office.book.status(one, office.now) == "draft"
    with pytest.raises(TurnError, match="is a draft"):
        office.by(APPROVER).activate(one)


def test_who_may_not_approve_waits_for_no_proof(office: Office) -> None:
    one = office.submitted(POLICY_TOML)

    def prove(_: LimitPolicy) -> Proof:
        pytest.fail("a proof was run")

    with pytest.raises(RoleError, match="needs the role approver"):
        office.by(AUTHOR).approve(one, prove=prove)


def test_the_author_cannot_approve_with_any_key(tmp_path: Path) -> None:
    both = {"ana": ["author", "approver"], "boris": ["approver"]}
    office = open_office(tmp_path / "policies", roles=both)  # type: ignore[arg-type]
    one = office.submitted(POLICY_TOML)
    with pytest.raises(RoleError, match="the author may not approve"):
        office.by(AUTHOR).approve(one, prove=prove_nothing)
    second = office.path / "officers.toml"  # a second key of the same person is no other person
    extra = officer_key("second").public_key().public_bytes_raw()
    second.write_text(second.read_text() + officer_text(AUTHOR, ["approver"], extra))
    with pytest.raises(RoleError, match="the author may not approve"):
        office.by("second").approve(one, prove=prove_nothing)


def test_a_refused_act_leaves_the_folder_as_it_was(office: Office) -> None:
    before = sorted(office.path.rglob("*"))
    by_boris = POLICY_TOML.replace('"ana"', '"boris"').encode()
    with pytest.raises(ForeignKeyError):
        office.by("mallory").submit(POLICY_TOML.encode(), where="p.toml")
    with pytest.raises(RoleError, match="needs the role author"):
        office.by(APPROVER).submit(by_boris, where="p.toml")
    with pytest.raises(ContractError, match=r"p\.toml: author must be ana"):
        office.by(AUTHOR).submit(by_boris, where="p.toml")
    with pytest.raises(ContractError, match=r"p\.toml: "):
        office.by(AUTHOR).submit(b"schema = 1\n", where="p.toml")
    with pytest.raises(ConfigError, match="at most 1000000 bytes"):
        office.by(AUTHOR).submit(b"#" * (MOST_FILE_BYTES + 1), where="p.toml")
    assert [path for path in sorted(office.path.rglob("*")) if path.name != "book.lock"] == before


def test_nothing_is_added_to_a_book_that_does_not_verify(office: Office) -> None:
    one = office.submitted(POLICY_TOML)
    office.folder.policy_file(one).write_bytes(b"")
    with pytest.raises(FolderError):
        office.submitted(OTHER_TOML)
    assert len(office.folder.lines()) == 1


def test_an_activation_may_be_for_later_and_never_for_before(office: Office) -> None:
    one = office.approved(POLICY_TOML)
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    office.by(APPROVER).activate(one, since=new_year)
    assert office.book.active("test-loan", new_year - timedelta(microseconds=1)) is None
    assert office.book.active("test-loan", new_year) is not None
    for since in (office.now - timedelta(days=1), office.now, office.now + timedelta(seconds=4)):
        with pytest.raises(DateError, match="5 seconds from now, or later"):
            office.by(APPROVER).activate(one, since=since)


@pytest.mark.parametrize(
    "since", [datetime(2027, 1, 1), datetime(2027, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]
)
def test_an_instant_is_in_whole_seconds_and_has_a_zone(since: datetime, office: Office) -> None:
    one = office.approved(POLICY_TOML)
    with pytest.raises(ConfigError, match="whole seconds, with its time zone"):
        office.by(APPROVER).activate(one, since=since)


def test_a_clock_that_went_back_signs_nothing(office: Office) -> None:
    one = office.submitted(POLICY_TOML)
    office.now -= timedelta(seconds=1)
    with pytest.raises(DateError, match="are the clocks right"):
        office.by(APPROVER).approve(one, prove=prove_nothing)


def test_a_product_can_be_retired_and_taken_up_again(office: Office) -> None:
    one = office.activated(POLICY_TOML)
    taken = office.by(APPROVER).retire_product("test-loan")
    assert taken == ("test-loan", int(office.now.timestamp()) + 5)
    office.now += NOTICE
    assert office.book.active_products(office.now) == []
    office.by(APPROVER).activate(one)
    assert office.book.active_products(office.now + NOTICE) == ["test-loan"]


def test_two_officers_at_once_both_get_their_turn(office: Office) -> None:
    texts = [POLICY_TOML.replace('"0.2"', f'"0.{number}"') for number in range(11, 19)]
    threads = [threading.Thread(target=office.submitted, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(office.book.lives) == len(texts)


def test_a_digest_may_be_said_by_how_it_begins(office: Office) -> None:
    one, other = office.submitted(POLICY_TOML), office.submitted(OTHER_TOML)
    assert one.hex()[:1] != other.hex()[:1]
    assert resolve(office.book, one.hex()[:6].upper()) == one
    for text in ("", "xyz"):
        with pytest.raises(TurnError, match="no policy; fedscore-server policy list"):
            resolve(office.book, text)


def test_how_several_digests_begin_names_none(office: Office) -> None:
    texts = [POLICY_TOML.replace('"0.2"', f'"0.{number}"') for number in range(11, 30)]
    first = {office.submitted(text).hex()[0]: None for text in texts}
    assert len(first) < len(texts)
    several = next(
        one for one in first if sum(d.hex().startswith(one) for d in office.book.lives) > 1
    )
    with pytest.raises(TurnError, match="give more digits"):
        resolve(office.book, several)


def test_by_default_the_machine_s_clock_signs(office: Office) -> None:
    signer = Signer(office.path, officer_key(AUTHOR))
    one = signer.submit(POLICY_TOML.encode(), where="p.toml")
    assert abs(office.book.life(one).submitted_s - utc_now().timestamp()) < 60

"""Who edits a line, a policy's file, a proof or the order is found, from the files alone."""

import json
import random
import shutil
from pathlib import Path

import pytest

from protocols.errors import (
    ChainError,
    ConfigError,
    ContractError,
    FolderError,
    ForeignKeyError,
    RollbackError,
    VerificationError,
)
from protocols.ledger.canonical import digest, from_base64, to_base64
from protocols.ledger.envelope import parse_envelope, sign
from server.policies.acts import Place, Submit, sign_act
from server.policies.book import check_seen
from server.policies.reading import policy_from_bytes, verify_book
from tests.policies import APPROVER, AUTHOR, Office, officer_key, officers_toml, open_office
from tests.unit.server.serving.world import POLICY_TOML

OTHER_TOML = POLICY_TOML.replace('"0.2"', '"0.3"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """A book of seven acts, whose first policy was replaced by another."""
    office = open_office(tmp_path_factory.mktemp("office") / "policies")
    office.activated(POLICY_TOML)
    office.activated(OTHER_TOML)
    office.by(APPROVER).retire_product("test-loan")
    return office


@pytest.fixture
def office(made: Office, tmp_path: Path) -> Office:
    """A copy of it, to be tampered with."""
    return Office(shutil.copytree(made.path, tmp_path / "policies"), made.now)


def _lines(office: Office) -> list[bytes]:
    return office.folder.lines()


def _write(office: Office, lines: list[bytes]) -> None:
    office.folder.book.write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_whole_book_verifies_and_holds_its_policies(made: Office) -> None:
    book = made.book
    assert len(book.links) == 7
    assert [book.policy(one).digest for one in book.lives] == list(book.lives)
    assert book.policy(next(iter(book.lives))) == policy_from_bytes(
        POLICY_TOML.encode(), where="policy"
    )


def test_an_office_without_acts_has_an_empty_book(tmp_path: Path) -> None:
    assert open_office(tmp_path / "policies").book.lives == {}


def test_any_bit_that_is_flipped_in_the_book_is_found(office: Office) -> None:
    raw, draw = office.folder.book.read_bytes(), random.Random(7)
    for _ in range(200):
        place = draw.randrange(len(raw) - 1)  # the last line end is another test's
        bent = bytes([raw[place] ^ 1 << draw.randrange(8)])
        office.folder.book.write_bytes(raw[:place] + bent + raw[place + 1 :])
        with pytest.raises(VerificationError):
            verify_book(office.path)


@pytest.mark.parametrize("number", range(6))
def test_a_line_that_is_taken_out_or_moved_or_doubled_is_found(number: int, office: Office) -> None:
    lines = _lines(office)
    swapped = [*lines]
    swapped[number], swapped[number + 1] = lines[number + 1], lines[number]
    without = lines[:number] + lines[number + 1 :]
    for bent in (swapped, without, [*lines[: number + 1], lines[number], *lines[number + 1 :]]):
        _write(office, bent)
        with pytest.raises(ChainError, match="does not follow"):
            verify_book(office.path)


def test_lines_that_are_missing_at_the_end_are_found_by_who_noted_the_head(office: Office) -> None:
    head = office.book.head.hex()
    assert check_seen(office.book, head) == office.book
    _write(office, _lines(office)[:-1])
    with pytest.raises(RollbackError, match="does not go on from the head"):
        check_seen(office.book, head)


def test_a_line_names_itself_when_it_is_wrong(office: Office) -> None:
    lines = _lines(office)
    lines[3] = lines[3].replace(b"signatures", b"signature5")
    _write(office, lines)
    with pytest.raises(VerificationError, match=r"book\.jsonl line 4: expected an envelope"):
        verify_book(office.path)


def test_an_act_by_a_stranger_is_found(office: Office) -> None:
    lines = _lines(office)
    envelope = parse_envelope(lines[-1])
    forged = sign(
        envelope.payload, payload_type=envelope.payload_type, keys=[officer_key("mallory")]
    )
    _write(office, [*lines[:-1], forged.to_bytes()])
    with pytest.raises(ForeignKeyError, match=r"line 7: .* no officer's"):
        verify_book(office.path)


def test_an_end_that_its_own_officer_writes_anew_is_found_by_who_noted_the_head(
    office: Office,
) -> None:
    """What a signature cannot show: Boris changes his mind, and drops what he signed last."""
    head = office.book.head.hex()
    _write(office, _lines(office)[:-1])
    office.by(APPROVER).retire_policy(next(iter(office.book.lives)))
    assert len(office.book.links) == 7
    with pytest.raises(RollbackError, match="does not go on from the head"):
        check_seen(office.book, head)


@pytest.mark.parametrize("folder", ["policies", "proofs"])
def test_a_file_that_is_edited_or_gone_is_found(folder: str, office: Office) -> None:
    for path in sorted((office.path / folder).iterdir()):
        raw = path.read_bytes()
        for bent in (raw + b"\n", raw.replace(b"a", b"b", 1), b""):
            path.write_bytes(bent)
            with pytest.raises(FolderError, match=f"{path.name}: is not the file"):
                verify_book(office.path)
        path.unlink()
        with pytest.raises(FolderError, match=f"{path.name}: cannot be read"):
            verify_book(office.path)
        path.write_bytes(raw)
    assert verify_book(office.path)


def test_two_policies_do_not_change_places(office: Office) -> None:
    one, other = sorted((office.path / "policies").iterdir())
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    with pytest.raises(FolderError, match="is not the file"):
        verify_book(office.path)


def _signed_for(office: Office, raw: bytes, *, policy: bytes, product: str) -> None:
    """Write what an author with his own tools could: a line that says something else."""
    place = Place(0, "00" * 32, AUTHOR, 0)
    act = Submit(place, policy.hex(), digest(raw).hex(), product)
    _write(office, [sign_act(act, officer_key(AUTHOR)).to_bytes()])
    office.folder.keep(office.folder.policy_file(policy), raw)


def test_a_policy_under_another_s_name_is_found(office: Office) -> None:
    raw = POLICY_TOML.encode()
    named = policy_from_bytes(raw, where="policy").digest
    _signed_for(office, raw, policy=bytes(32), product="test-loan")
    with pytest.raises(FolderError, match="is not the policy that was submitted"):
        verify_book(office.path)
    _signed_for(office, raw, policy=named, product="card")
    with pytest.raises(FolderError, match="is not the policy that was submitted"):
        verify_book(office.path)


def test_a_policy_that_does_not_load_is_found(office: Office) -> None:
    _signed_for(office, b"schema = 99\n", policy=bytes(32), product="loan")
    with pytest.raises(FolderError, match="is this version older than the policy"):
        verify_book(office.path)


def test_an_auditor_may_bring_his_own_list_of_officers(office: Office, tmp_path: Path) -> None:
    own = tmp_path / "officers.toml"
    own.write_text(officers_toml())
    (office.path / "officers.toml").write_text(officers_toml({"mallory": ["author", "approver"]}))
    with pytest.raises(ForeignKeyError):
        verify_book(office.path)
    assert verify_book(office.path, officers=own).lives


def test_policies_at_hand_are_taken_but_their_files_still_checked(office: Office) -> None:
    before = verify_book(office.path)
    again = verify_book(office.path, at_hand=before.policies)
    assert all(again.policies[one] is before.policies[one] for one in before.policies)
    path = next((office.path / "policies").iterdir())
    path.write_bytes(b"")
    with pytest.raises(FolderError):
        verify_book(office.path, at_hand=before.policies)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"officers\.toml"):
        verify_book(tmp_path / "none")


def test_what_is_no_toml_is_no_policy() -> None:
    for raw in (b"\xff", b"= 1", b"[" * 100_000):
        with pytest.raises(ContractError, match=r"p\.toml: not TOML in UTF-8"):
            policy_from_bytes(raw, where="p.toml")


def test_a_line_is_an_envelope_that_other_tools_read(made: Office) -> None:
    for number, line in enumerate(_lines(made)):
        table = json.loads(line)
        payload = json.loads(from_base64(table["payload"]))
        assert payload["place"]["seq"] == number
        assert to_base64(from_base64(table["signatures"][0]["sig"]))

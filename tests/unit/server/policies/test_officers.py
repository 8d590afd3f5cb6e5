"""Who may act: one key, one name; what each may sign; and who has left signs no more."""

from dataclasses import replace
from pathlib import Path

import pytest

from protocols.errors import ConfigError, ForeignKeyError, RoleError, SignatureError
from protocols.ledger.envelope import Envelope
from server.policies.acts import Act, Approve, Place, RetireProduct, Submit, sign_act
from server.policies.officers import Officers, officer_text, read_officers, verify_act
from tests.policies import APPROVER, AUTHOR, officer_key, officers_toml

DIGEST = "ab" * 32
SUBMIT = Submit(Place(0, "00" * 32, AUTHOR, 1_000), DIGEST, DIGEST, "loan")
APPROVE = Approve(Place(1, "00" * 32, APPROVER, 1_000), DIGEST, DIGEST)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "officers.toml"
    file.write_text(officers_toml(), encoding="utf-8")
    return file


@pytest.fixture
def officers(path: Path) -> Officers:
    return read_officers(path)


def _signed(act: Act, *names: str) -> Envelope:
    first, *others = [sign_act(act, officer_key(name)) for name in names or (act.place.officer,)]
    more = [signature for one in others for signature in one.signatures]
    return replace(first, signatures=tuple(sorted([*first.signatures, *more])))


def test_an_officer_s_act_in_his_role_is_good(officers: Officers) -> None:
    assert verify_act(SUBMIT, _signed(SUBMIT), officers) == SUBMIT
    assert verify_act(APPROVE, _signed(APPROVE), officers) == APPROVE


def test_a_key_that_is_nobody_s_is_refused(officers: Officers) -> None:
    with pytest.raises(ForeignKeyError, match=r"is it in officers\.toml"):
        verify_act(SUBMIT, _signed(SUBMIT, "mallory"), officers)


def test_an_act_has_one_signature_and_no_more(officers: Officers) -> None:
    for envelope in (_signed(SUBMIT, AUTHOR, APPROVER), replace(_signed(SUBMIT), signatures=())):
        with pytest.raises(ForeignKeyError, match="exactly one signature"):
            verify_act(SUBMIT, envelope, officers)


def test_a_wrong_signature_is_refused(officers: Officers) -> None:
    ((key_id, signature),) = _signed(SUBMIT).signatures
    bent = replace(_signed(SUBMIT), signatures=((key_id, signature[:-1] + b"x"),))
    with pytest.raises(SignatureError, match="signature of ana is wrong"):
        verify_act(SUBMIT, bent, officers)


def test_nobody_acts_in_another_s_name(officers: Officers) -> None:
    posing = replace(APPROVE, place=replace(APPROVE.place, officer=AUTHOR))
    with pytest.raises(RoleError, match="another officer's"):
        verify_act(posing, _signed(posing, APPROVER), officers)


@pytest.mark.parametrize(
    ("act", "name", "role"),
    [
        (SUBMIT, APPROVER, "author"),
        (APPROVE, AUTHOR, "approver"),
        (RetireProduct(SUBMIT.place, "loan", 2_000), AUTHOR, "approver"),
    ],
)
def test_an_act_needs_its_role(act: Act, name: str, role: str, officers: Officers) -> None:
    act = replace(act, place=replace(act.place, officer=name))
    with pytest.raises(RoleError, match=f"needs the role {role}"):
        verify_act(act, _signed(act), officers)


def test_who_has_left_stands_for_what_he_did_before(path: Path) -> None:
    text = officers_toml({AUTHOR: ["author"]}) + "left_at = 1970-01-01T00:16:40Z\n"  # 1,000 s
    path.write_text(text, encoding="utf-8")
    before = replace(SUBMIT, place=replace(SUBMIT.place, at=999))
    assert verify_act(before, _signed(before), read_officers(path)) == before
    with pytest.raises(RoleError, match="has left"):
        verify_act(SUBMIT, _signed(SUBMIT), read_officers(path))


def test_a_person_may_have_several_keys(path: Path) -> None:
    second = officer_text(AUTHOR, ["author"], officer_key("second").public_key().public_bytes_raw())
    path.write_text(f"{officers_toml()}\n{second}", encoding="utf-8")
    officers = read_officers(path)
    for key in (AUTHOR, "second"):
        assert verify_act(SUBMIT, _signed(SUBMIT, key), officers) == SUBMIT


def test_one_key_under_two_names_is_refused(path: Path) -> None:
    again = officer_text("anna", ["approver"], officer_key(AUTHOR).public_key().public_bytes_raw())
    path.write_text(f"{officers_toml()}\n{again}", encoding="utf-8")
    with pytest.raises(ConfigError, match="a key stands once, with one name"):
        read_officers(path)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('"author"', '"owner"', "roles"),
        ('"ana"', '"ana smith"', "name"),
        ("key = ", 'key = "AAAA" # ', "32 bytes"),
        ("key = ", 'key = "*" # ', "base64"),
        ("[[officers]]", "[[clerks]]", "Field required"),
        ("roles", "left_at = 2026-01-01T00:00:00\nroles", "timezone"),
    ],
)
def test_a_wrong_file_is_refused_by_its_rule(path: Path, old: str, new: str, rule: str) -> None:
    path.write_text(officers_toml().replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=rule):
        read_officers(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"officers\.toml: cannot be read"):
        read_officers(tmp_path / "officers.toml")


def test_what_is_printed_for_a_key_is_what_the_file_takes(path: Path) -> None:
    printed = officer_text("carla", ["author", "approver", "author"], bytes(32))
    path.write_text(printed + "\n" + officers_toml(), encoding="utf-8")
    assert read_officers(path).officers[0].roles == ("author", "approver")
    with pytest.raises(ConfigError, match="officer: name"):
        officer_text("no name", ["author"], bytes(32))

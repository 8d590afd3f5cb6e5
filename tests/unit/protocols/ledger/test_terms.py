"""The terms an auditor reads from a charter without any other package."""

from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest

from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json, digest
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing
from protocols.ledger.terms import terms_in, terms_of
from tests.adversarial.ledger.honest import FOUR, MASKED, charter_table, key_for, public


def _raw(name: str) -> bytes:
    return key_for(name).public_key().public_bytes_raw()


def test_the_terms_are_those_of_the_charter() -> None:
    table = charter_table()
    terms = terms_of(table)
    assert terms.policy == canonical_json(table)
    assert terms.charter == digest(terms.policy)
    assert list(terms.partners) == ["north", "south", "west"]
    assert terms.delta == Fraction(1, 100_000)
    assert (terms.minimum_noise, terms.minimum_cohort) == (5, 2)
    assert (terms.spare_attempts, terms.most_rounds) == (3, 20)
    assert (terms.released_cap_micro, terms.worst_cap_micro) == (1_000_000, 1_000_000)
    assert (terms.log.origin, terms.log.key) == ("test/log", _raw("log"))


def test_everybody_has_a_key() -> None:
    terms = terms_of(charter_table())
    assert terms.key_of("coordinator") == _raw("order")
    assert terms.key_of("south") == _raw("south")
    assert terms.charter_signers == {
        name: _raw(name) for name in ("north", "south", "west", "auditor")
    }
    assert terms.key_of("auditor") == _raw("auditor")
    with pytest.raises(EntryError, match="does not name"):
        terms.key_of("mallory")


def test_a_later_charter_names_those_before_it_and_keys_before_that_sign_too() -> None:
    assert terms_of(charter_table()).succeeds == ()
    table = charter_table()
    table["succeeds"] = ["ab" * 32, "01" * 32]
    table["auditor"]["identity_key_before"] = public("old auditor")  # type: ignore[index]
    terms = terms_of(table)
    assert terms.succeeds == ("ab" * 32, "01" * 32)
    assert dict(terms.keys_before) == {"auditor": _raw("old auditor")}
    assert terms.charter_signers["auditor (key before)"] == _raw("old auditor")
    assert len(terms.charter_signers) == len(terms.parties) + 1
    assert terms.key_of("auditor") == _raw("auditor")
    with pytest.raises(EntryError, match="does not name"):
        terms.key_of("auditor (key before)")
    assert terms_in(terms.policy) == terms


@pytest.mark.parametrize(
    "succeeds", [[], "ab" * 32, ["ab" * 32] * 2, ["ab"], [7], ["AB" * 32], None, [["ab" * 32]]]
)
def test_what_a_charter_succeeds_is_a_list_of_different_digests(succeeds: object) -> None:
    with pytest.raises(EntryError, match="succeeds"):
        terms_of({**charter_table(), "succeeds": succeeds})


@pytest.mark.parametrize("before", ["north", "south", "south cosign", "order", "log"])
def test_a_key_before_is_nobody_s_key_now(before: str) -> None:
    table = charter_table()
    table["partners"][0]["identity_key_before"] = public(before)  # type: ignore[index]
    with pytest.raises(EntryError, match="a key of its own"):
        terms_of(table)


@pytest.mark.parametrize("policy", [b"[]", b"{ }", b"{}", b"\xff"])
def test_what_is_no_charter_is_not_read_as_one(policy: bytes) -> None:
    with pytest.raises(EntryError):
        terms_in(policy)


def test_partners_and_auditor_are_witnesses_with_keys_for_nothing_else() -> None:
    terms = terms_of(charter_table())
    names = ("north", "south", "west", "auditor")
    assert terms.quorum == 3
    assert dict(terms.witnesses) == {name: _raw(f"{name} cosign") for name in names}
    assert list(terms.witnesses) == list(names)


@pytest.mark.parametrize(
    ("partners", "quorum", "is_read"),
    [
        *((1, 0, False), (1, 1, True), (1, 2, False)),
        *((2, 1, False), (2, 2, True), (2, 3, False)),
        *((3, 2, False), (3, 3, True), (3, 4, False)),
        *((4, 2, False), (4, 3, True), (4, 4, True), (4, 5, False)),
    ],
)
def test_two_quorums_have_a_witness_in_common_and_need_no_auditor(
    partners: int, quorum: int, *, is_read: bool
) -> None:
    table = charter_table(FOUR[:partners]) | {"witness_quorum": quorum}
    if is_read:
        assert terms_of(table).quorum == quorum
    else:
        with pytest.raises(EntryError, match="witness_quorum"):
            terms_of(table)


def _bent(path: str, value: object) -> dict[str, object]:
    table: Any = deepcopy(charter_table())
    *parents, last = path.split(".")
    inner = table
    for part in parents:
        inner = inner[int(part) if part.isdigit() else part]
    inner[last] = value
    return dict(table)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("code_digest", 1),
        ("coordinator", "hub"),
        ("coordinator.log_key", "AAAA"),
        ("coordinator.log_key", public("north")),
        ("coordinator.order_key", "?"),
        ("auditor.name", "north"),
        ("auditor.name", "coordinator"),
        ("auditor.identity_key", public("north")),
        ("auditor.cosign_key", public("auditor")),
        ("auditor.cosign_key", public("north cosign")),
        ("witness_quorum", "2"),
        ("witness_quorum", True),
        ("partners", {}),
        ("partners", ["north"]),
        ("partners.0.name", "south"),
        ("partners.0.name", "two words"),
        ("partners.0.name", "coordinator"),
        ("partners.0.identity_key", public("south")),
        ("partners.0.cosign_key", public("north")),
        ("partners.0.cosign_key", public("south")),
        ("partners.0.cosign_key", public("south cosign")),
        ("partners.0.cosign_key", public("log")),
        ("partners.0.cosign_key", public("order")),
        ("partners.0.cosign_key", "AAAA"),
        ("privacy.delta", "1"),
        ("privacy.delta", 1),
        ("privacy.mode", "central"),
        ("privacy.mode", None),
        ("privacy.minimum_cohort", True),
        ("privacy.most_rounds", "20"),
        ("privacy.gradient_clip_norm", 0.5),
    ],
)
def test_a_charter_that_could_be_read_two_ways_is_refused(path: str, value: object) -> None:
    with pytest.raises(EntryError):
        terms_of(_bent(path, value))


@pytest.mark.parametrize(
    "member",
    [
        "mode",
        "noise_shares",
        "tolerated_colluders",
        "max_lenders_per_borrower",
        "minimum_cohort",
        "most_cohort_changes",
    ],
)
def test_a_missing_privacy_term_is_named(member: str) -> None:
    table: Any = charter_table()
    del table["privacy"][member]
    with pytest.raises(EntryError, match=member):
        terms_of(table)


def test_the_noise_mode_is_that_of_the_charter() -> None:
    assert terms_of(charter_table()).sharing == Sharing(LOCAL, 1, 1)
    table = charter_table(FOUR, **MASKED, max_lenders_per_borrower=3)
    assert terms_of(table).sharing == Sharing(DISTRIBUTED, 2, 3)


# Mode, shares, colluders, minimum cohort, lenders.
_PROMISES = {
    "alone, and a cohort of one": ("local", 1, 0, 1, 1),
    "alone, and many lenders": ("local", 1, 0, 2, 9),
    "just enough for shares and colluders": ("distributed", 2, 1, 3, 1),
    "more than enough": ("distributed", 2, 1, 4, 1),
    "one share": ("distributed", 1, 2, 3, 1),
    "one share and one colluder": ("distributed", 1, 1, 3, 1),
}
_BROKEN = {
    "alone, with shares": ("local", 2, 0, 2, 1),
    "alone, with no share": ("local", 0, 0, 2, 1),
    "alone, with colluders": ("local", 1, 1, 2, 1),
    "no lender": ("local", 1, 0, 2, 0),
    "a mode that is none": ("central", 1, 0, 3, 1),
    "no share": ("distributed", 0, 1, 3, 1),
    "shares below nothing": ("distributed", -1, 4, 3, 1),
    "no colluder": ("distributed", 3, 0, 3, 1),
    "a cohort that is too small for its shares": ("distributed", 3, 1, 3, 1),
    "a cohort that is too small for its colluders": ("distributed", 2, 2, 3, 1),
    "a cohort of two": ("distributed", 1, 1, 2, 1),
    "shared, and no lender": ("distributed", 2, 1, 3, 0),
}


def _promise(
    mode: str, shares: int, colluders: int, cohort: int, lenders: int
) -> dict[str, object]:
    return charter_table(
        FOUR,
        mode=mode,
        noise_shares=shares,
        tolerated_colluders=colluders,
        minimum_cohort=cohort,
        max_lenders_per_borrower=lenders,
    )


@pytest.mark.parametrize("name", _PROMISES)
def test_a_noise_mode_whose_promise_holds_is_read(name: str) -> None:
    terms = terms_of(_promise(*_PROMISES[name]))
    mode, shares, _, cohort, lenders = _PROMISES[name]
    assert terms.sharing == Sharing(mode, shares, lenders)
    assert terms.minimum_cohort == cohort


@pytest.mark.parametrize("name", _BROKEN)
def test_a_noise_mode_whose_promise_does_not_hold_is_refused(name: str) -> None:
    with pytest.raises(EntryError, match="charter"):
        terms_of(_promise(*_BROKEN[name]))


@pytest.mark.parametrize(
    "member", ["coordinator", "auditor", "partners", "privacy", "code_digest", "witness_quorum"]
)
def test_a_missing_member_is_named(member: str) -> None:
    table = charter_table()
    del table[member]
    with pytest.raises(EntryError, match=member):
        terms_of(table)


@pytest.mark.parametrize("party", ["auditor", "partners"])
def test_a_missing_cosign_key_is_named(party: str) -> None:
    table: Any = charter_table()
    del (table[party] if party == "auditor" else table[party][1])["cosign_key"]
    with pytest.raises(EntryError, match="cosign_key"):
        terms_of(table)

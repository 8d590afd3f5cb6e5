"""An act is one line, says exactly what its kind says, and is signed as that kind only."""

from dataclasses import replace

import pytest

from protocols.errors import EntryError, SignatureError
from protocols.ledger.canonical import canonical_json, parse_canonical
from protocols.ledger.envelope import sign, verify_envelope
from server.policies.acts import (
    MOST_LINE_BYTES,
    Act,
    Activate,
    Approve,
    Place,
    RetirePolicy,
    RetireProduct,
    Submit,
    parse_act,
    sign_act,
)
from tests.policies import AUTHOR, officer_key

DIGEST = "ab" * 32
PLACE = Place(3, "00" * 32, AUTHOR, 1_800_000_000)
ACTS: list[Act] = [
    Submit(PLACE, DIGEST, "cd" * 32, "loan"),
    Approve(PLACE, DIGEST, "cd" * 32),
    Activate(PLACE, DIGEST, "loan", 1_800_000_005),
    RetirePolicy(PLACE, DIGEST, 1_800_000_005),
    RetireProduct(PLACE, "loan", 1_800_000_005),
]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: type(act).__name__)
def test_an_act_is_one_line_that_reads_as_it_was_written(act: Act) -> None:
    envelope = sign_act(act, officer_key(AUTHOR))
    line = envelope.to_bytes()
    assert b"\n" not in line
    assert parse_act(line) == (envelope, act)


def test_a_signature_for_one_kind_is_worthless_on_another() -> None:
    key = officer_key(AUTHOR)
    retiring = sign_act(ACTS[3], key)
    posing = replace(retiring, payload_type=Approve.payload_type)
    keys = {AUTHOR: key.public_key().public_bytes_raw()}
    with pytest.raises(SignatureError, match="signature of ana is wrong"):
        verify_envelope(posing, payload_type=Approve.payload_type, keys=keys)


def test_a_line_of_another_kind_is_refused() -> None:
    line = sign(b"{}", payload_type="application/json", keys=[officer_key(AUTHOR)]).to_bytes()
    with pytest.raises(EntryError, match="unknown kind"):
        parse_act(line)


def test_a_line_with_a_member_more_is_refused() -> None:
    payload = parse_canonical(sign_act(ACTS[4], officer_key(AUTHOR)).payload)
    assert isinstance(payload, dict)
    raw = canonical_json({**payload, "note": "urgent"})
    kind = RetireProduct.payload_type
    line = sign(raw, payload_type=kind, keys=[officer_key(AUTHOR)]).to_bytes()
    with pytest.raises(EntryError, match="expected exactly place, product, since"):
        parse_act(line)


def test_a_line_that_no_act_needs_is_refused_unread() -> None:
    with pytest.raises(EntryError, match="a line of more than 4096 bytes"):
        parse_act(b"x" * (MOST_LINE_BYTES + 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seq": -1}, "seq"),
        ({"prev": "AB" * 32}, "prev"),
        ({"officer": "ana smith"}, "officer"),
        ({"at": -1}, "at"),
    ],
)
def test_a_place_that_cannot_be_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(EntryError, match=said):
        replace(PLACE, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: type(act).__name__)
def test_every_member_of_an_act_is_checked(act: Act) -> None:
    wrong: dict[str, object] = {"product": "a loan", "since": -1}
    for name in ("policy", "file", "proof", "product", "since"):
        if hasattr(act, name):
            with pytest.raises(EntryError, match=f"{name}: expected"):
                replace(act, **{name: wrong.get(name, "abc")})  # type: ignore[arg-type]

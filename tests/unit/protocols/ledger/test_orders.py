"""An order is the coordinator's word under this charter, or it is refused."""

from dataclasses import replace

import pytest

from protocols.errors import EntryError, OrderRefusedError, SignatureError
from protocols.ledger.codec import encode
from protocols.ledger.entry import RoundOpen, parse_entry
from protocols.ledger.envelope import Envelope, sign
from protocols.ledger.messages import AskAuthorise, AskClose, AskCosign
from protocols.ledger.orders import Asked, place_of, read_order
from tests.adversarial.ledger.honest import PLAN, key_for, trained

WORLD = trained()
CHARTER = WORLD.terms.charter.hex()
ASK = AskAuthorise(charter=CHARTER, run="run-9", queries=PLAN, spare_attempts=1, last_seq=-1, at=0)
COSIGN = AskCosign(charter=CHARTER, run="run-9")
CLOSE = AskClose(charter=CHARTER, run="run-9")
OPENED = next(
    entry
    for entry in (parse_entry(leaf)[1] for leaf in WORLD.leaves[1:])
    if isinstance(entry, RoundOpen)
)
ALL: list[Asked] = [ASK, COSIGN, CLOSE, OPENED]


def _signed(asked: Asked, key: str = "order") -> Envelope:
    return sign(encode(asked), payload_type=asked.payload_type, keys=[key_for(key)])


@pytest.mark.parametrize("asked", ALL)
def test_the_coordinators_word_is_read(asked: Asked) -> None:
    assert read_order(_signed(asked), WORLD.terms) == asked


@pytest.mark.parametrize("asked", ALL)
@pytest.mark.parametrize("key", ["log", "north"])
def test_an_order_by_another_key_is_refused(asked: Asked, key: str) -> None:
    with pytest.raises(SignatureError):
        read_order(_signed(asked, key), WORLD.terms)


@pytest.mark.parametrize(
    "asked",
    [
        replace(ASK, charter="ab" * 32),
        replace(COSIGN, charter="ab" * 32),
        replace(CLOSE, charter="ab" * 32),
        replace(OPENED, link=replace(OPENED.link, charter="ab" * 32)),
    ],
)
def test_an_order_under_another_charter_is_refused(asked: Asked) -> None:
    with pytest.raises(OrderRefusedError, match="another charter"):
        read_order(_signed(asked), WORLD.terms)


def test_an_order_in_somebody_elses_name_is_refused() -> None:
    forged = replace(OPENED, link=replace(OPENED.link, signer="north"))
    with pytest.raises(SignatureError, match="own entry"):
        read_order(_signed(forged), WORLD.terms)


def test_the_signature_under_one_order_is_none_under_another_of_the_same_members() -> None:
    for asked, other in ((COSIGN, CLOSE), (CLOSE, COSIGN)):
        taken = replace(_signed(asked), payload_type=other.payload_type)
        with pytest.raises(SignatureError, match="is wrong"):
            read_order(taken, WORLD.terms)


def test_what_is_no_order_is_refused() -> None:
    with pytest.raises(OrderRefusedError, match="not an order"):
        read_order(replace(_signed(ASK), payload_type="application/json"), WORLD.terms)
    garbled = sign(b"{}", payload_type=ASK.payload_type, keys=[key_for("order")])
    with pytest.raises(EntryError):
        read_order(garbled, WORLD.terms)


def test_every_place_is_one_of_its_own() -> None:
    step = OPENED.step
    assert [place_of(asked) for asked in ALL] == [
        "run-9/authorise",
        "run-9/cosign",
        "run-9/close",
        f"{OPENED.link.run}/{step.round}/{step.attempt}",
    ]

"""Entries: each kind comes back as signed, and nothing malformed is one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json
from protocols.ledger.codec import encode
from protocols.ledger.entry import (
    GROSS_ERROR,
    MOST_SQUARES,
    NO_ENTRY,
    NO_FAULT,
    NO_KEY,
    NO_PIN,
    NO_RUN,
    POLICY,
    Amend,
    AuditReport,
    Authorise,
    DatasetEpoch,
    Entry,
    Link,
    Mechanism,
    Pin,
    PlannedQuery,
    ReleaseEntry,
    RoundClose,
    RoundOpen,
    RunClose,
    Spend,
    Step,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import sign, verify_envelope
from protocols.ledger.epsilons import Epsilons
from tests.adversarial.ledger.honest import key_for

_DIGEST = "0a" * 32
_LINK = Link(_DIGEST, "north", 0, NO_ENTRY, Pin(3, _DIGEST), 1, "run")
_GRAM = Mechanism("gram", "10.5")
_PLANNED = PlannedQuery(_GRAM, 1)
_PRICE = Epsilons(5, 6, (5, 6, 7, 8, 9), (6, 7, 8, 9, 10))
_ENTRIES: dict[str, Entry] = {
    "dataset-epoch": DatasetEpoch(_LINK, _DIGEST),
    "authorise": Authorise(_LINK, (_PLANNED,), 1, _DIGEST, _DIGEST, NO_KEY, _PRICE),
    "round-open": RoundOpen(_LINK, Step(1, 1), _GRAM, 3, ("north", "south"), _DIGEST),
    "spend": Spend(_LINK, Step(1, 1), _DIGEST, _GRAM, ("north", "south"), _PRICE),
    "amend": Amend(_LINK, _DIGEST, "10.25", _PRICE),
    "complete": RoundClose(
        _LINK, Step(1, 1), _DIGEST, (_DIGEST,), _DIGEST, (), GROSS_ERROR, 4, 3_999
    ),
    "void": RoundClose(_LINK, Step(1, 1), _DIGEST, (), NO_ENTRY, ("north",), NO_FAULT, 0, 0),
    "run-close": RunClose(_LINK, 2, _PRICE),
    "release": ReleaseEntry(_LINK, _DIGEST, ("north",)),
    "audit-report": AuditReport(replace(_LINK, pin=NO_PIN, run=NO_RUN), 0, _DIGEST),
}


@pytest.mark.parametrize("name", _ENTRIES)
def test_an_entry_comes_back_with_a_signature_that_holds(name: str) -> None:
    entry, key = _ENTRIES[name], key_for("north")
    envelope, parsed = parse_entry(sign_entry(entry, key).to_bytes())
    assert parsed == entry
    keys = {"north": key.public_key().public_bytes_raw()}
    assert verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)


@pytest.mark.parametrize(
    ("name", "bend"),
    [
        ("dataset-epoch", {"commitment": "x"}),
        ("authorise", {"spare_attempts": -1}),
        ("authorise", {"spare_attempts": 1001}),
        ("authorise", {"epoch": "x"}),
        ("authorise", {"code_digest": "x"}),
        ("authorise", {"mask_key": "x"}),
        ("authorise", {"queries": ()}),
        ("authorise", {"queries": (_PLANNED, _PLANNED)}),
        ("round-open", {"width": 0}),
        ("round-open", {"parameters_digest": ""}),
        ("round-open", {"cohort": ("south", "north")}),
        ("round-open", {"cohort": ("north", "north")}),
        ("spend", {"order": "x"}),
        ("spend", {"cohort": ("south", "north")}),
        ("spend", {"cohort": ("north", "north")}),
        ("amend", {"spend": "x"}),
        ("amend", {"noise_multiplier": "0"}),
        ("amend", {"noise_multiplier": "1e3"}),
        ("complete", {"order": "x"}),
        ("complete", {"sum_digest": "x"}),
        ("complete", {"sum_digest": NO_ENTRY}),
        ("complete", {"missing": ("north",)}),
        ("complete", {"spends": ("x",)}),
        ("complete", {"spends": (_DIGEST, _DIGEST)}),
        ("complete", {"spends": ("0b" * 32, _DIGEST)}),
        ("complete", {"fault": "bad luck"}),
        ("complete", {"fault": ""}),
        ("complete", {"contrasts": -1}),
        ("complete", {"squares_milli": -1}),
        ("complete", {"squares_milli": MOST_SQUARES + 1}),
        ("void", {"missing": ("south", "north")}),
        ("void", {"fault": GROSS_ERROR}),
        ("void", {"contrasts": 1}),
        ("void", {"squares_milli": 1}),
        ("run-close", {"spends": -1}),
        ("release", {"manifest_digest": "x"}),
        ("audit-report", {"findings": -1}),
        ("audit-report", {"report_digest": "x"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_member_out_of_range_is_no_entry(name: str, bend: dict[str, Any]) -> None:
    with pytest.raises(EntryError):
        replace(_ENTRIES[name], **bend)


@pytest.mark.parametrize(
    "bend",
    [{"charter": "x"}, {"signer": ""}, {"seq": -1}, {"prev": "x"}, {"at": -1}, {"run": "a b"}],
    ids=str,
)
def test_a_link_out_of_range_is_refused(bend: dict[str, Any]) -> None:
    with pytest.raises(EntryError):
        replace(_LINK, **bend)


@pytest.mark.parametrize(
    ("size", "root"),
    [(-1, _DIGEST), (2**40 + 1, _DIGEST), (1, "x"), (0, _DIGEST), (1, NO_ENTRY)],
)
def test_a_pin_is_of_a_checkpoint_or_of_none(size: int, root: str) -> None:
    with pytest.raises(EntryError):
        Pin(size, root)


def test_a_signer_that_has_seen_no_checkpoint_pins_zeros() -> None:
    assert Pin(0, NO_ENTRY) == NO_PIN


def test_every_kind_has_a_payload_type_of_its_own() -> None:
    kinds = {type(entry): entry.payload_type for entry in _ENTRIES.values()}
    assert len(set(kinds.values())) == len(kinds) == 9


def test_an_entry_without_its_pin_is_none() -> None:
    table = json.loads(encode(_ENTRIES["spend"]))
    del table["link"]["pin"]
    envelope = sign(canonical_json(table), payload_type=Spend.payload_type, keys=[key_for("north")])
    with pytest.raises(EntryError, match="exactly charter, signer, seq, prev, pin, at, run"):
        parse_entry(envelope.to_bytes())


def test_an_older_version_of_a_kind_is_of_an_unknown_kind() -> None:
    for entry in (_ENTRIES["authorise"], _ENTRIES["spend"], _ENTRIES["run-close"]):
        older = entry.payload_type.replace("v=3", "v=2")
        envelope = sign(encode(entry), payload_type=older, keys=[key_for("north")])
        with pytest.raises(EntryError, match="unknown kind"):
            parse_entry(envelope.to_bytes())


def test_steps_queries_and_rounds_are_in_range() -> None:
    for make in (
        lambda: Step(0, 1),
        lambda: Step(1, 0),
        lambda: PlannedQuery(_GRAM, 0),
        lambda: Mechanism("", "1"),
        lambda: Mechanism("gram", "0"),
    ):
        with pytest.raises(EntryError):
            make()


@pytest.mark.parametrize("kind", [POLICY, "application/json", ""])
def test_another_kind_of_envelope_is_no_entry(kind: str) -> None:
    envelope = sign(canonical_json({}), payload_type=kind, keys=[key_for("north")])
    with pytest.raises(EntryError, match="unknown kind"):
        parse_entry(envelope.to_bytes())

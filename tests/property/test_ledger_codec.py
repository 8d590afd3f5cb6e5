"""Parsers of the ledger raise our errors on any bytes, and never anything else."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import EntryError, VerificationError
from protocols.ledger.canonical import canonical_json, from_base64, parse_canonical, to_base64
from protocols.ledger.checkpoint import LogKey, open_checkpoint
from protocols.ledger.codec import decode
from protocols.ledger.cosignature import cosign, cosignatures_in, with_lines
from protocols.ledger.entry import NO_PIN, Pin, parse_entry
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.evidence import (
    Evidence,
    consistency,
    evidence_bytes,
    inclusion,
    parse_evidence,
    verify_evidence,
)
from protocols.ledger.messages import AskAuthorise, AskCosign
from protocols.ledger.note import parse_note, print_note
from protocols.ledger.policy import parse_signatures, policy_envelope
from protocols.ledger.price import parse_decimal
from protocols.ledger.proof_bundle import open_bundle, proof_bundle
from protocols.ledger.terms import terms_of
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import (
    GRAM,
    PARTNERS,
    charter_table,
    key_for,
    started,
    trained,
)

_WORLD = trained()
_LOG = LogKey("test/log", _WORLD.terms.log.key)
_NOTE = _WORLD.files()["checkpoint"]
_WITNESS = {"ada": key_for("ada").public_key().public_bytes_raw()}
_LINE = cosign(_NOTE.decode(), name="ada", key=key_for("ada"), at=7)
_TREE = _WORLD.tree
_EVIDENCE = Evidence(
    _WORLD.cosigned(_WORLD.leaves, _TREE.size),
    (consistency(5, _TREE.consistency_path(5)),),
    (inclusion(0, 1, _TREE.inclusion_path(1)),),
)
_SEEN = Pin(5, _TREE.root_at(5).hex())


def _epoch_amend_report() -> list[bytes]:
    """Return one leaf of each kind that the honest history does without."""
    world = started()
    spend = world.spend("north", world.order("run-1", (1, 1), GRAM, PARTNERS))
    world.amend("north", "run-1", spend, "15")
    world.report()
    return [world.leaves[1], *world.leaves[-2:]]


_EPOCH, _AMEND, _REPORT = _epoch_amend_report()


def _verify(raw: bytes, seen: Pin) -> object:
    evidence = parse_evidence(raw)
    return verify_evidence(
        evidence, leaf_of={0: _WORLD.leaves[1]}.get, seen=seen, terms=_WORLD.terms
    )


_SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

_PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "canonical": (parse_canonical, _WORLD.leaves[1]),
    "envelope": (parse_envelope, _WORLD.leaves[1]),
    "entry": (parse_entry, _WORLD.leaves[-1]),
    "order": (parse_entry, _WORLD.leaves[7]),
    "epoch": (parse_entry, _EPOCH),
    "amend": (parse_entry, _AMEND),
    "audit report": (parse_entry, _REPORT),
    "message": (lambda raw: decode(AskAuthorise, raw), _WORLD.leaves[1]),
    "cosign": (lambda raw: decode(AskCosign, raw), _WORLD.leaves[1]),
    "evidence": (parse_evidence, evidence_bytes(_EVIDENCE)),
    "evidence that is verified": (lambda raw: _verify(raw, _SEEN), evidence_bytes(_EVIDENCE)),
    "evidence that is the first": (lambda raw: _verify(raw, NO_PIN), evidence_bytes(_EVIDENCE)),
    "signatures": (parse_signatures, _WORLD.signatures),
    "policy": (lambda raw: policy_envelope(_WORLD.terms, raw), _WORLD.signatures),
    "checkpoint": (lambda raw: open_checkpoint(raw.decode("utf-8", "replace"), _LOG), _NOTE),
    "cosigned": (
        lambda raw: cosignatures_in(raw.decode("utf-8", "replace"), _WITNESS),
        _NOTE + f"{_LINE}\n".encode(),
    ),
    "merged": (
        lambda raw: with_lines(raw.decode("utf-8", "replace"), raw.decode("latin-1").split("\n")),
        _NOTE,
    ),
    "proof": (
        lambda raw: open_bundle(
            raw.decode("utf-8", "replace"), log=_LOG, witnesses=_WITNESS, quorum=1
        ),
        proof_bundle(1, [b"\1" * 32], f"{_NOTE.decode()}{_LINE}\n", extra=b"leaf").encode(),
    ),
    "base64": (lambda raw: from_base64(raw.decode("utf-8", "replace")), b"AAECAw=="),
    "decimal": (lambda raw: parse_decimal(raw.decode("utf-8", "replace")), b"12.345"),
}


@settings(deadline=None, max_examples=100)
@given(_VALUES)
def test_any_value_prints_and_parses_back(value: object) -> None:
    assert parse_canonical(canonical_json(value)) == value


@settings(deadline=None, max_examples=100)
@given(_VALUES, st.sampled_from([None, 1]), st.booleans(), st.booleans())
def test_one_spelling_parses_and_every_other_is_refused(
    value: object, indent: int | None, is_ascii: bool, is_sorted: bool
) -> None:
    """ASCII is printed back by a faster printer than the rest; both take the same one spelling."""
    raw = json.dumps(
        value,
        indent=indent,
        ensure_ascii=is_ascii,
        sort_keys=is_sorted,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
    if raw == canonical_json(value):
        assert parse_canonical(raw) == value
    else:
        with pytest.raises(EntryError):
            parse_canonical(raw)


@settings(deadline=None, max_examples=100)
@given(st.binary())
def test_any_bytes_come_back_from_base64(raw: bytes) -> None:
    assert from_base64(to_base64(raw)) == raw


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_note_that_parses_prints_back_as_it_was(data: st.DataObject) -> None:
    raw = data.draw(_mutations(_NOTE)).decode("utf-8", "replace")
    with suppress(VerificationError):
        assert print_note(parse_note(raw)) == raw


@pytest.mark.parametrize("name", _PARSERS)
@settings(deadline=None, max_examples=120)
@given(data=st.data())
def test_parsers_raise_nothing_but_our_errors(name: str, data: st.DataObject) -> None:
    parse, good = _PARSERS[name]
    raw = data.draw(st.binary(max_size=200) | _VALUES.map(canonical_json) | _mutations(good))
    with suppress(VerificationError):
        parse(raw)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_charter_of_any_shape_raises_nothing_but_our_errors(data: st.DataObject) -> None:
    table = charter_table()
    part = data.draw(st.sampled_from([table, table["coordinator"], table["privacy"]]))
    assert isinstance(part, dict)
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(_VALUES)
    with suppress(VerificationError):
        terms_of(table)


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_log_of_any_bytes_is_audited_without_an_exception(data: st.DataObject) -> None:
    files = _WORLD.files(_WORLD.leaves[:9])
    name = data.draw(st.sampled_from(sorted(files)))
    files[name] = data.draw(st.binary(max_size=200) | _mutations(files[name]))
    saved = data.draw(st.lists(st.binary(max_size=20) | _mutations(_NOTE), max_size=2))
    signatures = data.draw(st.binary(max_size=50))
    verify_log(_WORLD.terms, signatures=signatures, files=files, saved=saved)


def _mutations(good: bytes) -> st.SearchStrategy[bytes]:
    """Return ``good`` with a slice of it replaced by other bytes, often just as long."""
    places = st.integers(0, len(good))
    return st.tuples(places, st.binary(max_size=6), st.integers(0, 6)).map(
        lambda cut: good[: cut[0]] + cut[1] + good[cut[0] + cut[2] :]
    )

"""The terms an auditor reads from a charter without any other package."""

from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest

from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json, digest
from protocols.ledger.terms import terms_of
from tests.adversarial.ledger.honest import charter_table, key_for, public


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
    with pytest.raises(EntryError, match="does not name"):
        terms.key_of("auditor")


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
        ("partners", {}),
        ("partners", ["north"]),
        ("partners.0.name", "south"),
        ("partners.0.name", "two words"),
        ("partners.0.name", "coordinator"),
        ("partners.0.identity_key", public("south")),
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


@pytest.mark.parametrize("member", ["coordinator", "auditor", "partners", "privacy", "code_digest"])
def test_a_missing_member_is_named(member: str) -> None:
    table = charter_table()
    del table[member]
    with pytest.raises(EntryError, match=member):
        terms_of(table)

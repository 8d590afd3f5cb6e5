"""The values an audit is made of."""

from dataclasses import fields
from typing import Any

from protocols.errors import PriceError
from protocols.ledger.audit import Audit, Finding, PartnerRow, finding
from protocols.ledger.epsilons import Epsilons


def _audit(findings: tuple[Finding, ...]) -> Audit:
    lists = [field.name for field in fields(Audit)][5:]
    nothing: dict[str, Any] = dict.fromkeys(lists, ()) | {"witnessed": 0, "quorum": 1}
    return Audit("", "", 0, "", findings, **nothing)


def test_an_error_is_a_finding_under_the_name_of_its_class() -> None:
    assert finding("leaf 3", PriceError("said")) == Finding("PriceError", "leaf 3", "said")


def test_an_audit_is_true_without_findings_only() -> None:
    said = Finding("PriceError", "leaf 3", "said")
    assert _audit(()).is_true
    assert not _audit((said,)).is_true


def test_what_is_left_is_never_below_nothing() -> None:
    price = Epsilons(400, 500, (400,) * 5, (500,) * 5)
    row = PartnerRow("north", 1, 1, (), price, price, None, (), (), 1_000, 450)
    assert (row.released_left_micro, row.worst_left_micro) == (600, 0)

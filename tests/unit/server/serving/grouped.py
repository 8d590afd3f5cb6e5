"""A release whose fields are of several groups, and requests of its applicants."""

import dataclasses
import math

from model.artifacts import Release
from protocols.contracts.applicants import Applicant, PackedApplicant
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.features import Group
from server.serving.rulebooks import Rulebook
from tests.unit.server.serving.world import applicant, make_release, make_rulebook

GROUPS: dict[str, Group] = {
    "income": "application",
    "utilisation": "bureau",
    "inquiries": "bureau",
    "home": "social",
    "term": "bureau",
}
FRESH = {"bureau": "2026-11-27", "social": "2026-11-27"}


def grouped_release(seed: int = 1) -> Release:
    """Return the release of ``make_release`` whose fields are of those groups."""
    release = make_release(seed)
    contract = release.scorecard.contract
    fields = [field.model_copy(update={"group": GROUPS[field.name]}) for field in contract.inputs]
    contract = contract.model_copy(update={"fields": tuple(fields)})
    return dataclasses.replace(
        release, scorecard=dataclasses.replace(release.scorecard, contract=contract)
    )


def rulebook(**changes: object) -> Rulebook:
    """Return a policy for which bureau values may be 30 days old and others anything."""
    freshness = [{"group": "bureau", "most_days": 30, "is_required": False}]
    return make_rulebook(**{"freshness": freshness, **changes})


def packed(named: Applicant) -> PackedApplicant:
    """Return an applicant packed, in the order of the fields."""
    numbers = [named.numbers.get(name, math.nan) for name in ("income", "utilisation", "inquiries")]
    homes, terms = ["own", "rent", "mortgage"], ["36 months", "60 months"]
    codes = [
        levels.index(named.categories[name]) if name in named.categories else len(levels) + 1
        for name, levels in (("home", homes), ("term", terms))
    ]
    return PackedApplicant(
        contract_digest=bytes.fromhex(make_release().manifest.contract_digest),
        numbers=tuple(numbers),
        codes=tuple(codes),
    )


def asked(**changes: object) -> LimitRequest:
    """Return a request of ``applicant`` for 7,000 dollars with fresh values, changed."""
    table: dict[str, object] = {
        "request_id": "request-1",
        "features": applicant(),
        "requested_amount_minor": 700_000,
        "currency": "USD",
        "observed": FRESH,
    }
    return LimitRequest.model_validate(table | changes)

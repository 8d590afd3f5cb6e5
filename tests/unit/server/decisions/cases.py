"""Policies and applicants for tests of decisions, and a decision of them."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from protocols.contracts.decisions import LimitRequest, Line
from protocols.contracts.limit_policy import LimitPolicy
from server.decisions.candidates import Known
from server.decisions.permission import Withheld
from server.decisions.pipeline import Case, Decided, Frame, decide
from server.decisions.policy import policy_from_table
from server.decisions.reasons import Loss
from server.decisions.regulation import load_profiles, rules_on
from tests.unit.server.serving.world import make_contract

TODAY = date(2026, 11, 27)
EXAMPLE = Path(__file__).parents[4] / "examples" / "policy.toml"


Changes = Mapping[str, object]


def example_policy(changes: Changes | None = None, /, **consumer: object) -> LimitPolicy:
    """Return the policy that the demo uses, but for its cap of thin files, which has its own tests.

    Args:
        changes: Top-level keys that are replaced.
        consumer: Keys of its consumers that are replaced.
    """
    table = tomllib.loads(EXAMPLE.read_text(encoding="utf-8")) | dict(changes or {})
    table["segments"]["CONSUMER"].update({"thin_file": None, **consumer})
    return policy_from_table(table, where="example")


def no_caps(changes: Changes | None = None, /, **consumer: object) -> LimitPolicy:
    """Return that policy with bands only: two that get something, and one that gets nothing."""
    bare: dict[str, object] = {
        "bands": [
            {
                "name": "A",
                "p_default_up_to": "0.1",
                "limit_minor": 4_000_000,
                "annual_rate": "0.12",
            },
            {
                "name": "B",
                "p_default_up_to": "0.2",
                "limit_minor": 1_000_000,
                "annual_rate": "0.18",
            },
            {"name": "C", "p_default_up_to": "1", "limit_minor": 0},
        ],
        "rules": [],
        "tables": [],
    }
    for name in ("affordability", "expected_loss", "obligor_maximum_minor", "refer_above_minor"):
        bare[name] = None
    return example_policy(changes, **(bare | consumer))


def line(**changes: object) -> Line:
    """Return a line of 10,000 dollars that was opened a year ago and is not drawn, changed."""
    table: dict[str, object] = {
        "limit_minor": 1_000_000,
        "outstanding_minor": 0,
        "changed_on": "2025-11-27",
    }
    return Line.model_validate(table | changes)


def known(**changes: object) -> dict[str, object]:
    """Return circumstances with income and no debts, changed."""
    return {
        "monthly_income_minor": 500_000,
        "monthly_obligations_minor": 0,
        "exposure_elsewhere_minor": 0,
        "facts": {"days_past_due": 0, "utilisation_percent": 10, "utilisation_6m_percent": 10},
        **changes,
    }


def asked(**changes: object) -> LimitRequest:
    """Return a consumer's request for 15,000 dollars in those circumstances, changed."""
    table: dict[str, object] = {
        "request_id": "request-1",
        "features": {"numbers": {}, "categories": {}},
        "requested_amount_minor": 1_500_000,
        "currency": "USD",
        "circumstances": known(),
    }
    return LimitRequest.model_validate({**table, **changes})


def frame(policy: LimitPolicy | None = None, today: date = TODAY) -> Frame:
    """Return what a day's decisions have in common, under the example policy if no other."""
    used = policy or example_policy()
    rules = rules_on(load_profiles()[used.profile], today)
    return Frame(used, rules, make_contract().fields, today)


def decided(
    request: LimitRequest,
    p_default: float = 0.05,
    *,
    known_fields: int = 10,
    losses: tuple[Loss, ...] = (Loss(1, 12.5, False), Loss(0, 3.25, False)),
    withheld: tuple[Withheld, ...] = (),
    of: Frame | None = None,
) -> Decided:
    """Decide a request of an applicant with this risk."""
    case = Case(request, Known(p_default, known_fields), losses, withheld)
    return decide(case, of or frame())

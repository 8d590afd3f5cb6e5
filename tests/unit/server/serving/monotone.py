"""A world whose scorecard is as a trained one: neighbours share bins, and risk has directions.

With it come a policy of every kind of cap, and a borrower of whom something can change.
"""

from datetime import UTC, datetime

import torch

from model.artifacts import Release, tensor_bytes
from model.drift import Reference
from model.features import Encoding
from model.link import Link
from model.queries.evaluation import SCORE_BINS
from model.scorecard import Scorecard
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.features import (
    GRID_CELLS,
    FeatureContract,
    FeatureField,
    NumericField,
    contract_digest,
    contract_from_table,
)
from protocols.contracts.limit_policy import LimitPolicy
from protocols.ledger.canonical import digest
from server.decisions.regulation import load_profiles
from server.serving.reader import Reader
from server.serving.rulebooks import Rulebook
from tests.unit.server.decisions.cases import example_policy
from tests.unit.server.serving.world import SCALING, make_release

AT = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
_CELLS = 8  # of a bin
_ODDS = -1.6  # logit of the average borrower


def monotone_contract() -> FeatureContract:
    """Return a contract with every kind of field, some of which a person can change."""
    return contract_from_table(_contract_table(), where="monotone")


def monotone_release(weight: float = 1.6) -> Release:
    """Return a release in which risk rises with each field as its direction says.

    Args:
        weight: How much a field tells; another makes another release.
    """
    like, table = make_release(), _contract_table()
    contract = contract_from_table(table, where="monotone")
    encoding = Encoding(tuple(map(_bins, contract.fields)))
    parts = [_weights(field, bins, weight) for field, bins in zip_fields(contract, encoding)]
    shares = [torch.full((count,), 1 / count) for count in encoding.bin_counts]
    scorecard = Scorecard(
        contract=contract,
        encoding=encoding,
        weights=torch.cat([torch.zeros(1), *parts]).to(torch.float64),
        bin_shares=torch.cat([torch.ones(1), *shares]).to(torch.float64),
        link=Link(intercept=_ODDS),
        scaling=SCALING,
    )
    reference = Reference(
        score_edges=torch.linspace(-4, 1, SCORE_BINS + 1, dtype=torch.float64),
        shares=torch.cat([scorecard.bin_shares[1:], torch.full((SCORE_BINS,), 0.1)]),
        deviations=torch.full((encoding.width - 1 + SCORE_BINS,), 0.01).to(torch.float64),
    )
    changes = {
        "contract": table,
        "contract_digest": contract_digest(table).hex(),
        "encoding": encoding.bins,
        "tensors_digest": digest(tensor_bytes(scorecard, reference)).hex(),
        "run": f"weight-{weight}",
    }
    manifest = like.manifest.model_copy(update=changes)
    return Release(manifest.digest, manifest, scorecard, reference)


def zip_fields(
    contract: FeatureContract, encoding: Encoding
) -> list[tuple[FeatureField, tuple[int, ...]]]:
    """Return each field with its cells' bins."""
    return list(zip(contract.fields, encoding.bins, strict=True))


def monotone_rulebook(policy: LimitPolicy | None = None) -> Rulebook:
    """Return the example policy and the profile that it names."""
    used = policy or example_policy()
    return Rulebook(used, load_profiles()[used.profile])


def monotone_reader(weight: float = 1.6) -> Reader:
    """Return what answers from that release."""
    return Reader(monotone_release(weight))


def borrower(request_id: str = "request-1", **changes: object) -> LimitRequest:
    """Return the request of a borrower who draws much and asks for much."""
    table: dict[str, object] = {
        "request_id": request_id,
        "subject": "borrower-1",
        "features": {
            "numbers": {
                **{"income": 52_000.0, "utilisation": 0.91, "inquiries": 7.0},
                **{"savings": 900.0, "debt": 21_000.0},
            },
            "categories": {"home": "rent"},
        },
        "requested_amount_minor": 3_001_000,
        "currency": "USD",
        "circumstances": {
            "monthly_income_minor": 433_300,
            "monthly_obligations_minor": 95_000,
            "exposure_elsewhere_minor": 1_200_000,
            "facts": {"days_past_due": 0, "utilisation_percent": 91, "utilisation_6m_percent": 70},
        },
    }
    return LimitRequest.model_validate({**table, **changes})


def _contract_table() -> dict[str, object]:
    return {
        "schema": 1,
        "name": "monotone",
        "borrower_id": "borrower",
        "currency": "USD",
        "outcome": {
            **{"column": "outcome", "bad": "1", "good": "0"},
            **{"definition": "Ninety days late.", "window_months": 12},
        },
        "fields": [
            _number("income", "0", "250000", "falling", spacing="log"),
            _number("utilisation", "0", "1.5", "rising", changeable=True),
            {
                **_number("inquiries", "0", "20", "rising", changeable=True),
                "special": [{"code": "-9", "meaning": "No bureau file."}],
            },
            _number("savings", "0", "64000", "falling", changeable=True),
            _number("debt", "0", "64000", "rising", changeable=True),
            {
                **_number("burden", "0", "2", "rising"),
                **{"formula": "ratio", "of": ["debt"], "over": ["income"]},
            },
            {
                **_field("home", changeable=True),
                **{"kind": "categorical", "direction": "none"},
                "levels": ["own", "rent", "mortgage"],
            },
        ],
    }


def _number(  # what a field is
    name: str,
    low: str,
    high: str,
    direction: str,
    *,
    spacing: str = "linear",
    changeable: bool = False,
) -> dict[str, object]:
    bounds = {"kind": "numeric", "unit": "units", "low": low, "high": high}
    return {
        **_field(name, changeable=changeable),
        **bounds,
        "direction": direction,
        "spacing": spacing,
    }


def _field(name: str, *, changeable: bool) -> dict[str, object]:
    return {
        "name": name,
        "label": name.capitalize(),
        "group": "bureau" if name in ("utilisation", "inquiries") else "application",
        "computed_from": "own",
        "may_be_missing": True,
        "reason_code": f"R.{name.upper()}",
        "reason": f"Your {name} cost points.",
        "reason_zh": f"{name}使您失分。",
        "is_changeable": changeable,
    }


def _bins(field: FeatureField) -> tuple[int, ...]:
    if not isinstance(field, NumericField):
        return tuple(range(field.cell_count))
    grid = [cell // _CELLS for cell in range(GRID_CELLS)]
    first = grid[-1] + 1
    return (*grid, *(first + odd for odd in range(field.cell_count - GRID_CELLS)))


def _weights(field: FeatureField, bins: tuple[int, ...], weight: float) -> torch.Tensor:
    count = max(bins) + 1
    if not isinstance(field, NumericField):
        return torch.linspace(-weight / 2, weight / 2, count)
    ordered = torch.linspace(-weight, weight, GRID_CELLS // _CELLS)
    if field.direction == "falling":
        ordered = -ordered
    odd = torch.full((count - len(ordered),), 0.4 * weight)
    return torch.cat([ordered, odd])

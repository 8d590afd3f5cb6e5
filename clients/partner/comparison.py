"""What a release brings a partner: on its own hold-out, against what it could have trained alone.

For the partner's own console, and for nobody else: these are exact figures about its borrowers.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from clients.partner.config import PartnerSettings
from clients.partner.keys import load_partner_keys
from clients.partner.startup import load_signed_charter
from model.artifacts import load_release
from model.features import row_logits
from model.metrics import Difference, Estimate, auc_difference, auc_with_interval
from model.population import group_borrowers
from model.queries.batch import Batch
from model.simulation import SimulationTerms, simulate
from model.table import read_table
from protocols.contracts.features import load_agreed_contract
from protocols.errors import DataError, ReleaseError

# The most that a charter can allow: noise too small to matter, and nobody is told the result.
_HARDLY_ANY_NOISE_MICRO = 50_000_000


@dataclass(frozen=True)
class Comparison:
    """A partner's own figures.

    Attributes:
        release: Digest, hex.
        borrowers: How many are held out.
        with_release, alone: AUC on them.
        gain: Of the release over the scorecard trained alone.
        stated: Mean probability of default, as the release says it.
        bad_rate: Share of bad ones among them.
    """

    release: str
    borrowers: int
    with_release: Estimate
    alone: Estimate
    gain: Difference
    stated: float
    bad_rate: float


def compare(settings: PartnerSettings, folder: Path) -> Comparison:
    """Score a partner's own hold-out by a release, and by a scorecard of its own training rows.

    The one alone is trained here by the same method, with hardly any noise: nothing of it leaves.

    Args:
        settings: The partner's.
        folder: The release: manifest and tensors.

    Raises:
        ConfigError, ContractError, VerificationError: Something is missing or does not fit.
        ReleaseError: The release does not load, or is of another contract.
        DataError: The hold-out lacks good or bad borrowers.
    """
    charter, _ = load_signed_charter(settings)
    contract = load_agreed_contract(settings.contract, digest_hex=charter.contract_digest)
    release = load_release(folder)
    if release.manifest.contract_digest != charter.contract_digest:
        raise ReleaseError("the release is of another feature contract than the charter's")
    keys = load_partner_keys(settings.keys, charter.partner(settings.name))
    borrowers = group_borrowers(
        read_table(settings.data, contract),
        contract,
        holdout_key=keys.holdout,
        holdout_percent=charter.holdout_percent,
    )
    held = _one_row_each(borrowers.holdout)
    outcomes = torch.tensor(held.outcomes)
    if len(set(held.outcomes)) < 2:
        raise DataError("the hold-out lacks good or bad borrowers; there is nothing to compare")
    trained = simulate([borrowers], contract, SimulationTerms(_HARDLY_ANY_NOISE_MICRO))
    shared = release.scorecard.logits(held.cells)
    own = row_logits(held.cells, trained.encoding, trained.weights)
    return Comparison(
        release=release.digest.hex(),
        borrowers=held.count,
        with_release=auc_with_interval(outcomes, shared),
        alone=auc_with_interval(outcomes, own),
        gain=auc_difference(outcomes, shared, own),
        stated=release.scorecard.link.probabilities(shared).mean().item(),
        bad_rate=outcomes.mean().item(),
    )


def _one_row_each(batch: Batch) -> Batch:
    """Return one row of each borrower: several would count as if they were others'."""
    _, first = np.unique(batch.borrower, return_index=True)
    return Batch(batch.cells[first], batch.outcomes[first], batch.borrower[first])


def comparison_json(found: Comparison) -> dict[str, object]:
    """Return a comparison for programs."""
    return asdict(found)


def comparison_text(found: Comparison) -> str:
    """Return a comparison for the partner's console."""
    return "\n".join(
        [
            f"On your own hold-out, {found.borrowers} borrowers; nobody else sees these figures.",
            "",
            f"  release {found.release[:16]}  AUC {_said(found.with_release)}",
            f"  trained alone             AUC {_said(found.alone)}",
            f"  gain                          {_said(found.gain, sign='+')}",
            "",
            f"  probability of default as the release says it {100 * found.stated:.2f} %, "
            f"bad rate {100 * found.bad_rate:.2f} %",
            "",
            _verdict(found.gain),
        ]
    )


def _said(value: Estimate | Difference, *, sign: str = "") -> str:
    return f"{value.value:{sign}.3f} ({value.low:{sign}.3f} to {value.high:{sign}.3f})"


def _verdict(gain: Difference) -> str:
    if gain.low > 0:
        return "The release ranks your borrowers better than you could alone."
    if gain.high < 0:
        return "The release ranks your borrowers worse than you could alone."
    return "Your hold-out is too small to tell which of the two ranks better."

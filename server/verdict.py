"""What became of an attempt: a sum that training may use, or the reason why there is none."""

from dataclasses import dataclass

from model.contrasts import NoiseEnergy, NoiseWatch
from model.noise import IntegerVector
from model.opening import Reading
from protocols.errors import MissingNoiseError
from protocols.ledger.entry import GROSS_ERROR, MISSING_NOISE, NO_FAULT
from server.cohort import Gathered


@dataclass(frozen=True)
class Verdict:
    """An attempt's end.

    Attributes:
        total: The opened sum, int64 (width,); None if a contribution is missing.
        fault: Why the sum is not used, or "none".
        energy: What its contrasts hold.
    """

    total: IntegerVector | None
    fault: str
    energy: NoiseEnergy


def judge(gathered: Gathered, reading: Reading, watch: NoiseWatch) -> Verdict:
    """Open the sum of a complete attempt, and look for gross errors and for missing noise."""
    if not gathered.is_complete:
        return Verdict(total=None, fault=NO_FAULT, energy=NoiseEnergy(0.0, 0))
    total = gathered.total()
    energy = reading.energy(total)
    if reading.is_gross(total):
        return Verdict(total, fault=GROSS_ERROR, energy=energy)
    try:
        watch.take(energy, of=reading.question.name)
    except MissingNoiseError:
        return Verdict(total, fault=MISSING_NOISE, energy=energy)
    return Verdict(total, fault=NO_FAULT, energy=energy)

"""What the coordinator does with sealed vectors: add up all of them, or nothing."""

from collections.abc import Collection, Mapping

from protocols.errors import IncompleteCohortError
from protocols.secagg.words import sum_words


def open_sum(sealed: Mapping[str, bytes], *, cohort: Collection[str]) -> bytes:
    """Return the sum of a cohort's true vectors, once every sealed one is there.

    Each mask was added by one partner and subtracted by another, so it is gone from the sum.
    Nobody's absence can be made good: a scheme that recovers (secrets shared among the peers,
    after Shamir) would supply the masks of the missing here. That all were sealed for one order
    and with one set of keys is for the caller to know (`transcript.py`): otherwise the result
    is noise, and nothing here can tell.

    Args:
        sealed: What ``seal`` returned, by partner.
        cohort: Names of all whose keys it was sealed with.

    Returns:
        64-bit words, little-endian, modulo 2^64: exact if the true sum fits.

    Raises:
        IncompleteCohortError: A partner is missing, one too many, or lengths differ.
        ContractError: The vectors are not whole words.
    """
    if not sealed or sorted(sealed) != sorted(cohort):
        absent = ", ".join(sorted(set(cohort) - set(sealed))) or "none"
        raise IncompleteCohortError(
            f"expected {len(cohort)} sealed vectors, found {len(sealed)}; missing: {absent}"
        )
    if len({len(vector) for vector in sealed.values()}) > 1:
        raise IncompleteCohortError("the cohort's sealed vectors are not of one length")
    return sum_words(list(sealed.values()))

"""One question, one population, one private sum."""

from fractions import Fraction

from model.noise import DiscreteGaussian, IntegerNoise, IntegerVector
from model.private_sum import private_sum
from model.queries.batch import Batch, Question
from protocols.ledger.sharing import Sharing

MOST_ENTRIES = 2_500_000  # more is no faster


def noise_for(question: Question, *, noise_multiplier: Fraction, sharing: Sharing) -> IntegerNoise:
    """Return one partner's noise for one release: all of it, or its share.

    Raises:
        UnsupportedMechanismError: No such noise fits the sum's integers.
    """
    return DiscreteGaussian(sharing.share_scale(noise_multiplier, clip_steps=question.clip.steps))


def answer_question(
    question: Question, batch: Batch, *, noise: IntegerNoise, most_entries: int = MOST_ENTRIES
) -> IntegerVector:
    """Return the noised integer sum of a question over a batch, int64 (question.width,).

    Args:
        question: What is asked.
        batch: The borrowers it is asked of.
        noise: Drawn once for the whole sum.
        most_entries: Most vector entries held at a time, but for one borrower's with more rows
            than fit; eight bytes each, a few copies.

    Privacy: one release, see ``private_sum``.
    """
    rows = max(1, most_entries // max(question.width, batch.cells.shape[1]))
    return private_sum(
        (question.vectors(chunk) for chunk in batch.chunks(rows)),
        width=question.width,
        clip=question.clip,
        noise=noise,
    )

"""One question, one population, one private sum."""

from fractions import Fraction

from model.noise import DiscreteGaussian, IntegerNoise, IntegerVector
from model.private_sum import private_sum
from model.queries.batch import Batch, Question


def noise_for(question: Question, *, noise_multiplier: Fraction) -> IntegerNoise:
    """Return the noise of one release: its scale is the multiplier times the clip, in steps."""
    return DiscreteGaussian(float(noise_multiplier * question.clip.steps))


def answer_question(
    question: Question, batch: Batch, *, noise: IntegerNoise, most_entries: int = 1_000_000
) -> IntegerVector:
    """Return the noised integer sum of a question over a batch, int64 (question.width,).

    Args:
        question: What is asked.
        batch: The borrowers it is asked of.
        noise: Drawn once for the whole sum.
        most_entries: Most vector entries held at a time; eight bytes each, about ten copies.

    Privacy: one release, see ``private_sum``.
    """
    borrowers = max(1, most_entries // question.width)
    return private_sum(
        (question.vectors(chunk) for chunk in batch.chunks(borrowers)),
        width=question.width,
        clip=question.clip,
        noise=noise,
    )

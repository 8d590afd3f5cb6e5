"""Whether opened sums carried the noise that their orders fixed, from what a log says of them.

A sum's contrasts are zero whatever the data, so what they hold is noise: a chi-square number if the
noise is what it should be. The coordinator stops a run for too little; here too much is looked
for as well, since then the noise is not what the log says it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy.special import gammainc, gammaincc

from protocols.ledger.audit import SumRow

FALSE_ALARM = 1e-6  # chance that honest noise of a whole log is called wrong
AS_IT_SHOULD_BE, TOO_LITTLE, TOO_MUCH, NOT_SEEN = "as it should be", "too little", "too much", "-"


@dataclass(frozen=True)
class NoiseVerdict:
    """One two-sided chi-square test.

    Attributes:
        contrasts: Degrees of freedom.
        squares_milli: What the contrasts hold, in thousandths of what one holds on average.
        p_value: Chance that noise as it should be is at least as far off, on either side; 1 where
            there is no contrast.
        verdict: One of the four words above; the last where there is no contrast.
    """

    contrasts: int
    squares_milli: int
    p_value: float
    verdict: str


@dataclass(frozen=True)
class NoiseTests:
    """The tests of a log's sums: each by itself, and all together.

    Attributes:
        level: A smaller p-value is an alarm.
        false_alarm: Chance that any test of honest noise is one, all tests together.
        sums: One for each of the audit's sums, in its order.
        together: Of all their contrasts.
    """

    level: float
    false_alarm: float
    sums: tuple[NoiseVerdict, ...]
    together: NoiseVerdict

    @property
    def alarms(self) -> Iterator[int]:
        """Places of the sums whose noise is not as it should be."""
        for place, item in enumerate(self.sums):
            if item.verdict in (TOO_LITTLE, TOO_MUCH):
                yield place


def judge_noise(sums: Sequence[SumRow]) -> NoiseTests:
    """Test the noise of every opened sum.

    The numbers are the coordinator's word: opened sums are not in the log. What is rounded is half
    a thousandth of one contrast.

    Args:
        sums: Of one audit.

    Returns:
        Verdicts with false alarms in at most one log in a million, split evenly over the tests.

    Source: docs/privacy.md, "Missing noise".
    """
    level = FALSE_ALARM / (sum(row.contrasts > 0 for row in sums) + 1)
    return NoiseTests(
        level=level,
        false_alarm=FALSE_ALARM,
        sums=tuple(_judge(row.contrasts, row.squares_milli, level) for row in sums),
        together=_judge(
            sum(row.contrasts for row in sums), sum(row.squares_milli for row in sums), level
        ),
    )


def _judge(contrasts: int, squares_milli: int, level: float) -> NoiseVerdict:
    if contrasts == 0:
        return NoiseVerdict(contrasts, squares_milli, 1.0, NOT_SEEN)
    half, energy = contrasts / 2, squares_milli / 2_000
    less, more = float(gammainc(half, energy)), float(gammaincc(half, energy))
    p_value = min(1.0, 2 * min(less, more))
    alarm = TOO_LITTLE if less < more else TOO_MUCH
    verdict = alarm if p_value < level else AS_IT_SHOULD_BE
    return NoiseVerdict(contrasts, squares_milli, p_value, verdict)

"""Steps count as a histogram of Prometheus does: a bound belongs to the step that it ends."""

import pytest

from server.watch.steps import Steps


def test_each_value_is_in_every_step_that_it_does_not_exceed() -> None:
    steps = Steps((1, 2.5))
    for value in (0.5, 1, 1.1, 2.5, 9):
        steps.add(value)
    assert steps.buckets() == [("1.0", 2), ("2.5", 4), ("+Inf", 5)]
    assert steps.total == pytest.approx(14.1)

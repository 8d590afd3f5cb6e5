"""Steps that may fail, each for itself: an error of ours is a value, any other is logged."""

from collections.abc import Callable
from typing import TypeVar

from protocols.errors import ScoringError
from server.serving.calls import log_unexpected

_T = TypeVar("_T")


class UnexpectedError(Exception):
    """Something failed that should not; where is in the log, and nothing of it is told."""


Refusal = ScoringError | UnexpectedError


def attempt(step: Callable[[], _T]) -> _T | Refusal:
    """Return what a step returns, or why it did not.

    One question that fails is one question, not the end of the others in its drain.
    """
    try:
        return step()
    except ScoringError as err:
        return err
    except Exception as err:
        log_unexpected(err)
        return UnexpectedError()

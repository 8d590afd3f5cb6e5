"""What one server process counts for whoever watches it: calls, drains, commits, scores; no values.

Labels come from closed tables (methods, gRPC codes, steps of the journal, digests of releases,
field names of contracts); a method that is in none counts as ``other``. So nothing that a caller
sends becomes a label, and their number has a bound.
"""

from collections.abc import Collection, Sequence

import grpc

from server.serving.calls import OVERLOADED, Reply
from server.serving.reader import Reader, Scored
from server.serving.rows import Row
from server.watch.profile import Profile
from server.watch.steps import Steps

OTHER = "other"
OK, SHED = "OK", "SHED"  # the second is no gRPC code: refused unread, since too many wait

CALL_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
DRAIN_CALLS = (1, 2, 4, 8, 16, 32, 64, 128)  # a desk is handed no more at a time
JOURNAL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

_OUTCOMES = {code.value[0]: code.name for code in grpc.StatusCode}


class Metrics:
    """Counts, each added to by one thread, which any may read.

    Attributes:
        calls: Seconds of calls, by method and outcome.
        drains: Calls answered together.
        journal: Seconds of the journal's steps, by step.
        profiles: Whom each release scored, by its digest.
    """

    def __init__(self, methods: Collection[str]) -> None:
        """Count nothing yet; ``methods`` are those that become labels."""
        self._methods = frozenset(methods)
        self.calls: dict[tuple[str, str], Steps] = {}
        self.drains = Steps(DRAIN_CALLS)
        self.journal: dict[str, Steps] = {}
        self.profiles: dict[bytes, Profile] = {}

    def ended(self, method: str, reply: Reply, took_s: float) -> None:
        """Count a call, and how long it took from its arrival to its end."""
        label = method if method in self._methods else OTHER
        key = (label, OK if reply.status is None else _outcome(reply))
        steps = self.calls.get(key)
        if steps is None:
            steps = self.calls[key] = Steps(CALL_SECONDS)
        steps.add(took_s)

    def drained(self, calls: int) -> None:
        """Count calls that are answered together."""
        self.drains.add(calls)

    def stepped(self, step: str, begun_s: float, ended_s: float) -> None:
        """Count a step of the journal, for a whole drain."""
        steps = self.journal.get(step)
        if steps is None:
            steps = self.journal[step] = Steps(JOURNAL_SECONDS)
        steps.add(ended_s - begun_s)

    def seen(self, reader: Reader, rows: Sequence[Row], scores: Sequence[Scored]) -> None:
        """Count applicants who were scored."""
        digest = reader.release.digest
        profile = self.profiles.get(digest)
        if profile is None:
            profile = self.profiles[digest] = Profile(reader.contract)
        profile.add(rows, scores)


def _outcome(reply: Reply) -> str:
    if reply is OVERLOADED:
        return SHED
    return _OUTCOMES.get(reply.status.code, OTHER) if reply.status is not None else OK

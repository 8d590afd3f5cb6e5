"""What was counted, as Prometheus reads it: the only names and labels that there are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from server.serving.releases import Served
from server.watch.metrics import Metrics
from server.watch.steps import Steps

_PREFIX = 12  # hex digits of a digest: 48 bits tell the releases of a service apart


class Backlog(Protocol):
    """What is shown of a shadow; see there."""

    @property
    def waiting(self) -> int:
        """How many questions wait to be scored."""

    @property
    def left_out(self) -> int:
        """How many questions were not scored."""


_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


@dataclass(frozen=True)
class Families(Collector):
    """Shows a server's metrics at the moment when they are asked for.

    Attributes:
        metrics: What was counted.
        served: Gives the releases in force.
        shadow: What scores beside the answers.
    """

    metrics: Metrics
    served: Callable[[], Served]
    shadow: Backlog

    def collect(self) -> Iterator[_Family]:
        """Yield one family for each name."""
        counted = self.metrics
        calls, journal = {**counted.calls}, {**counted.journal}  # another thread adds to them
        text = "From a call's arrival to its end."
        yield _histogram("call_seconds", text, calls.items(), ("method", "outcome"))
        yield _histogram("drain_calls", "Calls answered together.", [((), counted.drains)])
        text = "Steps of the journal, each for a whole drain."
        by_step = [((step,), steps) for step, steps in journal.items()]
        yield _histogram("journal_seconds", text, by_step, ("step",))
        yield self._releases()
        yield from self._scores()
        waiting = GaugeMetricFamily("fedscore_shadow_waiting", "Questions a shadow is to score.")
        waiting.add_metric((), self.shadow.waiting)
        yield waiting
        text = "Questions that a shadow did not score."
        yield _counter("shadow_left_out", text, [((), self.shadow.left_out)])

    def _releases(self) -> GaugeMetricFamily:
        named, text = "fedscore_release_info", "1 for each release that serves."
        family = GaugeMetricFamily(named, text, labels=("digest", "role"))
        served = self.served()
        roles = {
            "champion": served.champion,
            "challenger": served.challenger,
            "shadow": served.shadow,
        }
        for role, release in roles.items():
            if release is not None:
                family.add_metric((release.digest.hex(), role), 1)
        return family

    def _scores(self) -> Iterator[_Family]:
        profiles = [
            (digest.hex()[:_PREFIX], profile)
            for digest, profile in {**self.metrics.profiles}.items()
        ]
        points = [((release,), profile.points) for release, profile in profiles]
        yield _histogram("points", "Points of applicants who were scored.", points, ("release",))
        by_field = ("release", "field")
        missing = [((r, name), n) for r, one in profiles for name, n in one.missing().items()]
        yield _counter("missing", "Applicants without a value.", missing, by_field)
        clipped = [((r, name), n) for r, one in profiles for name, n in one.clipped().items()]
        yield _counter("clipped", "Applicants beyond a field's bounds.", clipped, by_field)


def _histogram(
    name: str,
    text: str,
    steps: Iterable[tuple[Sequence[str], Steps]],
    labels: Sequence[str] = (),
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"fedscore_{name}", text, labels=labels)
    for values, one in steps:
        family.add_metric(values, buckets=one.buckets(), sum_value=one.total)
    return family


def _counter(
    name: str,
    text: str,
    counts: Iterable[tuple[Sequence[str], int]],
    labels: Sequence[str] = (),
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"fedscore_{name}", text, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family

"""Who watches a server: metrics, traces, both or nobody, put around what does the work."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import ConfigError
from server.serving.calls import Call, Desk, Reply
from server.serving.listening import Ended
from server.serving.once import Store
from server.serving.questions import Seen
from server.serving.releases import Served
from server.watch.families import Backlog, Families
from server.watch.journal import TimedJournal
from server.watch.metrics import Metrics
from server.watch.page import Page, show

if TYPE_CHECKING:
    from server.watch.traces import Traces


@dataclass(frozen=True)
class Watched:
    """What a server shows of its work.

    Attributes:
        metrics, page: What is counted, and where it is shown; None without metrics.
        traces: None without traces.
    """

    metrics: Metrics | None
    page: Page | None
    traces: "Traces | None"

    @property
    def metrics_port(self) -> int | None:
        """Where metrics are shown, for who asked for port 0."""
        return None if self.page is None else self.page.port

    @property
    def ended(self) -> Ended:
        """What a transport is to tell."""
        return _nothing if self.metrics is None else self.metrics.ended

    @property
    def seen(self) -> Seen:
        """What is to be told of scores."""
        return _nothing if self.metrics is None else self.metrics.seen

    def store(self, journal: Store) -> Store:
        """Return a journal that is watched."""
        told = [one.stepped for one in (self.metrics, self.traces) if one is not None]
        return TimedJournal(journal, told) if told else journal

    def desk(self, desk: Desk) -> Desk:
        """Return a desk that is watched."""
        if self.traces is not None:
            desk = self.traces.around(desk)
        return desk if self.metrics is None else CountedDesk(desk, self.metrics.drained)

    def stop(self) -> None:
        """Send and show no more."""
        if self.page is not None:
            self.page.stop()
        if self.traces is not None:
            self.traces.stop()


@dataclass(frozen=True)
class CountedDesk:
    """Answers as a desk does, and tells how many calls it is given at a time."""

    inner: Desk
    drained: Callable[[int], None]

    @property
    def methods(self) -> Collection[str]:
        """The methods that there are."""
        return self.inner.methods

    @property
    def streams(self) -> Collection[str]:
        """Those of them that answer with any number of messages."""
        return self.inner.streams

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Return one reply for each call."""
        self.drained(len(calls))
        return self.inner.answer(calls)


def watch(
    served: Callable[[], Served],
    shadow: Backlog,
    methods: Collection[str],
    *,
    metrics_at: tuple[str, int] | None,
    trace_to: str | None,
) -> Watched:
    """Show a server's metrics, and trace it, if that is wanted.

    Args:
        served: Gives the releases in force.
        shadow: What scores beside the answers.
        methods: The names of its methods.
        metrics_at: Host and port of the metrics' page.
        trace_to: The collector of traces, such as ``http://127.0.0.1:4317``.

    Raises:
        ConfigError: The port cannot be used, or a package for traces is not installed.
    """
    traces = None if trace_to is None else _traces(trace_to)
    if metrics_at is None:
        return Watched(None, None, traces)
    metrics = Metrics(methods)
    return Watched(metrics, show(Families(metrics, served, shadow), *metrics_at), traces)


def _traces(trace_to: str) -> "Traces":
    try:
        from server.watch.traces import Traces, to_collector  # here: not loaded without traces
    except ModuleNotFoundError as err:
        raise ConfigError(f'traces need {err.name}: pip install "fedscore[trace]"') from err
    return Traces(to_collector(trace_to))


def _nothing(*_: object) -> None:
    pass

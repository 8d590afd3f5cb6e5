"""Neither a line of the log, at any level, nor a metric, nor a span tells a value or an id."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocols.logs import JsonLines
from server.serving.transport import Core
from tests.unit.server.watch.collector import collector
from tests.unit.server.watch.watched import SECRETS, ask_all, page, running, told


@pytest.mark.parametrize("core", ["fast", "public"])
def test_neither_log_nor_metrics_nor_spans_tell_a_value_or_an_id(
    tmp_path: Path, core: Core
) -> None:
    with _written() as log, collector() as taken:
        to = f"http://127.0.0.1:{taken.port}"
        with running(tmp_path, core=core, metrics_port=0, trace_to=to) as server:
            ask_all(server.port)
            shown = page(server.watched.metrics_port)
        logging.getLogger("server.serving").debug("the log is on")
    assert "the log is on" in log.getvalue()
    assert "fedscore_points_count" in shown
    assert len(taken.spans()) > 5
    for text in (log.getvalue(), shown, *taken.printed()):
        assert told(text) == []


def test_the_search_for_secrets_can_find_one() -> None:
    assert told(f"said: {SECRETS[0]}78 of {SECRETS[-1]}") == [SECRETS[0], SECRETS[-1]]


@contextmanager
def _written() -> Iterator[io.StringIO]:
    """Return what every logger writes as a server does, from DEBUG on."""
    log, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(log), root.level
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(before)

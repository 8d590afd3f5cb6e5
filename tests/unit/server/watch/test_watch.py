"""A server shows what it does while it does it, whichever core carries its calls."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError
from server.serving.main import start_server
from server.serving.transport import Core
from tests.unit.server.serving.world import make_release, plain_settings, serving
from tests.unit.server.watch.watched import SCORE, ask_all, page, running, samples

DECIDE = "/fedscore.decisions.v1.LimitDecisionService/DecideLimit"
BATCH = "/fedscore.scoring.v1.ScoringService/BatchScore"
RELEASE = make_release().digest.hex()


@pytest.mark.parametrize("core", ["fast", "public"])
def test_all_that_is_asked_is_counted(tmp_path: Path, core: Core) -> None:
    with running(tmp_path, metrics_port=0, core=core) as server:
        ask_all(server.port)
        shown = samples(page(server.watched.metrics_port))
    calls = {
        (SCORE, "OK"): 2,
        (SCORE, "INVALID_ARGUMENT"): 1,
        (DECIDE, "OK"): 1,
        (DECIDE, "ALREADY_EXISTS"): 1,
        (DECIDE, "INVALID_ARGUMENT"): 1,
        (BATCH, "OK"): 1,
    }
    for (method, outcome), count in calls.items():
        series = f"fedscore_call_seconds_count,method={method},outcome={outcome}"
        assert shown[series] == count, series
    assert shown["fedscore_drain_calls_sum"] == 7
    # All are looked up; what is a replay, or refused, is not stored.
    assert shown["fedscore_journal_seconds_count,step=commit"] == 3
    assert shown["fedscore_journal_seconds_count,step=look"] == 6
    assert shown[f"fedscore_release_info,digest={RELEASE},role=champion"] == 1
    assert shown[f"fedscore_points_count,release={RELEASE[:12]}"] == 5
    assert shown[f"fedscore_missing_total,field=term,release={RELEASE[:12]}"] == 5
    assert shown[f"fedscore_clipped_total,field=income,release={RELEASE[:12]}"] == 0
    assert shown["fedscore_shadow_waiting"] == shown["fedscore_shadow_left_out_total"] == 0


def test_a_metrics_port_is_one_process_s_until_it_stops(tmp_path: Path) -> None:
    with running(tmp_path, metrics_port=0) as first:
        port = first.watched.metrics_port
        shared = {"metrics_port": port, "is_port_shared": True}
        settings = plain_settings(tmp_path).model_copy(update=shared)
        with pytest.raises(ConfigError, match="has another process this port"):
            start_server(serving(make_release()), settings)
        assert "fedscore_release_info" in page(port)
    with pytest.raises(OSError, match="refused"):
        page(port)


def test_nothing_is_shown_unless_it_is_wanted(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        watched = server.watched
        assert (watched.metrics, watched.page, watched.traces) == (None, None, None)
        kept = object()
        assert watched.store(kept) is kept  # type: ignore[arg-type,comparison-overlap]
        assert watched.desk(kept) is kept  # type: ignore[arg-type,comparison-overlap]

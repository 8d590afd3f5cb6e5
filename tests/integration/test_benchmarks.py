"""Benchmarks that nothing else runs still run, at a size at which they measure nothing."""

from pathlib import Path

from benchmarks.audit import honest_log, in_own_process, write


def test_an_audit_is_measured_and_its_log_is_true(tmp_path: Path) -> None:
    write(honest_log(4, 3), tmp_path)
    found = in_own_process(tmp_path)
    assert set(found) == {
        "audit_verify_s",
        "audit_price_s",
        "audit_s",
        "audit_cpu_s",
        "audit_rss_mb",
    }

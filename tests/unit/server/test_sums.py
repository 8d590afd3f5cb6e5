"""Opened sums on disk: whole or not at all, and only as they were."""

import os
from pathlib import Path

import pytest

from protocols.errors import RoundError
from protocols.ledger.canonical import digest
from server.sums import SumStore

RAW = b"\1" + bytes(15)
NAME = digest(RAW).hex()


def test_a_sum_is_found_by_its_digest_also_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "sums"
    SumStore(folder).keep(RAW)
    assert SumStore(folder).read(NAME) == RAW


def test_a_sum_that_is_kept_twice_is_the_same_sum(tmp_path: Path) -> None:
    sums = SumStore(tmp_path)
    sums.keep(RAW)
    sums.keep(RAW)
    assert sums.read(NAME) == RAW
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.i64"]


def test_a_sum_is_on_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(os.listdir(tmp_path)))
    SumStore(tmp_path).keep(RAW)
    assert synced == [[f"{NAME}.new"], [f"{NAME}.i64"]]  # the file, and then its name


def test_a_full_disk_is_a_round_error_and_leaves_no_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("server.sums.os.fsync", full)
    with pytest.raises(RoundError, match="is the disk full"):
        SumStore(tmp_path).keep(RAW)
    with pytest.raises(RoundError, match="gone"):
        SumStore(tmp_path).read(NAME)


@pytest.mark.parametrize("raw", [b"", RAW[:-8], RAW + bytes(8), bytes(16)])
def test_a_sum_that_was_altered_is_refused(raw: bytes, tmp_path: Path) -> None:
    SumStore(tmp_path).keep(RAW)
    (tmp_path / f"{NAME}.i64").write_bytes(raw)
    with pytest.raises(RoundError, match=f"opened sum {NAME[:16]} was altered on disk"):
        SumStore(tmp_path).read(NAME)


def test_a_sum_that_is_gone_is_a_round_error(tmp_path: Path) -> None:
    with pytest.raises(RoundError, match=f"opened sum {NAME[:16]} is gone; restore"):
        SumStore(tmp_path / "absent").read(NAME)

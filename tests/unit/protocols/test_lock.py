"""A lock is held by one process, and freed when it lets go, however that is."""

import threading
from pathlib import Path

import pytest

from protocols.errors import ConfigError
from protocols.lock import only_process


def test_a_second_holder_is_refused_and_told_what_is_held(tmp_path: Path) -> None:
    with (
        only_process(tmp_path / "state", "node"),
        pytest.raises(ConfigError, match="another process works with the node in state"),
        only_process(tmp_path / "state", "node"),
    ):
        pytest.fail("held twice")
    with only_process(tmp_path / "state", "node"):
        pass


def test_other_things_in_the_same_folder_are_held_by_others(tmp_path: Path) -> None:
    with only_process(tmp_path, "node"), only_process(tmp_path, "log"):
        pass


def test_who_is_patient_gets_it_when_the_holder_ends(tmp_path: Path) -> None:
    holds, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with only_process(tmp_path, "log"):
            holds.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(10)
    threading.Timer(0.2, leave.set).start()
    with only_process(tmp_path, "log", patience_s=10.0):
        assert leave.is_set()
    holder.join()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with (
        pytest.raises(ConfigError, match="no folder can be made"),
        only_process(tmp_path / "state", "x"),
    ):
        pytest.fail("held")

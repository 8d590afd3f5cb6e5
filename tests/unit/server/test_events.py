"""Events: written a line at a time, read while they are written."""

from pathlib import Path

import pytest

from server.events import EventReader, EventWriter


def test_what_is_written_is_read_once_and_in_order(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "deep" / "events.jsonl")
    reader = EventReader(tmp_path / "deep" / "events.jsonl")
    writer.write("round", round=1)
    writer.write("round", round=2, text="two\nlines, ä")
    first = list(reader.read())
    assert [(event["event"], event["round"]) for event in first] == [("round", 1), ("round", 2)]
    assert first[1]["text"] == "two\nlines, ä"
    assert list(reader.read()) == []
    writer.write("closed")
    assert [event["event"] for event in reader.read()] == ["closed"]


def test_a_file_that_is_not_there_yet_holds_no_events(tmp_path: Path) -> None:
    reader = EventReader(tmp_path / "events.jsonl")
    assert list(reader.read()) == []
    EventWriter(tmp_path / "events.jsonl").write("late")
    assert [event["event"] for event in reader.read()] == ["late"]


def test_a_half_written_line_is_left_for_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    path.write_bytes(b'{"event":"a"}\n{"event":')
    assert [event["event"] for event in reader.read()] == ["a"]
    assert list(reader.read()) == []
    with path.open("ab") as file:
        file.write(b'"b"}\n')
    assert [event["event"] for event in reader.read()] == ["b"]


def test_a_reader_begins_after_what_was_there(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    writer.write("of the first try")
    reader = EventReader(tmp_path / "events.jsonl")
    assert list(reader.read()) == []
    writer.write("of the second")
    assert [event["event"] for event in reader.read()] == ["of the second"]


def test_a_reader_that_begins_in_half_a_line_reads_the_whole_of_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event":"a"}\n{"event":')
    reader = EventReader(path)
    with path.open("ab") as file:
        file.write(b'"b"}\n')
    assert [event["event"] for event in reader.read()] == ["b"]


@pytest.mark.parametrize("left", [b"", b'{"event":"a"}\n'])
def test_a_writer_cuts_half_a_line_of_a_run_that_was_killed(left: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(left + b'{"event":')
    reader = EventReader(path)
    EventWriter(path).write("b")
    assert path.read_bytes().startswith(left + b'{"event": "b"')
    assert [event["event"] for event in reader.read()] == ["b"]


def test_a_writer_goes_on_after_what_is_there(tmp_path: Path) -> None:
    reader = EventReader(tmp_path / "events.jsonl")
    for name in ("first", "second"):
        EventWriter(tmp_path / "events.jsonl").write(name)
    events = reader.read()
    assert [event["event"] for event in events] == ["first", "second"]

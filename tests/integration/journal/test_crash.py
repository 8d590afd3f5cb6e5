"""kill -9 under load, of writers and of servers; in benchmarks, twenty rounds of each."""

from pathlib import Path

import psycopg

from benchmarks import serving_crash
from benchmarks.journal_crash import trial
from server.journal.journal import Journal
from tests.journals import Place


def test_every_acknowledged_answer_survives_kill_9_once(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    outcome = trial(place, folder, rounds=1, seed=5)
    assert outcome.is_sound, outcome


def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(place: Place) -> None:
    found = serving_crash.trial(str(place.where), rounds=1, seed=5)
    assert found.is_sound, found


def test_a_commit_waits_for_the_disk(journal: Journal, place: Place) -> None:
    if place.postgres is None:
        settings = {"PRAGMA synchronous": 2, "PRAGMA journal_mode": "wal"}  # 2 is FULL
    else:
        settings = {"SHOW synchronous_commit": "on", "SHOW fsync": "on"}
    for question, answer in settings.items():
        assert journal._writer.read(lambda cursor, q=question: _one(cursor, q)) == answer


def _one(cursor: "psycopg.Cursor[tuple[object, ...]]", question: str) -> object:
    cursor.execute(question)  # type: ignore[call-overload]  # its text is typed as a literal
    row = cursor.fetchone()
    assert row is not None
    return row[0]

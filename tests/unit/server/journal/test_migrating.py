"""A new journal has the tables of this version; what is no journal stays as it is."""

import shutil
import sqlite3
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from setuptools import build_meta

from protocols.errors import ConfigError
from server.decisions.regulation import PROFILE_NAMES
from server.journal.journal import open_journal
from server.journal.tables import TABLES, VERSION_TABLE
from tests.journals import drafts

ROOT = Path(__file__).parents[4]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def _run(path: Path, *statements: str) -> None:
    link = sqlite3.connect(path)
    for statement in statements:
        link.execute(statement)
    link.commit()
    link.close()


def test_the_migrations_make_the_tables_that_the_code_uses(path: Path) -> None:
    journal = open_journal(path)
    journal.close()
    fresh = path.with_name("fresh.sqlite")
    made = open_journal(fresh)
    TABLES.drop_all(made._database.engine)
    TABLES.create_all(made._database.engine)
    made.close()
    assert _definitions(path) == _definitions(fresh)


def _definitions(path: Path) -> set[str]:
    rows = sqlite3.connect(path).execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {" ".join(str(sql).split()) for (sql,) in rows}


def test_a_journal_that_is_open_already_is_not_migrated_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_journal(path).close()
    monkeypatch.setattr("alembic.command.upgrade", None)
    journal = open_journal(path)
    journal.commit(drafts(1))
    journal.close()


def test_a_journal_of_version_2_is_brought_to_this_one_with_all_that_it_holds(path: Path) -> None:
    journal = open_journal(path)
    stored = journal.commit(drafts(3))
    journal.close()
    _run(path, "DROP TABLE journal_offers", f"UPDATE {VERSION_TABLE} SET version_num = '2'")
    before = _definitions(path)
    again = open_journal(path)
    assert again.find([record.key for record in stored]) == {item.key: item for item in stored}
    assert again.verify() == 3
    again.close()
    added = {sql.split()[2] for sql in _definitions(path) - before}
    assert added == {"journal_offers", "journal_offers_to"}


def test_a_journal_is_made_only_where_one_is_wanted(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"journal journal.sqlite: there is none"):
        open_journal(path, may_create=False)
    assert not path.exists()
    path.touch()
    with pytest.raises(ConfigError, match=r"journal journal.sqlite: there is none"):
        open_journal(path, may_create=False)


def test_what_is_no_journal_is_refused_and_left(path: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to look at" * 10)
    _run(path, "CREATE TABLE leaves (position INTEGER PRIMARY KEY)")
    before = path.read_bytes()
    for wrong, rule in (
        (tmp_path / "text", "text: cannot be opened"),
        (tmp_path / "nowhere" / "journal.sqlite", "cannot be opened"),
        (tmp_path, "cannot be opened"),
        (path, "not a journal"),
    ):
        with pytest.raises(ConfigError, match=rule):
            open_journal(wrong)
    assert path.read_bytes() == before


def test_a_journal_of_version_1_says_how_it_is_taken_over(path: Path) -> None:
    _run(path, "CREATE TABLE answers (position INTEGER)", "PRAGMA user_version = 1")
    with pytest.raises(ConfigError, match=r"version 1, expected 3; .*new one: fedscore-server"):
        open_journal(path)


def test_a_journal_of_a_later_version_is_refused(path: Path) -> None:
    open_journal(path).close()
    _run(path, f"UPDATE {VERSION_TABLE} SET version_num = '9'")
    with pytest.raises(ConfigError, match="of a newer version than 3"):
        open_journal(path)


def test_a_migration_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("alembic.command.upgrade", fail)
    with pytest.raises(ZeroDivisionError):
        open_journal(path)
    monkeypatch.undo()
    journal = open_journal(path)
    assert journal.verify() == 0
    journal.close()


def test_an_installed_wheel_has_the_migrations_and_the_regulatory_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "server", folder / "server", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.chdir(folder)
    names = zipfile.ZipFile(tmp_path / build_meta.build_wheel(str(tmp_path))).namelist()
    assert "server/journal/migrations/env.py" in names
    assert "server/journal/migrations/versions/v0002_tenants.py" in names
    profiles = {f"server/decisions/profiles/{name}.toml" for name in PROFILE_NAMES}
    assert profiles <= set(names)


def test_different_journals_may_be_made_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        paths = [tmp_path / f"{number}.sqlite" for number in range(8)]
        for journal in threads.map(open_journal, paths):
            assert journal.verify() == 0
            journal.close()


def test_a_file_that_another_process_writes_is_waited_for(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.close)
    timer.start()
    journal = open_journal(path)
    assert journal.verify() == 0
    journal.close()
    timer.join()

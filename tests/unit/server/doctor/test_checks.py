"""The doctor names what is wrong with an installation, and only that, and what to do next."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
import typer

from protocols.console import run_command
from server import commands
from server.config import load_settings
from server.doctor import checks
from server.doctor.checks import CHECKS, NEWEST
from server.doctor.report import Check, Installation, examine, report_text
from server.journal.journal import open_journal
from server.receipts.folder import ReceiptFolder
from server.receipts.follower import Follower
from tests.policies import write_policies
from tests.unit.server.doctor.installation import (
    POLICY,
    Usage,
    change,
    draft,
    find_wrong,
    rewrite,
    tls,
)
from tests.unit.server.serving.world import POLICY_TOML


def test_nothing_is_wrong_with_a_good_installation(asked: Installation) -> None:
    findings = examine(asked, CHECKS)
    assert [item for item in findings if not item.is_ok] == []
    assert all(item.found and not item.next_step for item in findings)


def test_before_the_first_start_there_is_no_journal_and_none_is_made(asked: Installation) -> None:
    Path(asked.options.journal).unlink()
    assert find_wrong(asked) == {}
    assert not Path(asked.options.journal).exists()


def test_settings_that_do_not_parse_are_named(asked: Installation) -> None:
    asked.config.write_text("port = 1\n", encoding="utf-8")
    assert "server.toml" in find_wrong(asked)["settings"].found


def test_a_charter_that_is_gone_is_found(asked: Installation) -> None:
    load_settings(asked.config).charter.unlink()
    assert "settings" in find_wrong(asked)


def test_an_empty_file_of_a_first_start_that_was_killed_is_no_fault(asked: Installation) -> None:
    Path(asked.options.journal).write_bytes(b"")
    assert find_wrong(asked) == {}
    assert Path(asked.options.journal).stat().st_size == 0


def test_the_doctor_makes_no_tables_in_a_database_that_has_none(asked: Installation) -> None:
    Path(asked.options.journal).unlink()
    with closing(sqlite3.connect(asked.options.journal)) as database:
        database.execute("PRAGMA user_version = 7")
        assert "there is none" in find_wrong(asked)["journal"].found
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_file_that_is_no_journal_is_found(asked: Installation) -> None:
    Path(asked.options.journal).write_bytes(b"no database" * 1000)
    assert set(find_wrong(asked)) == {"journal", "journal records", "clock"}


def test_a_journal_in_a_folder_that_is_not_there_is_found(asked: Installation) -> None:
    wrong = find_wrong(change(asked, journal=str(asked.config.parent / "nowhere" / "j.sqlite")))
    assert {"journal", "disk"} <= set(wrong)


def test_a_disk_with_less_than_one_gibibyte_is_found(
    asked: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = Usage(1 << 40, 0, checks.ROOM_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert list(find_wrong(asked)) == ["disk"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=checks.ROOM_BYTES))
    assert find_wrong(asked) == {}


def test_a_record_that_was_changed_is_found(asked: Installation) -> None:
    rewrite(asked, "UPDATE journal_answers SET answer = x'00' WHERE position = 3")
    wrong = find_wrong(asked)
    assert "record 3 is not what was stored" in wrong["journal records"].found
    assert "journal verify" in wrong["journal records"].next_step


def test_only_the_newest_records_are_read(asked: Installation) -> None:
    with closing(open_journal(asked.options.journal)) as journal:
        journal.commit([draft(f"more-{number}", asked.now) for number in range(NEWEST)])
    rewrite(asked, "UPDATE journal_answers SET answer = x'00' WHERE position = 3")
    assert find_wrong(asked) == {}
    rewrite(asked, "UPDATE journal_answers SET answer = x'00' WHERE position = 4")
    assert list(find_wrong(asked)) == ["journal records"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal_answers WHERE position = 3",
        "UPDATE journal_head SET position = 2, "
        "link = (SELECT link FROM journal_answers WHERE position = 2)",
        "UPDATE journal_head SET link = zeroblob(32)",
    ],
)
def test_an_end_that_is_not_what_was_stored_last_is_found(
    asked: Installation, statement: str
) -> None:
    rewrite(asked, statement)
    assert "journal records" in find_wrong(asked)


def test_a_decision_log_that_is_not_begun_or_of_another_journal_is_found(
    asked: Installation, tmp_path: Path
) -> None:
    log = ReceiptFolder(tmp_path / "receipts")
    with_log = replace(asked, options=replace(asked.options, receipts=log.path))
    assert "init-receipts" in find_wrong(with_log)["receipts"].found
    log.begin("test/decisions")
    assert find_wrong(with_log) == {}
    with closing(open_journal(asked.options.journal)) as journal:
        store = log.store(may_write=True)
        assert Follower(journal, store, key=log.key(), origin="test/decisions").step() == 3
        store.close()
    assert find_wrong(with_log) == {}
    rewrite(asked, "UPDATE journal_answers SET answer_id = 'x' WHERE position = 3")
    assert "not what was stored" in find_wrong(with_log)["receipts"].found
    Path(asked.options.journal).unlink()
    assert "there is none" in find_wrong(with_log)["receipts"].found


def test_a_release_that_is_not_proven_or_not_there_is_found(asked: Installation) -> None:
    (proof,) = load_settings(asked.config).releases.glob("*/proof.json")
    proof.unlink()
    assert "no proof" in find_wrong(asked)["releases"].found


@pytest.mark.parametrize("role", ["champion", "challenger", "shadow"])
def test_a_release_that_is_named_and_not_there_is_found(asked: Installation, role: str) -> None:
    named = {"champion": "latest"} | {role: "00" * 32}
    text = "\n".join(f'{key} = "{value}"' for key, value in named.items())
    load_settings(asked.config).routing.write_text(text, encoding="utf-8")
    assert "00000" in find_wrong(asked)["releases"].found


def test_a_routing_file_that_does_not_parse_is_found(asked: Installation) -> None:
    load_settings(asked.config).routing.write_text("champion = 1\n", encoding="utf-8")
    assert "routing.toml: champion" in find_wrong(asked)["releases"].found


def test_options_that_do_not_fit_one_another_are_found(asked: Installation) -> None:
    assert "needs --access" in find_wrong(change(asked, any_caller=False))["options"].found
    assert "go together" in find_wrong(replace(asked, key=tls(asked)[1]))["options"].found
    wrong = find_wrong(change(asked, client_ca=tls(asked)[0]))
    assert "--any-caller excludes" in wrong["options"].found


def test_a_fast_core_that_would_not_serve_is_found(
    asked: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_wrong(change(asked, core="fast")) == {}
    monkeypatch.setattr(grpc, "__version__", "1.86.0")
    assert "found 1.86.0" in find_wrong(change(asked, core="fast"))["core"].found
    assert find_wrong(asked) == {}


def test_a_policy_file_that_was_changed_is_found(asked: Installation) -> None:
    (file,) = (asked.options.policies / "policies").iterdir()
    file.write_text("schema = 1\n", encoding="utf-8")
    wrong = find_wrong(asked)
    assert set(wrong) == {"policies", "active policy", "currency"}
    assert file.name in wrong["policies"].found


def test_a_policy_in_another_currency_is_found(asked: Installation) -> None:
    write_policies(asked.options.policies, POLICY_TOML)
    assert list(find_wrong(asked)) == ["currency"]


def test_that_no_policy_is_active_is_found(asked: Installation) -> None:
    write_policies(asked.options.policies)
    assert "no policy is active" in find_wrong(asked)["active policy"].found
    write_policies(asked.options.policies, POLICY, POLICY.replace("test-loan", "other-loan"))
    assert find_wrong(replace(asked)) == {}


def test_a_challenger_policy_is_looked_at_where_one_is_named(asked: Installation) -> None:
    path = asked.config.parent / "challenger.toml"
    named = change(asked, challenger_policy=path)
    assert list(find_wrong(named)) == ["challenger policy"]
    path.write_text(POLICY_TOML, encoding="utf-8")
    assert "currency must be EUR" in find_wrong(named)["challenger policy"].found
    path.write_text(POLICY_TOML.replace('"USD"', '"EUR"'), encoding="utf-8")
    assert find_wrong(named) == {}


def test_a_clock_before_the_newest_record_is_found(asked: Installation) -> None:
    with closing(open_journal(asked.options.journal)) as journal:
        journal.commit([draft("later", asked.now + timedelta(seconds=1))])
    assert list(find_wrong(asked)) == ["clock"]


def test_a_check_that_fails_keeps_no_other_from_being_made(asked: Installation) -> None:
    asked.config.unlink()
    wrong = find_wrong(asked)
    assert "settings" in wrong
    assert not {"policies", "journal", "clock"} & set(wrong)


def test_the_report_says_what_to_do_about_what_is_wrong_only(asked: Installation) -> None:
    shutil.rmtree(asked.options.policies)
    text = report_text(examine(asked, CHECKS))
    assert "WRONG policies" in text
    assert "ok    clock" in text
    assert text.count("next:") == 3


def _words(asked: Installation) -> list[str]:
    return [
        *("doctor", "--config", str(asked.config), "--policies", str(asked.options.policies)),
        *("--journal", asked.options.journal, "--port", str(asked.options.port), "--any-caller"),
    ]


def _run(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["fedscore-server", *words])
    with pytest.raises(SystemExit) as left:
        sys.exit(run_command(commands.app, name="fedscore-server"))
    return int(left.value.code or 0)


def test_the_command_says_0_or_1_and_prints_json(
    asked: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, [*_words(asked), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert {tuple(item) for item in findings} == {("name", "is_ok", "found", "next_step")}
    shutil.rmtree(asked.options.policies)
    assert _run(monkeypatch, _words(asked)) == 1
    assert "WRONG policies" in capsys.readouterr().out


def test_the_doctor_takes_the_options_of_serve() -> None:
    group = typer.main.get_command(commands.app)
    taken = {
        verb: {option.name: option.default for option in group.commands[verb].params}  # type: ignore[attr-defined]
        for verb in ("serve", "doctor")
    }
    assert taken["serve"].keys() == taken["doctor"].keys() - {"as_json", "certificate", "key"}
    for name, default in taken["serve"].items():
        assert str(taken["doctor"][name]) == str(default)


def test_every_check_has_its_own_name_and_an_advice() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    looks: list[Callable[[Installation], str]] = [check.look for check in CHECKS]
    assert all(look.__doc__ for look in looks)
    assert all(isinstance(check, Check) and check.next_step for check in CHECKS)

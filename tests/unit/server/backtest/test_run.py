"""A backtest decides as a server does, counts everybody, and refuses one by one."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from protocols.contracts.decisions import Circumstances, Consent, LimitRequest
from protocols.contracts.features import Group
from protocols.contracts.regulation import RegulatoryProfile
from protocols.errors import ContractError, MissingColumnError, UnreadableDataError
from protocols.wire import decisions_v1_pb2 as wire
from server.backtest.columns import CIRCUMSTANCES, Supposed
from server.backtest.compare import Place
from server.backtest.run import Tried
from server.decisions.regulation import load_profiles
from server.serving.limit_question import LimitQuestion
from server.serving.questions import drafts_of
from server.serving.reader import Reader
from server.serving.rulebooks import always
from tests.unit.server.backtest.world import (
    A_DAY,
    ON,
    Watching,
    example_table,
    past_table,
    report,
    rulebook,
    run,
    strict_table,
)
from tests.unit.server.batch.world import write_csv, write_parquet
from tests.unit.server.serving.world import make_policy, make_release, policy_table

ROWS = 2_000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backtest") / "past.parquet"
    return write_parquet(path, past_table(ROWS), group=700)


@pytest.fixture(scope="module")
def tried(past: Path) -> Tried:
    return run(past, rulebook(strict_table()), rulebook())


def _small(tmp_path: Path, **columns: list[object]) -> Path:
    """Write four applicants with some columns replaced or added."""
    table = past_table(4)
    for name, values in columns.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.array(values))
    return write_parquet(tmp_path / "small.parquet", table)


def _refused(tried: Tried) -> dict[str, int]:
    """Return what A refused."""
    return {kind: n for (side, kind), n in tried.comparison.refused.items() if side == "A"}


def test_everybody_is_counted_once(tried: Tried) -> None:
    found = report(tried)
    assert tried.comparison.rows == found.total.count == ROWS
    assert sum(swap.count for swap in found.total.swaps.values()) == ROWS
    assert sum(one.count for one in found.segments.values()) == ROWS
    assert sum(one.count for one in found.bands.values()) == ROWS
    assert sum(one.a.limit_minor for one in found.bands.values()) == found.total.a.limit_minor
    assert sum(one.b.loss_minor for one in found.segments.values()) == pytest.approx(
        found.total.b.loss_minor, abs=len(found.segments)
    )
    assert found.total.swaps["ONLY_B"].count > 0
    assert found.total.changes.lowered > 0
    assert found.total.a.bad_rate is not None


def test_progress_is_told_as_it_goes(tmp_path: Path) -> None:
    past, watching = write_parquet(tmp_path / "past.parquet", past_table(70)), Watching()
    run(past, rulebook(), rulebook(), rows_at_once=30, watching=watching)
    assert (watching.total, watching.told) == (70, [30, 30, 10])


def test_parts_of_any_size_count_the_same(tmp_path: Path) -> None:
    past = write_parquet(tmp_path / "past.parquet", past_table(70), group=33)
    strict = rulebook(strict_table())
    found = [run(past, strict, rulebook(), rows_at_once=rows).comparison for rows in (1, 9, 4_096)]
    assert found[0] == found[1] == found[2]


def _asked(row: dict[str, Any], number: int) -> LimitRequest:
    """Return a row as a platform would ask, with all consents, and all values of the day."""
    contract = make_release().scorecard.contract
    circumstances = {name: row[name] for name in CIRCUMSTANCES}
    facts = {name: row[name] for name in ("months_in_business", "days_past_due")}
    known = {name: int(value) for name, value in facts.items() if value is not None}
    groups: tuple[Group, ...] = ("application", "bureau", "transaction", "consumption", "social")
    numeric = [field.name for field in contract.inputs if field.kind == "numeric"]
    listed = {field.name for field in contract.inputs} - set(numeric)
    numbers = {name: float(row[name]) for name in numeric if row[name] is not None}
    levels = {name: row[name] for name in listed if row[name] is not None and row[name].strip()}
    return LimitRequest.model_validate(
        {
            "request_id": f"r{number}",
            "subject": f"s{number}",
            "features": {
                "numbers": numbers,
                "categories": {name: level.strip() for name, level in levels.items()},
            },
            "requested_amount_minor": row["requested_amount_minor"],
            "currency": "USD",
            "segment": row["segment"],
            "circumstances": Circumstances.model_validate({**circumstances, "facts": known}),
            "consents": (Consent(groups=groups, granted_on=ON, expires_on=date(2026, 12, 1)),),
            "observed": dict.fromkeys(groups, ON),
        }
    )


def test_a_backtest_says_what_a_server_would_have(tmp_path: Path) -> None:
    """Held to the very question that a server answers, for 80 applicants."""
    table = past_table(80, seed=5)
    policy = example_table()
    policy["segments"]["CONSUMER"]["thin_file"] = {
        "group": "application",
        "fewest_known": 5,
        "ladder": [{"months_on_book": 0, "limit_minor": 150_000}],
    }
    used = rulebook(policy)
    found = run(write_parquet(tmp_path / "past.parquet", table), used, used)
    expected: dict[Place, list[int]] = {}
    noon = datetime(2026, 11, 27, 17, tzinfo=UTC)
    rows = table.to_pylist()
    questions = [LimitQuestion("p", _asked(row, n), always(used)) for n, row in enumerate(rows)]
    for row, draft in zip(
        rows, drafts_of(questions, by=Reader(make_release()), at=noon), strict=True
    ):
        assert not isinstance(draft, Exception)
        said = wire.DecideLimitResponse.FromString(draft.answer(1)).decision
        outcome = wire.Outcome.Name(said.outcome).removeprefix("OUTCOME_")
        is_given = said.limit_minor > 0
        place = Place(row["segment"], said.band, said.band, outcome, outcome, is_given, is_given)
        expected.setdefault(place, []).append(said.limit_minor)
    counted = {
        place: (cell.count, cell.a.limit_minor) for place, cell in found.comparison.cells.items()
    }
    assert counted == {place: (len(limits), sum(limits)) for place, limits in expected.items()}


def test_who_cannot_be_decided_is_counted_by_kind_and_no_value_is_told(tmp_path: Path) -> None:
    given = _small(
        tmp_path,
        segment=["CONSUMER", "SECRET", "CONSUMER", "CONSUMER"],
        requested_amount_minor=["100000", "100000", "31.5", "100000"],
        days_past_due=[0, 0, 0, -7],
    )
    found = run(given, rulebook(), rulebook())
    refused = _refused(found)
    assert sorted(kind.partition(":")[0] for kind in refused) == [
        "circumstances.facts.days_past_due",
        "requested_amount_minor",
        "segment",
    ]
    assert report(found).total.count == 1
    assert not any(value in kind for kind in refused for value in ("SECRET", "31.5", "-7"))


def test_a_policy_without_the_segment_refuses_and_the_other_goes_on(tmp_path: Path) -> None:
    past = write_parquet(tmp_path / "past.parquet", past_table(40))
    lean = strict_table()
    del lean["segments"]["MICRO_SMALL_BUSINESS"]
    found = run(past, rulebook(lean), rulebook())
    (kind,) = _refused(found)
    assert kind == "segment: the policy has no such borrowers"
    assert report(found).total.count + _refused(found)[kind] == 40
    assert {side for side, _ in found.comparison.refused} == {"A"}


def test_a_rate_above_the_laws_cap_is_a_kind_of_refusal(tmp_path: Path) -> None:
    dear = policy_table()
    for band in dear["segments"]["CONSUMER"]["bands"][:-1]:  # type: ignore[index]
        band["annual_rate"] = "0.9"
    used = rulebook(dear)
    found = run(_small(tmp_path, segment=["CONSUMER"] * 4), used, used)
    assert _refused(found).keys() == {"RateCapError"}


def test_data_that_the_law_bars_are_refused_where_they_are_given(tmp_path: Path) -> None:
    profile = load_profiles()["us"].model_dump(mode="json", by_alias=True)
    for rule in profile["data"]:
        rule["barred_groups"] = ["application"]
    used = rulebook()._replace(profile=RegulatoryProfile.model_validate(profile))
    empty: dict[str, list[object]] = {
        name: [1, None, None, None] for name in ("income", "utilisation", "inquiries")
    }
    levels: dict[str, list[object]] = {name: ["", "", "own", None] for name in ("home", "term")}
    found = run(_small(tmp_path, **empty, **levels), used, rulebook())
    assert _refused(found) == {"DataNotPermittedError": 2}


def test_days_are_of_the_row_or_the_supposed_one(tmp_path: Path) -> None:
    no_day = "decided_on: expected a day such as 2026-11-27"
    days: list[object] = [date(2026, 11, 27), None, date(1970, 1, 1), date(2026, 11, 28)]
    given = _small(tmp_path, decided_on=days)
    assert _refused(run(given, rulebook(), rulebook())) == {"ProfileDateError": 1}
    found = run(given, rulebook(), rulebook(), supposed=Supposed(None, None))
    assert _refused(found) == {"ProfileDateError": 1, no_day: 1}


def test_days_that_are_none_are_refused_and_no_more(tmp_path: Path) -> None:
    no_day = "decided_on: expected a day such as 2026-11-27"
    texts: list[object] = ["2026-11-27", "soon", "9999-12-31", "2026-11-27T09:00:00"]
    found = run(_small(tmp_path, decided_on=texts), rulebook(), rulebook())
    assert _refused(found) == {no_day: 2}
    old = _small(tmp_path, observed_on_application=["soon", "2026-11-27", "", "0001-01-01"])
    (kind,) = _refused(run(old, rulebook(), rulebook()))
    assert kind.startswith("observed.application: ")


def test_columns_may_say_that_values_are_old(tmp_path: Path) -> None:
    table = strict_table()
    table["freshness"] = [{"group": "application", "most_days": 30, "is_required": True}]
    days = [ON, date(2026, 1, 1), None, ON]
    found = run(
        _small(tmp_path, observed_on_application=days, segment=["CONSUMER"] * 4),
        rulebook(table),
        rulebook(),
    )
    outcomes = report(found).total.a.outcomes
    assert outcomes["NOT_DECIDED"] == 2
    assert "NOT_DECIDED" not in report(found).total.b.outcomes


def _p_defaults(tried: Tried) -> set[int]:
    cells = tried.comparison.cells.values()
    return {cell.a.p_default_billionths // cell.count for cell in cells}


def test_values_that_are_withheld_count_as_missing(tmp_path: Path) -> None:
    table = strict_table()
    table["freshness"] = [{"group": "application", "most_days": 0, "is_required": False}]
    segment: list[object] = ["CONSUMER"] * 4
    old: list[object] = [date(2026, 11, 1)] * 4
    empty: dict[str, list[object]] = {
        name: [None] * 4 for name in ("income", "utilisation", "inquiries", "home", "term")
    }
    bare = run(_small(tmp_path, segment=segment, **empty), rulebook(), rulebook())
    stale = run(
        _small(tmp_path, segment=segment, observed_on_application=old),
        rulebook(table),
        rulebook(),
    )
    assert len(_p_defaults(bare)) == 1
    assert _p_defaults(stale) == _p_defaults(bare)


def test_columns_may_say_that_there_is_no_consent(tmp_path: Path) -> None:
    table = strict_table() | {"profile": "cn-bank"}
    others = ("bureau", "transaction", "consumption", "social")
    said: dict[str, list[object]] = {
        f"consents_to_{group}": ["yes", "no", "", "yes"] for group in others
    }
    said["consents_to_application"] = ["yes", "no", "", "perhaps"]
    found = run(_small(tmp_path, **said), rulebook(table), rulebook())
    refused = _refused(found)
    assert refused["ConsentError"] == 2
    assert refused["consents_to_application: expected true or false"] == 1


def test_text_files_are_read_too(tmp_path: Path) -> None:
    table = past_table(60)
    as_text = write_csv(tmp_path / "past.csv", table)
    watching = Watching()
    found = run(as_text, rulebook(strict_table()), rulebook(), watching=watching)
    same = run(
        write_parquet(tmp_path / "past.parquet", table), rulebook(strict_table()), rulebook()
    )
    assert found.comparison == same.comparison
    assert watching.total is None


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    table = past_table(60)
    for name, part in (("a", table.slice(0, 25)), ("b", table.slice(25))):
        write_parquet(tmp_path / "parts" / f"{name}.parquet", part)
    write_parquet(tmp_path / "whole.parquet", table)
    parts = run(tmp_path / "parts", rulebook(strict_table()), rulebook())
    whole = run(tmp_path / "whole.parquet", rulebook(strict_table()), rulebook())
    assert parts.comparison == whole.comparison
    assert (parts.files, whole.files) == (2, 1)


def test_without_outcomes_nothing_is_said_of_them(tmp_path: Path) -> None:
    table = past_table(20).drop_columns(["outcome"])
    found = run(write_parquet(tmp_path / "past.parquet", table), rulebook(), rulebook())
    assert not found.is_outcome_known
    assert report(found).total.a.bad_rate is None


def test_bad_files_are_named_before_anything_is_decided(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnreadableDataError, match=r"torn\.parquet: truncated"):
        run(tmp_path / "torn.parquet", rulebook(), rulebook())
    table = past_table(5)
    lacking = write_parquet(tmp_path / "lacking.parquet", table.drop_columns(["home"]))
    with pytest.raises(MissingColumnError, match=r"lacking\.parquet: no column named home"):
        run(lacking, rulebook(), rulebook())
    free = write_parquet(tmp_path / "free.parquet", table.drop_columns(["requested_amount_minor"]))
    with pytest.raises(MissingColumnError, match="requested_amount_minor"):
        run(free, rulebook(), rulebook())
    found = run(free, rulebook(), rulebook(), supposed=Supposed(150_000, ON))
    assert found.comparison.rows == 5


def test_a_policy_in_another_currency_is_refused(past: Path) -> None:
    foreign = rulebook()._replace(policy=make_policy(currency="EUR"))
    with pytest.raises(ContractError, match="currency must be USD"):
        run(past, foreign, rulebook(), supposed=A_DAY)

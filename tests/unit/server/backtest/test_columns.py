"""Values of files are read as a question has them, or left as they are, to be refused."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from protocols.errors import ConfigError, MissingColumnError
from server.backtest.columns import (
    CONSENTED,
    OBSERVED,
    OPTIONAL,
    Supposed,
    day,
    truth,
    wanted_columns,
    whole,
)
from tests.unit.server.backtest.world import ON
from tests.unit.server.serving.world import make_contract


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((7, 7), (7.0, 7), ("7", 7), (" 7 ", 7), ("7.0", 7), (Decimal("7.00"), 7), (-3, -3)),
        *((None, None), (float("nan"), None), ("", None)),
    ],
)
def test_whole_numbers_come_in_many_forms(value: object, read: object) -> None:
    assert whole(value) == read


@pytest.mark.parametrize("value", [7.5, "7.5", "7e3", "seven", True, float("inf"), "9" * 21])
def test_what_is_no_whole_number_stays_to_be_refused(value: object) -> None:
    assert whole(value) is value


def test_days_come_as_days_times_and_texts() -> None:
    assert day(date(2026, 1, 2)) == date(2026, 1, 2)
    assert day(datetime(2026, 1, 2, 23, 59)) == date(2026, 1, 2)
    assert day("2026-01-02") == day("2026-01-02T10:00:00") == date(2026, 1, 2)
    assert day(None) is day("") is None
    assert day("soon") == "soon"


def test_truths_come_in_many_forms() -> None:
    assert [truth(value) for value in (True, 1, 1.0, "true", "YES")] == [True] * 5
    assert [truth(value) for value in (False, 0, "no", None, "")] == [False] * 5
    assert truth("perhaps") == "perhaps"


def test_what_a_file_has_is_read_and_nothing_else() -> None:
    found = ["secret", "outcome", "income", "segment", "home"]
    wanted = wanted_columns(make_contract(), found)
    assert wanted == [
        *("income", "utilisation", "inquiries", "home", "term"),
        *("outcome", "segment"),
    ]


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "backtest.md").read_text(encoding="utf-8")
    by_group = {*OBSERVED.values(), *CONSENTED.values()}
    for name in (*(name for name in OPTIONAL if name not in by_group), "observed_on_GROUP"):
        assert f"`{name}`" in page


def test_amount_and_day_must_be_known_from_somewhere() -> None:
    columns = ["requested_amount_minor", "decided_on"]
    Supposed(None, None).check("f", columns)
    Supposed(1, ON).check("f", [])
    with pytest.raises(MissingColumnError, match=r"^f: no column named requested_amount_minor;"):
        Supposed(None, ON).check("f", [])
    with pytest.raises(MissingColumnError, match=r"^f: no column named decided_on; .* --on"):
        Supposed(1, None).check("f", [])
    with pytest.raises(ConfigError, match="--requested-minor: expected 1 or more"):
        Supposed(0, ON)

"""Past applicants and policies for tests of backtests, and a backtest of them."""

import contextlib
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from protocols.contracts.decisions import Outcome
from protocols.contracts.limit_policy import LimitPolicy
from server.backtest.columns import Supposed
from server.backtest.compare import Comparison, Pair, Said
from server.backtest.figures import Report, report_of
from server.backtest.run import Tried, backtest
from server.decisions.policy import policy_from_table
from server.decisions.regulation import load_profiles
from server.serving.rulebooks import Rulebook
from tests.unit.server.batch.world import make_table
from tests.unit.server.decisions.cases import EXAMPLE
from tests.unit.server.serving.world import make_release

ON = date(2026, 11, 27)
A_DAY = Supposed(None, ON)


def example_table() -> dict[str, Any]:
    """Return the example policy with one plan only, for speed; Any: tests change its depths."""
    table = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    return table | {"plans": [table["plans"][0] | {"months": [12]}]}


def strict_table() -> dict[str, Any]:
    """Return a policy that gives businesses less, consumers at half the risk, and to all dearer."""
    table = example_table()
    table["name"] = "usd-loans-strict"
    consumer, business = table["segments"]["CONSUMER"], table["segments"]["MICRO_SMALL_BUSINESS"]
    del consumer["expected_loss"]
    for band in consumer["bands"][:-1]:
        band["p_default_up_to"] = str(float(band["p_default_up_to"]) / 2)
        band["annual_rate"] = f"{float(band['annual_rate']) + 0.02:.3f}"
    for band in business["bands"][:-1]:
        band["limit_minor"] = band["limit_minor"] // 2
    return table


def rulebook(table: dict[str, Any] | None = None) -> Rulebook:
    """Return a policy, the example's if no other, and the profile that it names."""
    policy = policy_from_table(table or example_table(), where="policy.toml")
    return Rulebook(policy, load_profiles()[policy.profile])


def past_table(rows: int, *, seed: int = 1) -> Any:  # Any: Arrow is untyped
    """Return past applicants of both segments, some of whom went bad and some are not known."""
    draw = np.random.default_rng(seed)
    table = make_table(rows, seed=seed)
    more = {
        "requested_amount_minor": draw.integers(1, 17, rows) * 250_000,
        "segment": draw.choice(["CONSUMER", "MICRO_SMALL_BUSINESS"], rows),
        "monthly_income_minor": draw.integers(100_000, 1_000_000, rows),
        "monthly_obligations_minor": draw.integers(0, 100_000, rows),
        "exposure_elsewhere_minor": draw.integers(0, 4_000_000, rows),
        "months_in_business": draw.choice([3.0, 40.0, 90.0, np.nan], rows),
        "days_past_due": draw.choice([0.0, 5.0, 45.0, np.nan], rows, p=[0.5, 0.3, 0.1, 0.1]),
        "outcome": draw.choice(["0", "0", "1", ""], rows),
    }
    for name, values in more.items():
        table = table.append_column(name, pa.array(values, from_pandas=True))
    return table


class Watching:
    """A view that remembers."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.total: int | None = None

    def advance(self, rows: int) -> None:
        self.told.append(rows)

    @contextlib.contextmanager
    def of(self, total: int | None) -> Iterator["Watching"]:
        self.total = total
        yield self


def run(
    given: Path,
    a: Rulebook,
    b: Rulebook,
    *,
    supposed: Supposed = A_DAY,
    rows_at_once: int = 4_096,
    watching: Watching | None = None,
) -> Tried:
    """Backtest by the release of ``make_release``."""
    make_view = (watching or Watching()).of
    return backtest(
        given, make_release(), (a, b), supposed, make_view=make_view, rows_at_once=rows_at_once
    )


def report(tried: Tried) -> Report:
    """Return the figures of a backtest."""
    return report_of(tried.comparison, tried.a.policy, tried.b.policy)


def said(
    outcome: Outcome,
    limit_minor: int,
    *,
    band: str = "A",
    p_default: float = 0.1,
    loss_minor: int = 0,
    codes: tuple[str, ...] = (),
) -> Said:
    """Return what a policy says."""
    return Said(outcome, band, limit_minor, round(p_default * 10**9), loss_minor * 1_000_000, codes)


def comparison(*pairs: Pair) -> Comparison:
    """Return a comparison that counted some pairs."""
    counted = Comparison()
    for pair in pairs:
        counted.add(pair)
    return counted


def bands_policy() -> LimitPolicy:
    """Return the example policy: bands A to G, of which A costs 8.9 % and B 10.9 % a year."""
    return rulebook().policy

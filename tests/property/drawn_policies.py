"""Limit policies that parse and have no fault, drawn from one number: any shape, all profiles."""

from functools import lru_cache
from itertools import pairwise
from random import Random

from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName
from protocols.contracts.limit_policy import LimitPolicy
from server.decisions.policy import policy_from_table
from server.decisions.regulation import PROFILE_NAMES, load_profiles, rules_on
from server.proof.applicants import Stage, stage
from tests.unit.server.decisions.cases import TODAY

_CURRENCIES = {"us": "USD", "cn-bank": "CNY", "cn-micro-lender": "CNY", "eu-ccd2": "EUR"}
_CODES: dict[FactName, str] = {
    "days_past_due": "PAYMENT.OVERDUE",
    "utilisation_percent": "UTILISATION.HIGH",
    "enquiries_90_days": "ENQUIRIES.MANY",
    "months_in_business": "BUSINESS.YOUNG",
    "months_on_book": "CUSTOMER.NEW",
    "income_drop_percent": "INCOME.DROPPED",
}
_METHODS = ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_FIRST", "BULLET", "DAILY_INTEREST")
_PROFILES = load_profiles()


@lru_cache(maxsize=512)
def stages_of(seed: int) -> tuple[Stage, ...]:
    """Return where applicants of the policy of this number stand today."""
    policy = drawn_policy(seed)
    rules = rules_on(_PROFILES[policy.profile], TODAY)
    return tuple(stage(policy, segment, rules, TODAY) for segment in policy.segments)


def drawn_policy(seed: int) -> LimitPolicy:
    """Return the policy of this number; its cost is below every profile's cap of today."""
    dice = Random(seed)
    step = dice.choice((1_000, 2_500, 10_000))
    minimum = step * dice.randint(5, 60)
    profile = PROFILE_NAMES[seed % len(PROFILE_NAMES)]
    table = {
        "schema": 2,
        "name": f"drawn-{seed}",
        "product": "loan",
        "currency": _CURRENCIES[profile],
        "profile": profile,
        "author": "anna",
        "time_zone": "UTC",
        "valid_days": 30,
        "terms": {
            "minimum_minor": minimum,
            "maximum_minor": minimum + step * dice.randint(0, 400),
            "step_minor": step,
        },
        "plans": [_plan(dice)],
        "fees": {
            "upfront_share": dice.choice(("0", "0.002")),
            "upfront_minor": dice.choice((0, 3)),
            "monthly_share": dice.choice(("0", "0.0005")),
            "monthly_minor": dice.choice((0, 2)),
        },
        "line": {
            "increase_after_days": dice.choice((0, 30, 90)),
            "increase_after_reviews": dice.randint(1, 3),
            "increase_share": dice.choice(("0.2", "0.5", "2")),
            "decrease_after_reviews": dice.randint(2, 3),
        },
        "segments": {"CONSUMER": _segment(dice, minimum, step)},
    }
    if dice.random() < 0.3:
        table["segments"]["MICRO_SMALL_BUSINESS"] = _segment(dice, minimum, step)
    return policy_from_table(table, where=f"policy {seed}")


def _plan(dice: Random) -> dict[str, object]:
    method = dice.choice(_METHODS)
    counts = ["ACT/365F", "ACT/360", "ACT/ACT"] + ["30/360"] * (method != "DAILY_INTEREST")
    months = dice.sample((1, 3, 6, 12), k=2)
    return {"method": method, "day_count": dice.choice(counts), "months": months}


def _segment(dice: Random, minimum: int, step: int) -> dict[str, object]:
    segment: dict[str, object] = {"bands": _bands(dice, minimum, step)}
    some = {
        "affordability": {
            "debt_service_share": dice.choice(("0.3", "0.5", "1")),
            "months": dice.choice((6, 24)),
            "without_income_minor": minimum + step * dice.randint(-3, 50),
        },
        "expected_loss": {
            "budget_minor": dice.randint(1, 20) * minimum // 20,
            "loss_given_default": dice.choice(("0.4", "1")),
            "credit_conversion": dice.choice(("0.75", "1")),
        },
        "thin_file": _thin_file(dice, minimum, step),
        "obligor_maximum_minor": minimum + step * dice.randint(1, 400),
        "refer_above_minor": minimum + step * dice.randint(1, 200),
    }
    segment.update({name: part for name, part in some.items() if dice.random() < 0.6})
    segment["rules"] = [_rule(dice) for _ in range(dice.randint(0, 3))]
    tables = [_table(dice) for _ in range(dice.randint(0, 2))]
    segment["tables"] = list({table["code"]: table for table in tables}.values())
    return segment


def _bands(dice: Random, minimum: int, step: int) -> list[dict[str, object]]:
    count = dice.randint(1, 5)
    bounds = sorted(dice.sample(range(1, 1_000), count))
    limits = sorted((minimum + step * dice.randint(0, 400) for _ in range(count)), reverse=True)
    rates = sorted(dice.randint(0, 150) for _ in range(count))
    multiples = sorted((dice.randint(1, 20) for _ in range(count)), reverse=True)
    has_multiples = dice.random() < 0.6
    bands: list[dict[str, object]] = [
        {
            "name": f"B{place}",
            "p_default_up_to": f"{bound / 1_000}",
            "limit_minor": limit,
            "annual_rate": f"{rate / 1_000}",
            **({"income_multiple": f"{multiple / 10}"} if has_multiples else {}),
        }
        for place, (bound, limit, rate, multiple) in enumerate(
            zip(bounds, limits, rates, multiples, strict=True)
        )
    ]
    return [*bands, {"name": "LAST", "p_default_up_to": "1", "limit_minor": 0}]


def _thin_file(dice: Random, minimum: int, step: int) -> dict[str, object]:
    limits = sorted(minimum + step * dice.randint(-2, 100) for _ in range(3))
    ladder = [
        {"months_on_book": months, "limit_minor": max(0, limit)}
        for months, limit in zip((0, 6, 24), limits, strict=True)
    ]
    return {"group": "bureau", "fewest_known": dice.randint(1, 5), "ladder": ladder}


def _rule(dice: Random) -> dict[str, object]:
    fact = dice.choice(tuple(_CODES))
    return {
        "code": _CODES[fact],
        "fact": fact,
        "below" if fact in BETTER_WHEN_HIGHER else "at_least": dice.randint(1, 60),
        "action": dice.choice(("DECLINE", "REFER")),
        "when_unknown": dice.choice(("PASS", "PASS", "REFER", "DECLINE")),
    }


def _table(dice: Random) -> dict[str, object]:
    """Return a table that covers all its facts once, and gives less to the worse of each."""
    facts = dice.sample(tuple(_CODES), k=dice.randint(1, 2))
    axes = [_axis(dice, fact) for fact in facts]
    cells = [{"ranges": [r], "lost": lost} for r, lost in axes[0]]
    for axis in axes[1:]:
        cells = [
            {"ranges": [*cell["ranges"], r], "lost": cell["lost"] + lost}
            for cell in cells
            for r, lost in axis
        ]
    return {
        "code": _CODES[facts[0]],
        "facts": facts,
        "when_unknown": dice.choice(("1", "0.5", "0")),
        "cells": [
            {"ranges": cell["ranges"], "share": f"{max(0, 10 - cell['lost']) / 10}"}
            for cell in cells
        ],
    }


def _axis(dice: Random, fact: FactName) -> list[tuple[list[int], int]]:
    """Return ranges of a fact and the tenths that each loses, the better of two never more."""
    low, high = FACT_RANGES[fact]
    inner = sorted(dice.sample(range(low + 1, 90), k=dice.randint(1, 3)))
    edges = [low, *inner, high + 1]
    lost = [0, *sorted(dice.randint(0, 6) for _ in inner)]
    if fact in BETTER_WHEN_HIGHER:
        lost.reverse()
    ranges = [[one, two] for one, two in pairwise(edges)]
    return list(zip(ranges, lost, strict=True))

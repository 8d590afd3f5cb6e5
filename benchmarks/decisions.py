"""How many limits does one core decide in a second, and what does deciding add to a score?

Applicants, limits, terms and lines are drawn over the example policy, and come over one day or over
thirty: prices that are known from before are those that a server would know. Deciding alone has no
network, no parsing and no journal. What it adds to a score is the whole question (checks, what may
be used, score, decision, reasons, plans, message) less a score of the same applicant, the two in
turn: with every price known, with prices as they come to be known over a day, and with none known,
as for the first limit of a kind. Last, a drain: questions from bytes, scored together, answered in
bytes. All is processor time of one thread, so that what else runs weighs little.

    python -m benchmarks.decisions
"""

import argparse
import dataclasses
import gc
import json
import random
import statistics
import time
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.served import release
from model.artifacts import Release
from model.link import Link
from protocols.contracts.applicants import PackedApplicant
from protocols.contracts.decisions import LimitRequest
from protocols.translate_questions import limit_request_from_wire, limit_request_to_wire
from server.decisions.candidates import Known, annuity_factor
from server.decisions.pipeline import Case, Frame, decide
from server.decisions.policy import policy_from_table
from server.decisions.pricing import priced, priced_plan
from server.decisions.regulation import load_profiles, rules_on
from server.journal.record import Draft
from server.serving.limit_question import LimitQuestion
from server.serving.questions import drafts_of
from server.serving.reader import Reader
from server.serving.rulebooks import Rulebook, always

_POLICY = Path(__file__).parents[1] / "examples" / "policy.toml"
_NOW = datetime(2026, 11, 27, 17, tzinfo=UTC)
_DAYS = (1, 30)
_DRAIN = 64


class World(NamedTuple):
    """What questions are asked of."""

    reader: Reader
    rulebook: Rulebook
    requests: Sequence[LimitRequest]


def world(count: int) -> World:
    """Return a generated release, the example policy, and so many questions."""
    reader, draw = Reader(_calibrated(release())), random.Random(1)
    policy = policy_from_table(tomllib.loads(_POLICY.read_text(encoding="utf-8")), where="example")
    rulebook = Rulebook(policy, load_profiles()[policy.profile])
    return World(reader, rulebook, [_request(reader, place, draw) for place in range(count)])


def _calibrated(generated: Release) -> Release:
    """Return the release with probabilities as lenders see them: half are above 8 %."""
    link = Link(intercept=-1.15, slope=1.5)
    return dataclasses.replace(
        generated, scorecard=dataclasses.replace(generated.scorecard, link=link)
    )


def _request(reader: Reader, place: int, draw: random.Random) -> LimitRequest:
    packing = reader.packing
    is_business = draw.random() < 0.2
    income_minor = None if draw.random() < 0.1 else 1_000 * draw.randrange(150, 1_500)
    table: dict[str, object] = {
        "request_id": f"question-{place}",
        "subject": f"person-{place}",
        "features": PackedApplicant(
            contract_digest=packing.contract_digest,
            numbers=tuple(draw.gammavariate(2, 30) for _ in range(packing.numbers)),
            codes=tuple(draw.randrange(count) for _, count in packing.codes),
        ),
        # People ask for round amounts.
        "requested_amount_minor": 100_000 * draw.randrange(1, 41),
        "currency": "USD",
        "segment": "MICRO_SMALL_BUSINESS" if is_business else "CONSUMER",
        "months": draw.choice([None, 12, 24] if is_business else [None, 12, 24, 36]),
        "circumstances": {
            "monthly_income_minor": income_minor,
            "monthly_obligations_minor": 1_000 * draw.randrange(0, 150),
            "exposure_elsewhere_minor": 10_000 * draw.randrange(0, 500),
            "facts": {
                "days_past_due": draw.choice([0] * 19 + [45]),
                "fraud_flags": 0,
                "months_in_business": draw.randrange(6, 200),
                "utilisation_percent": draw.randrange(0, 110),
                "utilisation_6m_percent": draw.randrange(0, 110),
            },
        },
    }
    if draw.random() < 0.2:
        table["line"] = _line(draw)
    return LimitRequest.model_validate(table)


def _line(draw: random.Random) -> dict[str, object]:
    limit_minor = 100_000 * draw.randrange(1, 31)
    return {
        "limit_minor": limit_minor,
        "outstanding_minor": draw.randrange(0, limit_minor),
        "changed_on": (_NOW.date() - timedelta(days=draw.randrange(10, 400))).isoformat(),
        "better_reviews": draw.randrange(0, 3),
        "worse_reviews": draw.randrange(0, 2),
    }


def forget() -> None:
    """Forget what is known from before."""
    priced.cache_clear()
    priced_plan.cache_clear()
    annuity_factor.cache_clear()


def decisions_a_second(of: World, *, days: int) -> None:
    """Print how many questions one core decides in a second, if they come over so many days."""
    rulebook, fields = of.rulebook, of.reader.contract.fields
    every = [_NOW.date() + timedelta(days=day) for day in range(days)]
    frames = [Frame(rulebook.policy, rules_on(rulebook.profile, day), fields, day) for day in every]
    scores = of.reader.score([of.reader.read(request.features) for request in of.requests])
    cases = [
        (
            Case(request, Known(one.p_default, 10), one.losses, ()),
            frames[place * days // len(scores)],
        )
        for place, (request, one) in enumerate(zip(of.requests, scores, strict=True))
    ]
    forget()
    begun = time.process_time()
    found = [decide(case, frame).outcome for case, frame in cases]
    taken = time.process_time() - begun
    known = priced.cache_info()
    setting: dict[str, object] = {
        "days": days,
        "prices_known_from_before": round(known.hits / max(1, known.hits + known.misses), 3),
        **{name: round(found.count(name) / len(found), 3) for name in sorted(set(found))},
    }
    _print("decisions a second of one core", len(cases) / taken, "1/s", len(cases), setting)


def added_to_a_score(of: World, prices: str) -> None:
    """Print what the whole question takes beyond a score of the same applicant.

    Args:
        of: Asked of.
        prices: "known", "as they come" in a day, or "none known".
    """
    forget()
    if prices == "known":
        for request in of.requests:
            _whole(of, request)
    scores, wholes = [], []
    gc.collect()
    for request in of.requests:
        scores.append(_taken_us(lambda request=request: _scored(of, request)))
        if prices == "none known":
            forget()
        wholes.append(_taken_us(lambda request=request: _whole(of, request)))
    added = [whole - score for whole, score in zip(wholes, scores, strict=True)]
    for name, taken in (("a score", scores), ("a question adds to a score", added)):
        p99 = statistics.quantiles(taken, n=100)[98]
        for part, value in (("median", statistics.median(taken)), ("p99", p99)):
            _print(f"{name}, {part}", value, "us", len(taken), {"prices": prices})


def _taken_us(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return (time.process_time() - begun) * 1e6


def _scored(of: World, request: LimitRequest) -> object:
    return of.reader.score([of.reader.read(request.features)])


def _whole(of: World, request: LimitRequest) -> bytes:
    prepared = LimitQuestion("platform", request, always(of.rulebook)).prepared(of.reader, _NOW)
    (scored,) = of.reader.score([prepared.row])
    return prepared.draft(scored).answer(1)


def drained(of: World, *, times: int) -> None:
    """Print what a question takes from bytes to bytes, 64 at a time, prices known from before."""
    raw = [limit_request_to_wire(request).SerializeToString() for request in of.requests]
    drains = [raw[first : first + _DRAIN] for first in range(0, len(raw), _DRAIN)]
    taken = []
    for _ in range(times + 1):
        gc.collect()
        begun = time.process_time()
        for drain in drains:
            _answered(of, drain)
        taken.append((time.process_time() - begun) / len(raw) * 1e6)
    setting = {"together": _DRAIN, "lowest": round(min(taken[1:]), 1)}
    _print("a question, bytes to bytes", statistics.median(taken[1:]), "us", times, setting)


def _answered(of: World, drain: Sequence[bytes]) -> list[bytes]:
    asked = map(limit_request_from_wire, drain)
    questions = [LimitQuestion("platform", request, always(of.rulebook)) for request in asked]
    drafts = drafts_of(questions, by=of.reader, at=_NOW)
    return [draft.answer(1) for draft in drafts if isinstance(draft, Draft)]


def _print(name: str, value: float, unit: str, n: int, setting: dict[str, object]) -> None:
    line = {"name": name, "value": round(value, 1), "unit": unit, "n": n, "setting": setting}
    print(json.dumps(line), flush=True)


def main() -> None:
    """Measure and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    every = world(asked.questions)
    for days in _DAYS:
        decisions_a_second(every, days=days)
    fewer = every._replace(requests=every.requests[: max(2, asked.questions // 10)])
    for prices in ("known", "none known"):
        added_to_a_score(fewer, prices)
    added_to_a_score(every, "as they come")
    drained(fewer, times=asked.times)


if __name__ == "__main__":
    main()

"""How long does an answer take, for one applicant and for many, from tables and from the scorecard?

A scorecard of 22 numeric fields with ten bins and 8 lists, as in ``benchmarks.batch``; points lost
in every field are part of each answer, as reasons need them.

    python -m benchmarks.answers
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.batch import make_scorecard, make_scorer
from model.scorecard import Scorecard

_ROWS = (1, 16, 64, 512, 8_192)
_SECONDS = 0.1  # of one measurement, about


def columns_of(numbers: Any, codes: Any, scorecard: Scorecard) -> dict[str, Any]:
    """Return the same applicants as the scorecard takes them."""
    drawn = [*numbers.T.tolist(), *codes.T.tolist()]
    fields = scorecard.contract.fields
    levels = [*"abcdef", "other", None]
    return {
        field.name: values if field.kind == "numeric" else [levels[code] for code in values]
        for field, values in zip(fields, drawn, strict=True)
    }


def microseconds(run: Callable[[], object], *, times: int) -> list[float]:
    """Return microseconds of a call, of so many measurements of many calls each."""
    begun = time.perf_counter()
    run()
    calls = max(1, int(_SECONDS / (time.perf_counter() - begun)))
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        for _ in range(calls):
            run()
        taken.append((time.perf_counter() - begun) / calls * 1e6)
    return taken


def _print(name: str, rows: int, taken: list[float]) -> None:
    line = {
        "name": name,
        "value": round(statistics.median(taken), 1),
        "unit": "us",
        "n": len(taken),
        "setting": {"rows": rows, "fields": 30, "lowest": round(min(taken), 1)},
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    """Measure and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    scorecard, scorer = make_scorecard(), make_scorer(has_reasons=True)
    evaluator, draw = scorer.evaluator, np.random.default_rng(1)
    for rows in _ROWS:
        numbers = draw.gamma(2, 30, (rows, 22))
        numbers[draw.random(numbers.shape) < 0.05] = np.nan
        codes = draw.integers(0, 8, (rows, 8))
        if rows == 1:
            one = numbers[0].tolist(), codes[0].tolist()
            taken = microseconds(lambda one=one: evaluator.answer_one(*one), times=asked.times)
            _print("tables, answer_one", 1, taken)
        asks = (numbers, codes)
        taken = microseconds(lambda asks=asks: evaluator.answer(*asks), times=asked.times)
        _print("tables, answer", rows, taken)
        columns = columns_of(numbers, codes, scorecard)
        taken = microseconds(lambda columns=columns: scorecard.score(columns), times=asked.times)
        _print("scorecard", rows, taken)


if __name__ == "__main__":
    main()

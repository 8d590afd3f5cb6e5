"""How often do the intervals of a private evaluation hold what the hold-out really says?

Each repetition draws a new split, new partners and new noise, trains a federation, and compares
every interval of its evaluation with the exact figure on the same hold-out, which no party of a
federation sees. An interval of 95 % should hold it that often, or more: it also allows for the
hold-out being a sample, which the exact figure on it does not need.

    python -m benchmarks.coverage --data FILE --contract FILE --epsilon 1 --repetitions 100
"""

import json
import statistics
import sys

from benchmarks.quality import quality
from benchmarks.utility import Loans, load, options, split, terms_of
from model.features import row_logits
from model.simulation import simulate

Held = tuple[bool, float]


def once(loans: Loans, *, partners: int, epsilon: float, seed: int) -> dict[str, Held]:
    """Return for every measure whether its interval holds the exact figure, and its width."""
    _, parts, everybody = split(loans, partners=partners, seed=seed)
    terms = terms_of(loans, partners=partners, epsilon=epsilon)
    trained = simulate(parts, loans.contract, terms)
    test = everybody.holdout
    logits = row_logits(test.cells, trained.encoding, trained.weights)
    exact = quality(test.outcomes, trained.link.probabilities(logits).numpy())
    said = trained.quality
    found = {}
    for name, estimate, truth in (
        ("auc", said.auc, exact["auc"]),
        ("ks", said.ks, exact["ks"]),
        ("brier", said.brier, exact["brier"]),
        ("calibration error", said.calibration_error, exact["ece"]),
        ("bad rate", said.bad_rate, float(test.outcomes.mean())),
    ):
        found[name] = (estimate.low <= truth <= estimate.high, estimate.high - estimate.low)
    return found


def main() -> None:
    """Repeat, and print JSON lines: how often each interval held, and how wide it was."""
    parser = options(__doc__)
    parser.add_argument("--repetitions", type=int, default=100)
    asked = parser.parse_args()
    loans = load(asked.data, asked.contract, split_by=None, test_from=None)
    results = []
    for seed in range(asked.repetitions):
        print(f"repetition {seed + 1} of {asked.repetitions} ...", file=sys.stderr)
        results.append(once(loans, partners=asked.partners, epsilon=asked.epsilon, seed=seed))
    setting = {"data": asked.data.stem, "partners": asked.partners, "epsilon": asked.epsilon}
    for name in results[0]:
        line = {
            "name": name,
            "held": sum(result[name][0] for result in results),
            "mean_width": round(statistics.fmean(result[name][1] for result in results), 4),
            "n": len(results),
            "setting": setting,
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

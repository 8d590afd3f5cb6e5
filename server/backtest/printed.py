"""A backtest as text for a terminal and as JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction

from protocols.contracts.money import money_text
from server.backtest.compare import SIDES, Side
from server.backtest.figures import Figures, Report
from server.backtest.run import Tried
from server.backtest.trial import Trial
from server.backtest.words import SWAP_NAMES, agreement_mark, assumed, measures, p_text, percent

FORMAT = "fedscore-backtest/1"
_MOST_REASONS = 8  # of each policy, on a terminal
_WIDTHS = (42, 22, 22, 22)


def backtest_json(tried: Tried, report: Report) -> str:
    """Return a backtest for programs: money in minor units, shares as text with six decimals."""
    said = {
        "format": FORMAT,
        "release": tried.release,
        "currency": tried.a.policy.currency,
        "policies": {
            side: _policy(trial) for side, trial in zip(SIDES, (tried.a, tried.b), strict=True)
        },
        "files": tried.files,
        "rows": tried.comparison.rows,
        "compared": report.total.count,
        "refused": {side: dict(refusals(tried, side)) for side in SIDES},
        "is_outcome_known": tried.is_outcome_known,
        "assumed": assumed(tried),
        "total": report.total,
        "segments": report.segments,
        "bands": [
            {
                "segment": segment,
                "band": band,
                "figures": figures,
                "agreement": report.agreement[segment, band],
            }
            for (segment, band), figures in report.bands.items()
        ],
        "moves": [
            {"segment": segment, "band_a": band_a, "band_b": band_b, "count": count}
            for segment, moves in report.moves.items()
            for (band_a, band_b), count in moves.items()
        ],
    }
    return json.dumps(_plain(said), indent=2, ensure_ascii=False)


def backtest_text(tried: Tried, report: Report) -> str:
    """Return a backtest for a terminal: the whole and its segments; bands are in the page."""
    lines = [
        *(
            f"{side}  {trial.policy.name}  {trial.policy.digest.hex()}"
            for side, trial in zip(SIDES, (tried.a, tried.b), strict=True)
        ),
        f"release  {tried.release}",
        f"compared {report.total.count:,} of {tried.comparison.rows:,} applicants",
        *_refused_lines(tried),
        "",
        *_table(tried, "all", report.total),
    ]
    there = {name: figures for name, figures in report.segments.items() if figures.count}
    if len(there) > 1:
        for name, figures in there.items():
            lines += ["", *_table(tried, name, figures)]
    lines += ["", *_swap_lines(tried, report.total), "", *_change_lines(tried, report.total)]
    lines += ["", *_reason_lines(report.total)]
    if tried.is_outcome_known:
        lines += ["", *_agreement_lines(report)]
    lines += ["", "what is assumed:"]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in assumed(tried))])


def refusals(tried: Tried, side: Side) -> list[tuple[str, int]]:
    """Return how many a policy did not decide, by kind, most first."""
    found = [(kind, count) for (of, kind), count in tried.comparison.refused.items() if of == side]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _policy(trial: Trial) -> Mapping[str, object]:
    policy = trial.policy
    losses = [
        {
            "segment": segment,
            "loss_given_default": f"{terms.loss_given_default:f}",
            "credit_conversion": f"{terms.credit_conversion:f}",
            "origin": terms.origin,
        }
        for segment, terms in trial.losses.items()
    ]
    named = {"name": policy.name, "digest": policy.digest.hex(), "profile": policy.profile}
    return {**named, "loss_terms": losses}


def _plain(value: object) -> object:
    if isinstance(value, Fraction | float):
        return f"{float(value):.6f}"
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _line(*cells: str) -> str:
    padded = [cells[0].ljust(_WIDTHS[0])]
    padded += [cell.rjust(width) for cell, width in zip(cells[1:], _WIDTHS[1:], strict=False)]
    return "".join(padded).rstrip()


def _table(tried: Tried, name: str, figures: Figures) -> Iterable[str]:
    yield _line(f"{name}: {figures.count:,} applicants", "A", "B", "A - B")
    currency = tried.a.policy.currency
    for one in measures(currency, is_outcome_known=tried.is_outcome_known):
        a, b = figures.a, figures.b
        yield _line(one.name, one.of(a), one.of(b), one.difference(a, b))


def _swap_lines(tried: Tried, figures: Figures) -> Iterable[str]:
    currency = tried.a.policy.currency
    yield _line("who gets something", "applicants", "A's limits", "B's limits") + _risk("PD", "bad")
    for name, swap in figures.swaps.items():
        a, b = (money_text(one, currency) for one in (swap.limit_a_minor, swap.limit_b_minor))
        risk = _risk(percent(swap.p_default), percent(swap.bad_rate))
        yield _line(SWAP_NAMES[name], f"{swap.count:,}", a, b) + risk


def _risk(p_default: str, bad: str) -> str:
    return p_default.rjust(12) + bad.rjust(12)


def _change_lines(tried: Tried, figures: Figures) -> Iterable[str]:
    currency, changes = tried.a.policy.currency, figures.changes
    yield _line("limits of who gets from both", "applicants", "amount")
    raised, lowered = (
        money_text(one, currency) for one in (changes.raised_minor, changes.lowered_minor)
    )
    yield _line("A gives more", f"{changes.raised:,}", raised)
    yield _line("A gives less", f"{changes.lowered:,}", lowered)
    yield _line("the same", f"{changes.same:,}")


def _reason_lines(figures: Figures) -> Iterable[str]:
    yield _line("reasons, most frequent first", "A", "B")
    a, b = figures.a.reasons, figures.b.reasons
    first = [*list(a)[:_MOST_REASONS], *list(b)[:_MOST_REASONS]]
    for code in dict.fromkeys(first):
        yield _line(code, f"{a.get(code, 0):,}", f"{b.get(code, 0):,}")


def _agreement_lines(report: Report) -> Iterable[str]:
    yield _line("does the PD hold, by band of A", "known", "mean PD", "bad rate") + _risk("p", "")
    for (segment, band), one in report.agreement.items():
        if one.known:
            cells = f"{one.known:,}", percent(one.p_default), percent(one.bad_rate)
            yield _line(f"{segment}, {band}", *cells) + _risk(p_text(one), agreement_mark(one))


def _refused_lines(tried: Tried) -> Iterable[str]:
    for side in SIDES:
        for kind, count in refusals(tried, side):
            yield f"not decided by {side}: {count:,}  {kind}"

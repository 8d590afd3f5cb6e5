"""A backtest in words: measures by name, sizes of changes, and all that is assumed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from protocols.contracts.money import money_text
from server.backtest.agreement import Agreement
from server.backtest.columns import DECIDED_ON, REQUESTED
from server.backtest.compare import CHANGE_EDGES, SIDES
from server.backtest.figures import SideFigures, SwapName
from server.backtest.losses import LossTerms, Origin
from server.backtest.run import Tried

SWAP_NAMES: dict[SwapName, str] = {
    "BOTH": "by both",
    "ONLY_A": "by A only: swapped in",
    "ONLY_B": "by B only: swapped out",
    "NEITHER": "by neither",
}
_ORIGINS: dict[Origin, str] = {
    "OWN": "its own terms",
    "OTHER": "the other policy's terms, for it has none",
    "ALL_IS_LOST": "assumed, for neither policy has terms: all is drawn and all is lost",
}
_GENERAL = (
    "A limit counts as given on APPROVE and COUNTEROFFER. A referral gives nothing here: what the "
    "person would say is not known.",
    "Everybody counts as a new applicant: open lines are not reviewed. Everybody takes what is "
    "offered, whatever it costs.",
    "An applicant whom one of the policies refuses is not compared, so that both are judged by "
    "the same people; who was refused, and why, is counted apart.",
    "The borrower's consents count as given and values as fresh, but where columns consents_to_"
    "GROUP and observed_on_GROUP say otherwise. Data that the law bars stay barred.",
    "Values of the feature contract are read as score-file reads them: beyond its bounds they "
    "count as the bound.",
    "Observed bad rates are of loans that were made. Of whom nobody lent to nothing is known, and "
    "who was lent to then may differ from who would be now.",
)
_TOO_LOW, _TOO_HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Measure:
    """One figure of a policy, in words.

    Attributes:
        of: Says it.
        difference: Says how much more A's is than B's; empty where that says nothing.
    """

    name: str
    of: Callable[[SideFigures], str]
    difference: Callable[[SideFigures, SideFigures], str]


def measures(currency: str, *, is_outcome_known: bool) -> Sequence[Measure]:
    """Return the figures that stand in every table, in their order."""
    found = [
        _share("approval rate", lambda side: side.approval_rate),
        Measure("get something", lambda side: f"{side.given:,}", _more(lambda side: side.given)),
        _money("limits in all", lambda side: side.limit_minor, currency),
        _money("average limit", lambda side: _rounded(side.average_minor), currency),
        _money("expected loss", lambda side: side.loss_minor, currency),
        _share("expected loss of limits", lambda side: side.loss_share),
        _share("mean rate a year", lambda side: side.mean_rate),
        _share("mean rate, by limit", lambda side: side.weighted_rate),
        _share("mean PD of who gets something", lambda side: side.p_default),
    ]
    if is_outcome_known:
        found.append(_share("bad rate of who gets something", lambda side: side.bad_rate))
    return found


def p_text(agreement: Agreement) -> str:
    """Return the value of Jeffreys' test as a person reads it; a dash for none."""
    return "-" if agreement.jeffreys_p is None else f"{agreement.jeffreys_p:.3f}"


def agreement_mark(agreement: Agreement) -> str:
    """Return which way a band's probability of default is off, if chance alone says it seldom."""
    p, foreseen, came = agreement.jeffreys_p, agreement.p_default, agreement.bad_rate
    if p is None or foreseen is None or came is None:
        return ""
    # The second: of few and safe loans the test's prior alone would say so, though none went bad.
    if p < _TOO_LOW and came > foreseen:
        return "PD too low"
    return "PD too high" if p > _TOO_HIGH and came < foreseen else ""


def percent(value: Fraction | None) -> str:
    """Return a share as a person reads it; a dash for none."""
    return "-" if value is None else f"{float(value):.2%}".replace("%", " %")


def change_name(size: int) -> str:
    """Return a size of a change in words; see ``compare.change_size``."""
    if size == 0:
        return "the same"
    edges = (0, *CHANGE_EDGES)
    low, high = edges[abs(size) - 1], edges[abs(size) :][:1]
    said = f"up to {high[0]} %" if high and not low else f"{low} to {high[0]} %" if high else ""
    return f"{said or f'over {low} %'} {'more' if size > 0 else 'less'}"


def change_sizes() -> Iterable[int]:
    """Return every size that there is, from the largest decrease up."""
    most = len(CHANGE_EDGES) + 1
    return range(-most, most + 1)


def assumed(tried: Tried) -> list[str]:
    """Return what the figures take for granted, a sentence each."""
    currency, supposed = tried.a.policy.currency, tried.supposed
    said = list(_GENERAL)
    if supposed.requested_minor is not None:
        amount = money_text(supposed.requested_minor, currency)
        said.append(f"Where no {REQUESTED} is in the file, {amount} was asked for.")
    if supposed.on is not None:
        said.append(f"Where no {DECIDED_ON} is in the file, {supposed.on} is the day of decision.")
    said.append(
        "Expected loss is PD x LGD x EAD. PD is the release's, within the contract's window; EAD "
        "is the limit by the share that is drawn by default, nothing being drawn before."
    )
    for side, trial in zip(SIDES, (tried.a, tried.b), strict=True):
        said += (f"{side}, {name}: {_terms(terms)}." for name, terms in trial.losses.items())
    if _differ(tried):
        said.append(
            "Expected losses of A and B are by different terms, so that their difference is not "
            "of limits alone."
        )
    return said


def _terms(terms: LossTerms) -> str:
    lost, drawn = terms.loss_given_default, terms.credit_conversion
    return f"LGD {lost:f}, drawn {drawn:f} of the limit, {_ORIGINS[terms.origin]}"


def _differ(tried: Tried) -> bool:
    a, b = tried.a.losses, tried.b.losses
    return any(
        (a[name].loss_given_default, a[name].credit_conversion)
        != (b[name].loss_given_default, b[name].credit_conversion)
        for name in a.keys() & b.keys()
    )


def _share(name: str, of: Callable[[SideFigures], Fraction | None]) -> Measure:
    def difference(a: SideFigures, b: SideFigures) -> str:
        one, other = of(a), of(b)
        return "" if one is None or other is None else f"{100 * float(one - other):+.2f} points"

    return Measure(name, lambda side: percent(of(side)), difference)


def _money(name: str, of: Callable[[SideFigures], int | None], currency: str) -> Measure:
    def said(side: SideFigures) -> str:
        minor = of(side)
        return "-" if minor is None else money_text(minor, currency)

    def difference(a: SideFigures, b: SideFigures) -> str:
        one, other = of(a), of(b)
        if one is None or other is None:
            return ""
        return f"{'+' if one > other else ''}{money_text(one - other, currency)}"

    return Measure(name, said, difference)


def _more(of: Callable[[SideFigures], int]) -> Callable[[SideFigures, SideFigures], str]:
    return lambda a, b: f"{of(a) - of(b):+,}"


def _rounded(value: Fraction | None) -> int | None:
    return None if value is None else int(value + Fraction(1, 2))

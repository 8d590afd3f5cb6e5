"""The report's two plots: each partner's budget over time, and what the best attacker can do."""

from collections.abc import Callable, Iterator

from clients.auditor.facts import Facts, PartnerFacts
from clients.auditor.meaning import FALSE_ALARMS, true_positives
from clients.auditor.report.chart import Frame, Line, Point, moment, plot, steps
from protocols.ledger.epsilons import say_epsilon

_Say = Callable[..., str]
_FALSE_POSITIVES = (*(n / 1000 for n in range(10)), *(n / 100 for n in range(1, 101)))
_SHARES = ((0.0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %"))


def budget_plots(facts: Facts, say: _Say) -> Iterator[str]:
    """Yield a small plot for each partner: spent over time, as a share of the caps.

    A circle at the right is the price with open runs at their most, where that is more.
    """
    times = [point.at for partner in facts.partners for point in partner.history]
    span = (min(times), max(times)) if times else (0, 1)
    for partner in facts.partners:
        yield _budget(partner, span, say)


def attacker_plot(facts: Facts, say: _Say) -> str:
    """Return the best attacker's curves: true against false positives, at the dearest partner."""
    lines = [Line(say("meaning.guess"), "guess", ((0.0, 0.0), (1.0, 1.0)))]
    marks: list[Point] = []
    hits = []
    for name in ("released", "worst"):
        mus = [
            view.meaning.mu_micro / 1e6
            for partner in facts.partners
            for view in partner.views
            if view.view == name
        ]
        mu = max(mus, default=0.0)
        curve = tuple((share, true_positives(share, mu)) for share in _FALSE_POSITIVES)
        lines.append(Line(say(f"view.{name}"), name, curve))
        marks.append((FALSE_ALARMS, true_positives(FALSE_ALARMS, mu)))
        hits.append(f"{100 * marks[-1][1]:.1f} %")
    frame = Frame(
        title=say("meaning.plot"),
        described=say("meaning.described", released=hits[0], worst=hits[1]),
        width=420,
        height=300,
        x=(0.0, 1.0),
        y=(0.0, 1.0),
        x_ticks=_SHARES,
        y_ticks=_SHARES,
    )
    return plot(frame, lines, marks=marks)


def _budget(partner: PartnerFacts, span: tuple[int, int], say: _Say) -> str:
    first, last = span
    curves = {
        "released": _shares(partner, lambda point: point.spent.released_micro, 0),
        "worst": _shares(partner, lambda point: point.spent.worst_micro, 1),
    }
    ends = [_share(partner.views[index].closed_micro, partner, index) for index in (0, 1)]
    promised = [(float(last), end) for end in ends if partner.open_runs]
    most = max(1.0, *ends, *(y for points in curves.values() for _, y in points)) * 1.06
    frame = Frame(
        title=partner.name,
        described=say(
            "budget.described",
            name=partner.name,
            spends=partner.spends,
            released=say_epsilon(partner.spent_released_micro),
            released_cap=say_epsilon(partner.released.cap_micro or 0),
            worst=say_epsilon(partner.spent_worst_micro),
            worst_cap=say_epsilon(partner.worst.cap_micro or 0),
        ),
        width=290,
        height=150,
        x=(float(first), float(last)),
        y=(0.0, most),
        x_ticks=tuple((float(at), moment(at, span_s=last - first)) for at in span if first),
        y_ticks=((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")),
    )
    cap = Line("", "cap", ((float(first), 1.0), (float(last), 1.0)))
    lines = [cap, *(Line("", name, steps(curves[name], until=last)) for name in curves)]
    return plot(frame, lines, marks=promised)


def _shares(partner: PartnerFacts, micro_of: Callable[..., int], index: int) -> tuple[Point, ...]:
    points = [(float(each.at), _share(micro_of(each), partner, index)) for each in partner.history]
    # A clock that was set back must not draw a line that goes back.
    return tuple(sorted(points))


def _share(micro: int, partner: PartnerFacts, index: int) -> float:
    return micro / (partner.views[index].cap_micro or 1)

"""How often a challenger policy decided otherwise than the answer, by an exported journal."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from protocols.contracts.decisions import LimitDecision
from protocols.contracts.money import money_text
from protocols.errors import ConfigError, ContractError
from protocols.translate_decisions import decision_from_wire
from protocols.wire import decisions_v1_pb2 as wire
from server.backtest.compare import BILLION, Comparison, Pair, Said
from server.backtest.figures import share
from server.backtest.words import percent
from server.batch.sources import Source, check_columns, find_sources, read_parts
from server.serving.questions import DECIDE
from server.serving.shadow import BY_POLICY

_COLUMNS = ("tenant", "method", "request_id", "answer")


class Policies(NamedTuple):
    """Digests of the challenger and of the policy that answered, and the currency of both."""

    challenger: bytes
    champion: bytes
    currency: str


class Record(NamedTuple):
    """What is read of a journal's record: whose question it is, by which method, the answer."""

    tenant: str
    method: str
    request_id: str
    answer: bytes | None


def challenges(export: Path) -> dict[Policies, Comparison]:
    """Return a comparison of each challenger, as A, with the policy that answered, as B.

    Read twice, so that only answers that have a pair are held, and each only until it comes. A
    pair is left out if one of its answers was deleted, or is of another version.

    Args:
        export: What ``fedscore-server journal export`` wrote.

    Raises:
        ConfigError, MissingColumnError, UnreadableDataError: It is no such file.
    """
    source = _export(export)
    paired = {_asked(one) for one in _records(source) if one.method == BY_POLICY}
    answers: dict[tuple[str, str], bytes | None] = {}
    found: dict[Policies, Comparison] = {}
    for one in _records(source):
        if one.method == DECIDE and _asked(one) in paired:
            answers[_asked(one)] = one.answer
        elif one.method == BY_POLICY:
            _count(one.answer, answers.pop(_asked(one), None), found)
    return found


def challenge_facts(policies: Policies, comparison: Comparison) -> dict[str, object]:
    """Return a comparison for programs; money in minor units."""
    total = comparison.total()
    only_a = comparison.total(lambda at: at.is_given_a and not at.is_given_b)
    only_b = comparison.total(lambda at: at.is_given_b and not at.is_given_a)
    differs = comparison.total(lambda at: at.outcome_a != at.outcome_b)
    return {
        "challenger": policies.challenger.hex(),
        "champion": policies.champion.hex(),
        "currency": policies.currency,
        "pairs": total.count,
        "outcome_differs": differs.count,
        "limit_differs": total.raised + total.lowered + only_a.count + only_b.count,
        "raised": total.raised,
        "raised_minor": total.raised_minor,
        "lowered": total.lowered,
        "lowered_minor": total.lowered_minor,
        "only_challenger": only_a.count,
        "only_challenger_minor": only_a.a.limit_minor,
        "only_champion": only_b.count,
        "only_champion_minor": only_b.b.limit_minor,
        "outcomes": [
            {"champion": champion, "challenger": challenger, "count": count}
            for (champion, challenger), count in sorted(_outcomes(comparison).items())
        ],
    }


def challenge_text(policies: Policies, comparison: Comparison) -> str:
    """Return a comparison for a terminal."""
    total, facts = comparison.total(), challenge_facts(policies, comparison)

    def row(name: str, count: str, minor: str | None = None) -> str:
        amount = "" if minor is None else money_text(int(str(facts[minor])), policies.currency)
        part = percent(share(int(str(facts[count])), total.count))
        return f"{name:32}{facts[count]:>10,}{part:>12}{amount:>24}".rstrip()

    return "\n".join(
        [
            f"challenger  {policies.challenger.hex()}",
            f"champion    {policies.champion.hex()}",
            row("both decided", "pairs"),
            row("outcome differs", "outcome_differs"),
            row("limit differs", "limit_differs"),
            row("  challenger gives more", "raised", "raised_minor"),
            row("  challenger gives less", "lowered", "lowered_minor"),
            row("  only the challenger gives", "only_challenger", "only_challenger_minor"),
            row("  only the champion gives", "only_champion", "only_champion_minor"),
            *(
                f"  {champion} -> {challenger}: {count:,}"
                for (champion, challenger), count in sorted(_outcomes(comparison).items())
            ),
        ]
    )


def _outcomes(comparison: Comparison) -> Counter[tuple[str, str]]:
    found = Counter[tuple[str, str]]()
    for place, cell in comparison.cells.items():
        found[place.outcome_b, place.outcome_a] += cell.count
    return found


def _export(path: Path) -> Source:
    if path.is_dir():
        raise ConfigError(f"{path.name}: expected the file that journal export wrote")
    (source,) = find_sources(path)
    check_columns(source, _COLUMNS)
    return source


def _records(source: Source) -> Iterator[Record]:
    for batch in read_parts(source, _COLUMNS, listed=(), is_alone=True):
        columns: Iterable[list[Any]] = (batch.column(name).to_pylist() for name in _COLUMNS)
        yield from map(Record._make, zip(*columns, strict=True))


def _asked(record: Record) -> tuple[str, str]:
    return record.tenant, record.request_id


def _count(
    challenger: bytes | None, champion: bytes | None, found: dict[Policies, Comparison]
) -> None:
    a, b = _decision(challenger), _decision(champion)
    if a is not None and b is not None:
        policies = Policies(a.policy_digest, b.policy_digest, b.currency)
        found.setdefault(policies, Comparison()).add(Pair(b.segment, _said(a), _said(b)))


def _decision(answer: bytes | None) -> LimitDecision | None:
    if answer is None:
        return None
    try:
        return decision_from_wire(wire.DecideLimitResponse.FromString(answer).decision)
    except (DecodeError, ContractError):
        return None


def _said(decision: LimitDecision) -> Said:
    codes = tuple(reason.code for reason in decision.principal_reasons)
    p_default = round(decision.p_default * BILLION)
    return Said(decision.outcome, decision.band, decision.limit_minor, p_default, 0, codes)

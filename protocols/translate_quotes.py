"""Quotes to wire messages and back; nothing else."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple, TypeVar

from google.protobuf.message import Message
from pydantic import ValidationError

from protocols.contracts.applicants import RequestError, Violation, request_error
from protocols.contracts.features import Contract
from protocols.contracts.quotes import Loan, OfferedLoan, PlanQuote, SettlementQuote, Terms
from protocols.translate import checked
from protocols.translate_decisions import SEGMENTS
from protocols.translate_inquiries import day_of
from protocols.translate_questions import parse_request, segment_of
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import quotes_v1_pb2 as wire

_Table = TypeVar("_Table", bound=Contract)


class SettlementInquiry(NamedTuple):
    """When a loan is to end; ``paid_minor`` None is all that fell due before."""

    loan: Loan
    on: date
    paid_minor: int | None = None


def plan_request_to_wire(loan: Loan) -> wire.QuotePlanRequest:
    """Return the message that asks for a plan."""
    return wire.QuotePlanRequest(loan=_loan_to_wire(loan))


def plan_request_from_wire(raw: bytes) -> Loan:
    """Return the loan whose plan request bytes ask for.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    return _loan(parse_request(raw, wire.QuotePlanRequest(), _parts).loan)


def settlement_request_to_wire(asked: SettlementInquiry) -> wire.QuoteEarlySettlementRequest:
    """Return the message that asks what ends a loan."""
    return wire.QuoteEarlySettlementRequest(
        loan=_loan_to_wire(asked.loan), on=asked.on.isoformat(), paid_minor=asked.paid_minor
    )


def settlement_request_from_wire(raw: bytes) -> SettlementInquiry:
    """Return what request bytes ask about the end of a loan.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    message = parse_request(raw, wire.QuoteEarlySettlementRequest(), _parts)
    paid = message.paid_minor if message.HasField("paid_minor") else None
    return SettlementInquiry(_loan(message.loan), day_of(message.on, "on"), paid)


def plan_quote_to_wire(quote: PlanQuote) -> wire.QuotePlanResponse:
    """Return the message that holds a plan."""
    plain = quote.model_dump(exclude={"rows", "costs", "cap", "drawn_on"})
    rows = (
        wire.Row(due_on=row.due_on.isoformat(), **row.model_dump(exclude={"due_on"}))
        for row in quote.rows
    )
    message = wire.QuotePlanResponse(rows=rows, drawn_on=quote.drawn_on.isoformat(), **plain)
    for cost in quote.costs:
        message.costs.add(basis=cost.basis, percent=cost.percent)
    if quote.cap is not None:
        said = quote.cap.model_dump(exclude={"since"})
        message.cap.CopyFrom(wire.RateCap(since=quote.cap.since.isoformat(), **said))
    return message


def plan_quote_from_wire(message: wire.QuotePlanResponse) -> PlanQuote:
    """Return the plan in a message.

    Raises:
        ContractError: The message is not a complete plan.
    """
    table = _fields(message, set(PlanQuote.model_fields) - {"rows", "costs", "cap"})
    table["rows"] = tuple(_fields(row) for row in message.rows)
    table["costs"] = tuple(_fields(cost) for cost in message.costs)
    table["cap"] = _fields(message.cap) if message.HasField("cap") else None
    return checked(lambda: PlanQuote.model_validate(table))


def settlement_to_wire(quote: SettlementQuote) -> wire.QuoteEarlySettlementResponse:
    """Return the message that says what ends a loan."""
    plain = quote.model_dump(exclude={"on"})
    return wire.QuoteEarlySettlementResponse(on=quote.on.isoformat(), **plain)


def settlement_from_wire(message: wire.QuoteEarlySettlementResponse) -> SettlementQuote:
    """Return what ends a loan.

    Raises:
        ContractError: The message is not a complete answer.
    """
    return checked(lambda: SettlementQuote.model_validate(_fields(message)))


def _parts(message: wire.QuotePlanRequest | wire.QuoteEarlySettlementRequest) -> list[Message]:
    loan = message.loan
    return [loan, loan.offered, loan.terms, loan.terms.fees]


def _loan(message: wire.Loan) -> Loan:
    if message.HasField("offered") == message.HasField("terms"):
        raise RequestError([Violation("loan", "give one of offered and terms")])
    if message.HasField("offered"):
        return _validated(OfferedLoan, _without_blanks(_fields(message.offered)))
    return _validated(Terms, _terms_table(message.terms))


def _terms_table(message: wire.Terms) -> dict[str, object]:
    table = _without_blanks(_fields(message, set(Terms.model_fields) - {"fees", "segment"}))
    table["segment"] = segment_of(message.segment)
    fees = _fields(message.fees)
    return table | {"fees": {name: value or _ZERO[name] for name, value in fees.items()}}


_ZERO = {"upfront_share": "0", "upfront_minor": 0, "monthly_share": "0", "monthly_minor": 0}


def _loan_to_wire(loan: Loan) -> wire.Loan:
    plain = {name: value for name, value in loan.model_dump().items() if value is not None}
    for name, value in plain.items():
        if isinstance(value, date):
            plain[name] = value.isoformat()
    if isinstance(loan, OfferedLoan):
        return wire.Loan(offered=wire.OfferedLoan(**plain))
    fees, segment = wire.Fees(**loan.fees.model_dump()), SEGMENTS[loan.segment]
    return wire.Loan(terms=wire.Terms(**plain | {"fees": fees, "segment": segment}))


def _fields(
    message: wire.OfferedLoan
    | wire.Terms
    | wire.Fees
    | wire.Row
    | wire.RateCap
    | wire.QuotePlanResponse
    | wire.QuoteEarlySettlementResponse
    | decisions.AnnualCost,
    names: Iterable[str] | None = None,
) -> dict[str, object]:
    every = [field.name for field in message.DESCRIPTOR.fields] if names is None else names
    return {name: getattr(message, name) for name in every}


def _without_blanks(table: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in table.items() if value not in ("", 0)}


def _validated(kind: type[_Table], table: dict[str, object]) -> _Table:
    try:
        return kind.model_validate(table)
    except ValidationError as err:
        raise request_error(err) from err

"""``fedscore-review``: an officer lists, reads, claims and resolves cases."""

import argparse
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from clients.scorer.command_line import add_server_options, endpoint_of, status_of

if TYPE_CHECKING:
    from clients.scorer.recourse import RecourseClient
    from protocols.contracts.cases import CaseEvent
    from protocols.contracts.recourse import ClaimReview, ResolveReview

_Kind = TypeVar("_Kind", "ClaimReview", "ResolveReview")
_NO_MORE: Mapping[str, object] = MappingProxyType({})
_STATUS = """\
exit status:
  0  done
  2  the arguments are wrong, or there is no such decision
  5  no server, or one that cannot answer now
  1  the case or the rules refuse it; the line says why
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    return status_of("fedscore-review", lambda: _print(options))


def _print(options: argparse.Namespace) -> None:
    sys.stdout.write(_answer(options) + "\n")


def _answer(options: argparse.Namespace) -> str:
    # Imported here, so that --help and the hint above work where the extra is not installed.
    from clients.scorer.case_text import as_json, case_lines, cases_lines, event_line
    from clients.scorer.recourse import RecourseClient

    with RecourseClient(endpoint_of(options), timeout_s=options.timeout_s) as client:
        if options.verb == "list":
            cases = list(takewhile(lambda case: case.is_open, client.list_cases()))
            return as_json(cases) if options.json else cases_lines(cases)
        if options.verb == "show":
            case = client.get_case(options.decision)
            return as_json(case) if options.json else case_lines(case)
        event = _STEPS[options.verb](client, options)
        return as_json(event) if options.json else event_line(event)


def _claim(client: "RecourseClient", options: argparse.Namespace) -> "CaseEvent":
    from protocols.contracts.recourse import ClaimReview

    return client.take(_step(ClaimReview, options))


def _uphold(client: "RecourseClient", options: argparse.Namespace) -> "CaseEvent":
    from protocols.contracts.recourse import ResolveReview

    more = {"verdict": "UPHELD", "note": _note(options.note)}
    return client.take(_step(ResolveReview, options, more))


def _overturn(client: "RecourseClient", options: argparse.Namespace) -> "CaseEvent":
    from protocols.contracts.decisions import outcome_of
    from protocols.contracts.recourse import ResolveReview

    decision, note = client.get_case(options.decision).decision, _note(options.note)
    override = {
        "outcome": outcome_of(options.limit_minor, decision.requested_amount_minor),
        "limit_minor": options.limit_minor,
        "reason_code": options.reason_code,
        "note": note,
        "expires_at": datetime.combine(options.expires_on, time(), UTC),
    }
    more = {"verdict": "OVERTURNED", "note": note, "override": override}
    return client.take(_step(ResolveReview, options, more))


_STEPS = {"claim": _claim, "uphold": _uphold, "overturn": _overturn}


def _step(
    kind: "type[_Kind]", options: argparse.Namespace, more: Mapping[str, object] = _NO_MORE
) -> "_Kind":
    from pydantic import ValidationError

    from protocols.contracts.applicants import request_error

    table = {
        "request_id": str(uuid.uuid4()),
        "decision_id": options.decision,
        "expected_version": getattr(options, "version", 0),
    }
    try:
        return kind.model_validate(table | dict(more))
    except ValidationError as err:
        raise request_error(err) from err


def _note(text: str) -> str:
    return sys.stdin.read().strip() if text == "-" else text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fedscore-review",
        allow_abbrev=False,
        description="Review decisions that were contested, as the officer of your certificate.",
        epilog=_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    server = _server_options()
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", parents=[server], help="what is under review, what is due first")
    for verb, text in (
        ("show", "a case: what stands, the decision, and what happened"),
        ("claim", "take a case, alone and for a while; again, to keep it longer"),
        ("uphold", "say that what stands goes on to stand"),
        ("overturn", "put another limit in its place, for a while"),
    ):
        one = verbs.add_parser(verb, parents=[server], help=text, description=text)
        one.add_argument("decision", metavar="DECISION_ID")
        if verb in ("uphold", "overturn"):
            one.add_argument(
                "--version", type=int, required=True, help="of the case, as show printed it"
            )
            one.add_argument("--note", required=True, help="why; - reads standard input")
        if verb == "overturn":
            _add_override(one)
    return parser


def _add_override(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit-minor", type=int, required=True, help="in minor units, such as cents; 0 declines"
    )
    parser.add_argument(
        "--reason-code", required=True, help="a stable code, such as OVERRIDE.INCOME_VERIFIED"
    )
    parser.add_argument(
        "--expires-on",
        type=date.fromisoformat,
        required=True,
        help="YYYY-MM-DD: from the beginning of that day (UTC) the decision stands again",
    )


def _server_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_server_options(parser)
    return parser

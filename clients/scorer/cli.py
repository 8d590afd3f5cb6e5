"""``fedscore-score``: ask a server about one applicant in a JSON file, and print the answer."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clients.scorer.command_line import add_server_options, status_of

_EXAMPLE = """\
the file:
  {"request_id": "6d1f...",            one per question; made if left out
   "requested_amount_minor": 1200000,  in minor units, such as cents
   "currency": "USD",
   "features": {"annual_inc": 55000, "term": "36 months"}}
To ask again with the same request_id is safe: the same answer comes back.

the receipt: proves later, to whoever has the log's public key, that this answer was given at that
time (fedscore-audit receipt). It holds the whole answer: keep it as you keep that.

exit status:
  0  answered; a decline is an answer
  2  the arguments or the request are wrong
  5  no server, or one that cannot answer now
  1  anything else
"""
_DECIDES_FIRST = (
    "without --decision the request is first decided: that decision is stored, and its offer counts"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)

    def work() -> None:
        from clients.scorer.score_command import run  # here: --help works without the extra

        run(options)

    return status_of("fedscore-score", work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fedscore-score",
        allow_abbrev=False,
        description="Ask a fedscore server for a credit limit, or a score, for one applicant.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, nargs="?", help="the request in JSON; - reads standard input"
    )
    parser.add_argument("--decision", metavar="ID", help="a decision that was given before")
    parser.add_argument(
        "--receipt", type=Path, metavar="OUT", help="write the answer's receipt to this new file"
    )
    parser.add_argument("--score-only", action="store_true", help="a score, no limit")
    parser.add_argument(
        "--simulate-profile", metavar="NAME", help="try it under this profile; nothing is stored"
    )
    parser.add_argument(
        "--explain",
        choices=("en", "zh"),
        help=f"why the decision is as it is, in this language; {_DECIDES_FIRST}",
    )
    parser.add_argument(
        "--replay",
        action="store_true",
        help=f"make the decision again: the same, or what drifted; {_DECIDES_FIRST}",
    )
    add_server_options(parser)
    return parser

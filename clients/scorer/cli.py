"""``fedscore-score``: ask a server about one applicant in a JSON file, and print the answer."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from protocols.errors import ConfigError, ScoringError

_OURS = ("clients", "protocols")
_EXAMPLE = """\
the file:
  {"request_id": "6d1f...",            one per question; made if left out
   "requested_amount_minor": 1200000,  in minor units, such as cents
   "currency": "USD",
   "features": {"annual_inc": 55000, "term": "36 months"}}
To ask again with the same request_id is safe: the same answer comes back.

exit status:
  0  answered; a decline is an answer
  2  the arguments or the request are wrong
  5  no server, or one that cannot answer now
  1  anything else
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        sys.stdout.write(_answer(options) + "\n")
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(_OURS):
            raise
        hint = f'needs {err.name}; pip install "fedscore[server]" brings it'
        sys.stderr.write(f"fedscore-score: {hint}\n")
        return ConfigError.exit_code
    except ScoringError as err:
        sys.stderr.write(f"fedscore-score: {err}\n")
        return err.exit_code
    return 0


def _answer(options: argparse.Namespace) -> str:
    # Imported here, so that --help and the hint above work where the extra is not installed.
    from clients.scorer.answer import answer_json, answer_lines, explanation_lines
    from clients.scorer.client import ScorerClient
    from clients.scorer.endpoint import Endpoint
    from clients.scorer.request import read_limit_request, read_score_request

    endpoint = Endpoint(
        options.address,
        ca_path=options.ca,
        certificate_path=options.certificate,
        key_path=options.key,
        insecure_loopback=options.insecure_loopback,
    )
    printed = answer_json if options.json else answer_lines
    with ScorerClient(endpoint, timeout_s=options.timeout_s) as client:
        if options.score_only:
            return printed(client.score(read_score_request(options.file)))
        request = read_limit_request(options.file)
        if options.simulate_profile:
            return printed(client.simulate_limit(request, profile=options.simulate_profile))
        decision = client.decide_limit(request)
        if not options.explain:
            return printed(decision)
        explanation = client.explain_decision(decision.decision_id, request, options.explain)
        return (
            answer_json(explanation)
            if options.json
            else explanation_lines(explanation, decision.currency)
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fedscore-score",
        allow_abbrev=False,
        description="Ask a fedscore server for a credit limit, or a score, for one applicant.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the request in JSON; - reads standard input")
    parser.add_argument("--address", default="127.0.0.1:50051", help="host:port of the server")
    parser.add_argument("--ca", type=Path, help="PEM of the CA that signed the server")
    parser.add_argument("--certificate", type=Path, help="PEM of your own certificate, if asked")
    parser.add_argument("--key", type=Path, help="PEM of its private key")
    parser.add_argument("--timeout-s", type=float, default=10.0, help="seconds to wait, and try")
    parser.add_argument("--score-only", action="store_true", help="a score, no limit")
    parser.add_argument(
        "--simulate-profile", metavar="NAME", help="try it under this profile; nothing is stored"
    )
    parser.add_argument(
        "--explain", choices=("en", "zh"), help="decide, and explain it in this language"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument(
        "--insecure-loopback", action="store_true", help="no TLS; to a loopback address only"
    )
    return parser

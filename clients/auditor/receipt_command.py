"""``fedscore-audit receipt``: one answer, shown to be in the decision log, without the log."""

import argparse
import sys
from pathlib import Path

from clients.auditor.decision_log import check_decision_log
from clients.auditor.exported import read_file
from clients.auditor.receipt_text import (
    LANGUAGES,
    Facts,
    Shown,
    check_facts,
    receipt_json,
    receipt_text,
)
from protocols.errors import ChainError, CheckpointError, ConfigError
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.receipt import Receipt, parse_receipt, verify_receipt
from protocols.ledger.verifier import parse_verifier

_OURS = ("clients", "protocols")
_EXIT = """\
exit status:
  0  the answer was given as the receipt has it, and stands in the log
  1  it is not shown to be: a byte was changed, or it is of another log; says which part
  2  an argument is wrong, or a file is absent or unreadable
"""


def add_receipt(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    receipt = commands.add_parser(
        "receipt",
        help="check the receipt of one decision or score, without its log",
        description="Check a receipt offline, and say what was decided, when, and by which "
        "release and policy.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    receipt.add_argument("file", type=Path, help="a receipt, as fedscore-score writes it")
    receipt.add_argument(
        "--key", type=Path, required=True, help="the log's decision-log.pub, from its own source"
    )
    receipt.add_argument(
        "--request", type=Path, help="a request in JSON: is it the one that was answered?"
    )
    receipt.add_argument(
        "--log", type=Path, help="folder of the exported decision log: is the receipt of this log?"
    )
    receipt.add_argument("--language", choices=LANGUAGES, default="en", help="of the text")
    receipt.add_argument("--json", action="store_true", help="print everything as JSON")
    receipt.set_defaults(run=_receipt)


def _receipt(options: argparse.Namespace) -> int:
    log = _key(options.key)
    receipt = parse_receipt(read_file(options.file))
    checkpoint = verify_receipt(receipt, log)
    facts, missing = _facts(receipt)
    check_facts(receipt, facts)
    if options.request is not None:
        _check_request(options.request, receipt)
    size = 0 if options.log is None else check_decision_log(options.log, log, checkpoint)
    shown = Shown(receipt, checkpoint, facts, missing, options.request is not None, size)
    said = receipt_json(shown) if options.json else receipt_text(shown, language=options.language)
    sys.stdout.write(said + "\n")
    return 0


def _key(path: Path) -> LogKey:
    try:
        return parse_verifier(read_file(path).decode("utf-8"))
    except (UnicodeDecodeError, CheckpointError) as err:
        raise ConfigError(f"{path.name}: not a log's public key: name+hash+base64") from err


def _facts(receipt: Receipt) -> tuple[Facts, str]:
    """Return what the answer says, or the package without which nobody can tell."""
    try:
        from clients.auditor.given import facts_of  # here: to verify needs no protobuf
    except ModuleNotFoundError as err:
        return (), _missing(err)
    return facts_of(receipt.method, receipt.answer), ""


def _check_request(path: Path, receipt: Receipt) -> None:
    try:
        from clients.auditor.asked import digest_of_request  # here: to verify needs no pydantic
    except ModuleNotFoundError as err:
        hint = f'--request needs {_missing(err)}: pip install "fedscore[audit]"'
        raise ConfigError(hint) from err
    method, request_id = receipt.method, receipt.request_id
    asked = digest_of_request(path, method=method, request_id=request_id)
    if asked != receipt.body_digest:
        raise ChainError(f"{path.name}: not the request that was answered")


def _missing(err: ModuleNotFoundError) -> str:
    if err.name is None or err.name.startswith(_OURS):
        raise err
    return err.name

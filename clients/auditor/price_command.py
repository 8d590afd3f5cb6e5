"""``fedscore-audit price``: verify a log and price it by three accountants."""

import argparse
import sys
from pathlib import Path

from clients.auditor.exported import audit_export
from protocols.errors import ConfigError, VerificationError
from protocols.ledger.policy import SIGNATURES_NAME

_OURS = ("clients", "protocols")
_EXIT = """\
exit status:
  0  the log is true and all accountants and claims agree
  1  a finding, or prices that differ
  2  an argument is wrong, a file or folder is absent or unreadable, or a package is missing
"""


def add_price(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    price = commands.add_parser(
        "price",
        help="verify an exported log and price it by three accountants",
        description="Verify an exported log, price it in closed form, by privacy loss "
        "distributions and after Renyi, and test the noise of every opened sum.",
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    price.add_argument("folder", type=Path, help="folder of an exported log")
    price.add_argument("--charter", type=Path, required=True, help="the charter's TOML file")
    price.add_argument(
        "--signatures", type=Path, help=f"default: {SIGNATURES_NAME} beside the charter"
    )
    price.add_argument("--json", action="store_true", help="print everything as JSON")
    price.set_defaults(run=_price)


def _price(options: argparse.Namespace) -> int:
    try:  # here: verify needs none of them
        from clients.auditor.contrasts import judge_noise
        from clients.auditor.price_text import price_json, price_text
        from clients.auditor.pricing import price_audit
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(_OURS):
            raise
        raise ConfigError(f'price needs {err.name}: pip install "fedscore[audit]"') from err
    terms, audit = audit_export(
        options.folder, charter=options.charter, signatures=options.signatures
    )
    pricing, tests = price_audit(audit, terms), judge_noise(audit.sums)
    printed = price_json if options.json else price_text
    sys.stdout.write(printed(audit, pricing, tests) + "\n")
    return 0 if audit.is_true and pricing.agree else VerificationError.exit_code

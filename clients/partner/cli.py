"""``fedscore-partner``: says which packages are missing, else hands over to the commands."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from clients.partner.commands import run  # here: its packages may not be installed
    except ModuleNotFoundError as err:
        sys.exit(f'fedscore-partner needs {err.name}; install it: pip install "fedscore[partner]"')
    sys.exit(run())

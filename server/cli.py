"""``fedscore-server``: says which packages are missing, else hands over to the commands."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from server.commands import run  # here: its packages may not be installed
    except ModuleNotFoundError as err:
        sys.stderr.write(f'fedscore-server needs {err.name}: pip install --editable ".[server]"\n')
        sys.exit(2)
    sys.exit(run())
